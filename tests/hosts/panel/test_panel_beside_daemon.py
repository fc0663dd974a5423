"""Sound of the panel beside a real daemon: a song that is heard while it is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from acebridge.client.client import Client
from tests.support.browser import CHROMIUM
from tests.support.daemon import Daemon, create_tone_job, daemon_at, expected_tone, state
from tests.support.panel import Panel, panel_beside
from tests.support.panel_page import CARRY, from_page, wait_until
from tests.support.panel_user import open_page, wait_for_end

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
RATE_HZ, LENGTH_S = 44_100, 6.0
CROSSFADE = round(0.02 * RATE_HZ)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("panel"), step_ms=5) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def panel(daemon: Daemon) -> Iterator[Panel]:
    with panel_beside(daemon) as panel:
        yield panel


@pytest.mark.slow  # it plays as long as the song is
def test_a_song_plays_while_it_is_made_and_is_the_one_that_is_stored(
    chromium: Browser, panel: Panel, daemon: Daemon
) -> None:
    seed, seconds = 4243, 6.0
    daemon.hold(seed, at="audio")
    with Client(daemon.address, token=daemon.token) as client, open_page(chromium, panel) as page:
        page.evaluate(f"() => {{ {CARRY} }}")
        page.evaluate("async () => { window.player = (await import('/panel/player.js')).player; }")
        job_id = create_tone_job(client, seconds, seed=seed)
        page.locator(f'#jobs [data-key="{job_id}"]').get_by_role("button", name=re.compile("^Show")).click()
        wait_until(page, "player.sounds.get('output 1')?.have > 0")
        page.evaluate("player.isPlaying || player.play()")  # the page may have begun already
        wait_until(page, "player.time > 0.05")
        assert state(client, job_id) == "running"
        daemon.release(seed)
        wait_for_end(page)
        wait_until(page, "player.sounds.get('output 1').lufs !== null")
        output = from_page(page.evaluate("pack(player.sounds.get('output 1').channels)"))
        page.keyboard.press(" ")
    np.testing.assert_array_equal(output, expected_tone(seed, seconds))
