"""Draw the pictures of docs/panel.md: ``python -m tests.support.panel_pictures`` writes docs/images/panel*.png."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import soundfile
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from acebridge.client.client import Client, request_of
from tests.support.browser import CHROMIUM
from tests.support.daemon import Daemon, daemon_at
from tests.support.panel import Panel, panel_beside
from tests.support.panel_user import drag_region, drop, field, open_page, start, wait_for_end
from tests.support.paths import ROOT

CAPTION = "warm analogue soul, upright bass, brushed drums, Rhodes piano"
LYRICS = "[Verse 1]\nOver the river and into the morning\nI carried a lantern for two\n\n[Chorus]\nHold on to the light"
#: Picture → size of the window in pixels, whether it is dark.
PICTURES = {"panel": ((1280, 2500), False), "panel-dark": ((1280, 2500), True), "panel-phone": ((390, 1900), False)}


def write_song(daemon: Daemon, file: Path) -> None:
    """Have the draft engine write a song to start from."""
    with Client(daemon.address, token=daemon.token) as client:
        fields: dict[str, Any] = {
            "music": {"caption": CAPTION, "bpm": 92.0, "keyscale": "A minor"},
            "duration_s": 21.0,
            "output": {"seeds": [12]},
        }
        submission: dict[str, Any] = {"engine": "draft", "origin": {"host": "REAPER 7.42"}}
        *_, last = client.submit_request(request_of("text2music", fields, submission=submission))
        made = io.BytesIO(b"".join(client.download(last.completed.takes[0].outputs[0].asset_id)))
    soundfile.write(file, *soundfile.read(made), subtype="PCM_24")  # a file of its own, as a musician has it


def work(page: Page, song: Path) -> None:
    """Repaint a region of the song."""
    drop(page, song)
    drag_region(page, 0.3, 0.55)
    page.get_by_label("Task", exact=True).select_option("repaint")
    field(page, "music.caption").fill("a bright piano takes over, the drums drop out")
    field(page, "music.lyrics").fill(LYRICS)
    field(page, "output.takes").fill("2")
    field(page, "output.seeds").fill("4, 5")
    field(page, "submission.engine").select_option("draft")
    page.locator("#task details.more").evaluate("each => { each.open = false; }")
    start(page)
    wait_for_end(page)
    expect(page.locator("#takes .take")).to_have_count(3)
    page.wait_for_timeout(1500)  # the waveforms are drawn


def draw(browser: Browser, panel: Panel, song: Path, folder: Path) -> None:
    """Write all pictures into a folder, each in few colours."""
    for name, (size, is_dark) in PICTURES.items():
        with open_page(browser, panel, size, color_scheme="dark" if is_dark else "light") as page:
            work(page, song)
            page.evaluate("document.activeElement.blur()")
            page.evaluate("scrollTo(0, 0)")
            page.locator("#models > .help").evaluate("each => { each.hidden = true; }")  # it names a temporary folder
            shot = page.screenshot()
        Image.open(io.BytesIO(shot)).convert("RGB").quantize(128).save(folder / f"{name}.png", optimize=True)


def main(folder: Path) -> None:
    """Draw the pictures with a daemon and a browser of their own."""
    with tempfile.TemporaryDirectory() as home, daemon_at(Path(home)) as daemon, panel_beside(daemon) as panel:
        song = Path(home, "Evening sketch.wav")
        write_song(daemon, song)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False)
            draw(browser, panel, song, folder)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs/images")
