"""Songs of twenty minutes in the panel: what the page does meanwhile, and what its process takes of the memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile

from tests.support.browser import CHROMIUM
from tests.support.panel_page import HEAD, PanelServer
from tests.support.signals import noise

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.host, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

#: The id of an asset.
LONG = "9".ljust(64, "0")


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_twenty_minutes_neither_freeze_the_page_nor_fill_its_memory(
    chromium: Browser, server: PanelServer, tmp_path: Path, rate: int
) -> None:
    seconds = 1200
    minute = noise(60, rate_hz=rate)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", rate, 2, "FLOAT") as file:
        for _ in range(seconds // 60):
            file.write(minute)
    server.assets[LONG] = tmp_path / "long.wav"
    server.pages["/long"] = f"{HEAD}<main></main></html>"
    page = chromium.new_page()
    page.goto(f"{server.address}/long")
    before = memory_bytes(page)
    turns = page.evaluate(
        """async ([id, rate, frames]) => {
            const { SourceWave } = await import("/panel/source_wave.js");
            const wave = new SourceWave(document.querySelector("main"), {});
            let turns = 0, isOver = false;
            // Something else that the page has to do, again as soon as it was done.
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => { turns += 1; if (!isOver) { port2.postMessage(null); } };
            port2.postMessage(null);
            await wave.show({ id, name: "Long.wav", sample_rate: rate, channels: 2, frames });
            isOver = true;
            window.wave = wave;
            return { turns, frames: wave.waveform.frames, spans: wave.waveform.measurement.peaks.spans };
        }""",
        [LONG, rate, seconds * rate],
    )
    assert turns["frames"] == seconds * rate
    assert turns["spans"] == -(-seconds * rate // 256)
    # Between any two blocks the page does something else: at least once for every two seconds of music.
    assert turns["turns"] > seconds / 2
    assert memory_bytes(page) - before < 3 * 4 * 2 * seconds * rate
    page.close()


def memory_bytes(page: Page) -> int:
    """The most memory that the process of a page has had."""
    session = page.context.browser.new_browser_cdp_session()  # type: ignore[union-attr]
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return max(peak_bytes(each["id"]) for each in processes if each["type"] == "renderer")


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
