"""A repaint in the panel, from a dropped file to a dragged one: by two engines, beside a daemon that dies."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from acebridge.client.client import Client
from tests.support.browser import CHROMIUM
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, song
from tests.support.daemon import download as download_asset
from tests.support.daemon import job as find_job
from tests.support.panel import Panel, panel_beside
from tests.support.panel_mouse import TARGET, drag_to_other_page, drop_file
from tests.support.panel_page import PanelServer
from tests.support.panel_user import (
    DESKTOP,
    PHONE,
    drag_region,
    field,
    job_on_page,
    open_page,
    start,
    wait_for_end,
    wait_for_wave,
)

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
RATE_HZ, LENGTH_S = 44_100, 6.0
CROSSFADE = round(0.02 * RATE_HZ)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    from tests.support.tiny_models import tiny_checkpoint  # loads torch

    models = tmp_path_factory.mktemp("models")
    tiny_checkpoint(models)
    with daemon_at(tmp_path_factory.mktemp("panel"), config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def panel(daemon: Daemon) -> Iterator[Panel]:
    with panel_beside(daemon) as panel:
        yield panel


@pytest.mark.parametrize(("size", "seed"), [(DESKTOP, 4242), (PHONE, 4244)], ids=["desk", "phone"])
def test_repaints_of_a_dropped_file_are_dragged_out_although_the_daemon_dies(
    chromium: Browser,
    panel: Panel,
    server: PanelServer,
    daemon: Daemon,
    tmp_path: Path,
    size: tuple[int, int],
    seed: int,
) -> None:
    server.others["/target"] = TARGET
    file = tmp_path / 'Long "road" 7½.wav'
    soundfile.write(file, song(LENGTH_S, seed=seed, rate_hz=RATE_HZ), RATE_HZ, subtype="PCM_24")
    with open_page(chromium, panel, size, has_touch=size == PHONE) as page:
        drop_file(page, file)
        wait_for_wave(page)
        with Client(daemon.address, token=daemon.token) as client:
            source_id = page.evaluate("async () => (await import('/panel/state.js')).state.source.id")
            assert download_asset(client, source_id) == file.read_bytes()
        page.get_by_label("Task", exact=True).select_option("repaint")
        drag_region(page, 0.25, 0.5)
        field(page, "music.caption").fill("a bright piano")

        _order(page, "draft", seed)
        wait_for_end(page)
        _check(page, server, daemon, file, "draft", seed)

        draft = job_on_page(page)
        daemon.kill()
        _order(page, "neural", seed + 1)
        expect(page.locator("#task .fault").last).to_contain_text("daemon")
        expect(page.locator("#status")).to_have_class("bad")
        daemon.start()
        expect(page.locator("#status")).not_to_have_class("bad")
        start(page)
        wait_for_end(page, before=draft)
        _check(page, server, daemon, file, "neural", seed + 1)

        page.reload()
        expect(page.locator("#work .stage")).to_contain_text("Done")
        assert field(page, "music.caption").input_value() == "a bright piano"
        wait_for_wave(page)


def _order(page: Page, engine: str, seed: int) -> None:
    field(page, "output.seeds").fill(str(seed))
    field(page, "submission.engine").select_option(engine)
    start(page)


def _check(page: Page, server: PanelServer, daemon: Daemon, file: Path, engine: str, seed: int) -> None:
    """Drag the take out and compare it with what is stored, and outside the region with the source."""
    link = page.get_by_role("link", name=re.compile("^Drag or download .+ take 1$"))
    expect(link).to_have_attribute("href", re.compile("/v1/links/"))
    target = page.context.new_page()
    target.goto(f"{server.address}/target")
    handed, dropped = drag_to_other_page(link, target)
    target.close()
    kind, name, url = handed["downloadurl"].split(":", 2)
    assert kind == "audio/x-wav"
    assert name.endswith("take 1.wav")
    assert dropped["text/uri-list"] == url
    # As a DAW or a file manager fetches it: without the key of the page.
    with build_opener(ProxyHandler({})).open(url, timeout=PATIENCE_S) as answer:
        data = answer.read()
    job_id = job_on_page(page)
    with Client(daemon.address, token=daemon.token) as client:
        job = find_job(client, job_id)
        assert data == download_asset(client, job.takes[0].outputs[0].asset_id)
    asked: Any = job.request.repaint
    assert (job.engine, list(asked.output.seeds), asked.music.caption) == (engine, [seed], "a bright piano")
    assert job.origin.host.startswith("AceBridge panel")
    box = page.locator("#source .wave-surface").bounding_box()
    assert box is not None
    pixel_s = LENGTH_S / box["width"]
    assert asked.start_s == pytest.approx(0.25 * LENGTH_S, abs=1.5 * pixel_s)
    assert asked.end_s == pytest.approx(0.5 * LENGTH_S, abs=1.5 * pixel_s)
    before, _ = soundfile.read(file, dtype="float32", always_2d=True)
    after, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    first, last = round(asked.start_s * RATE_HZ) - CROSSFADE, round(asked.end_s * RATE_HZ) + CROSSFADE
    assert rate_hz == RATE_HZ
    np.testing.assert_array_equal(after[:first], before[:first])
    np.testing.assert_array_equal(after[last:], before[last:])
    assert not np.array_equal(after[first:last], before[first:last])
