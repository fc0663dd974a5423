"""Takes of the panel while they are generated: sound plays before a job has ended."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import soundfile

from tests.support.browser import CHROMIUM
from tests.support.daemon import PATIENCE_S
from tests.support.panel_page import PanelServer, wait_until
from tests.support.signals import noise

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

RATE = 44_100
SOUND = noise(4, rate_hz=RATE, rms=0.2, seed=1)
OUTPUT = {"output": 1, "take": 1, "role": "mix", "sample_rate": RATE, "channels": 2, "frames": len(SOUND)}
TAKE = {"take": 1, "seed": 7, "outputs": [{**OUTPUT, "asset_id": "1".ljust(64, "0")}]}
JOB = {"id": "a" * 32, "task": "text2music", "state": "running", "request": {"text_to_music": {}}}


def test_sound_plays_before_the_job_has_ended(page: Page, server: PanelServer) -> None:
    """That its samples have no gap is a test of the player, with a clock that no machine holds up."""
    data = io.BytesIO()
    soundfile.write(data, SOUND, RATE, "FLOAT", format="WAV")
    sent, plays = data.getvalue(), threading.Event()
    order: list[str] = []

    def pieces() -> Iterator[bytes]:
        half = len(sent) // 2
        for at in range(0, half, 100_000):
            yield sent[at : min(at + 100_000, half)]
            threading.Event().wait(0.02)
        assert plays.wait(PATIENCE_S)
        order.append("the rest is made")
        yield sent[half:]

    server.answers["/v1/AssetService/GetAsset"] = lambda body: {"id": body["asset_id"]}
    server.outputs[f"/v1/jobs/{'a' * 32}/outputs/1/audio"] = pieces
    page.goto(f"{server.address}/")
    page.evaluate(
        """async ([job, header]) => {
            const { Player } = await import("/panel/player.js"), { showTakes } = await import("/panel/takes.js");
            window.player = new Player({ context: new AudioContext({ sampleRate: header.sample_rate }) });
            await player.context.resume();
            const element = document.createElement("section");
            document.querySelector("main").append(element);
            window.takes = showTakes(element, job, null, { player });
            takes.onEvent("started", { started: { attempt: 1 } });
            takes.onEvent("audio_header", { audio_header: header });
        }""",
        [JOB, OUTPUT],
    )
    wait_until(page, "player.choices.has('take 1')")
    # The clock stands still until the rest has arrived: a busy machine is no gap of the player's.
    page.evaluate("""async () => {
        player.play();
        while (player.time < 0.1) { await new Promise((done) => setTimeout(done, 5)); }
        await player.context.suspend();
    }""")
    order.append("it is heard")
    plays.set()
    wait_until(page, "player.sounds.get('output 1').lufs !== null")
    page.evaluate("player.context.resume()")
    page.evaluate("(take) => takes.onEvent('take_finished', { take_finished: take })", TAKE)
    wait_until(page, "!player.isPlaying")
    assert order == ["it is heard", "the rest is made"]
    assert page.evaluate("player.stalls") == 0
    # What was heard is what is stored: it is not read again.
    page.get_by_role("link", name="Drag or download take 1").wait_for()
    assert page.evaluate("player.sounds.get('output 1').have") == len(SOUND)


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ([(0, 0.5), (100, 1.5), (200, 2.5)], [False, True, True]),  # ten times as fast as it plays
        (
            [(0, 0.5), (1000, 1.0), (4000, 2.5), (30_000, 15), (60_000, 36)],
            [False, False, False, False, True],
        ),  # half as fast
        ([(0, 60)], [True]),
    ],
)
def test_a_slow_sound_begins_when_the_rest_will_be_there_in_time(page: Page, arrivals: Any, expected: Any) -> None:
    found = page.evaluate(
        """async (arrivals) => {
            const { Arrival } = await import("/panel/live_audio.js");
            let now = 0;
            const arrival = new Arrival(() => now);
            return arrivals.map(([ms, have_s]) => { now = ms; return arrival.playsThrough(have_s, 60); });
        }""",
        arrivals,
    )
    assert found == expected
