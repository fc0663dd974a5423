"""Draw the pictures of docs/plugin.md: ``python -m tests.support.plugin_pictures`` writes docs/images/plugin-*.png.

It needs what the tests of the window need: Xvfb, xdotool, and the programs of tests/hosts/plugin/cpp, which it builds.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.support.daemon import until
from tests.support.plugin import PARAMETERS, ROOT, STATES, build_sanitized
from tests.support.window import WindowHost, start_screen

FOLDER = ROOT / "docs/images"
RATE_HZ = 48_000
BAR_FRAMES = 96_000  # at 120 bpm
CAPTION = "Warm upright piano, brushed drums, été à Montréal"
LYRICS = "[verse]\\nÀ la claire fontaine\\nm'en allant promener\\n\\n[chorus]\\nIl y a longtemps que je t'aime"


def save(host: WindowHost, name: str, wait_s: float = 0.5) -> None:
    """Wait until the window has drawn what it was told, and write its picture in few colours."""
    time.sleep(wait_s)
    with tempfile.TemporaryDirectory() as folder:
        host.shot(Path(folder, "shot"))
        Image.open(Path(folder, "shot")).quantize(128).save(FOLDER / f"plugin-{name}.png", optimize=True)


def capture(host: WindowHost) -> None:
    host.ask(f"set {PARAMETERS.index('capture')} 1")
    host.ask(f"play {4 * BAR_FRAMES} {8 * BAR_FRAMES}")
    host.ask(f"set {PARAMETERS.index('capture')} 0")
    until(lambda: "end stop" in host.state("captures"), "the recording")


def report(host: WindowHost, status: str, progress: float, eta_s: float, start: bool, sentence: str) -> None:
    host.ask(f"report {STATES.index(status)} {progress} {eta_s} {int(start)} {sentence}")


def draw(host: WindowHost) -> None:
    capture(host)
    host.ask(f"load caption {CAPTION}")
    host.ask(f"load lyrics {LYRICS}")
    host.ask(f"load selection {6 * BAR_FRAMES} {2 * BAR_FRAMES} {RATE_HZ}")
    host.ask(f"set {PARAMETERS.index('takes')} 3")
    report(host, "working", 0.42, 14, False, "step 21 of 50")
    save(host, "working", 1.5)
    for number in (1, 2, 3):
        host.ask(f"take {number} {6 * BAR_FRAMES} {2 * BAR_FRAMES}")
    host.ask(f"set {PARAMETERS.index('take')} 2")
    host.ask(f"set {PARAMETERS.index('mode')} 1")
    report(host, "done", 1, -1, False, "Three takes are here. Play the region, or listen to them in the list.")
    save(host, "takes")
    report(host, "failed", 0, -1, True, "There is no AceBridge running on this computer. Start it, and press Go again.")
    host.click(560, 225)  # the task menu
    save(host, "menu")


def main() -> None:
    programs = Path(sys.argv[1]) if len(sys.argv) > 1 else build_sanitized("watched", "window_host")
    FOLDER.mkdir(parents=True, exist_ok=True)
    server, display = start_screen()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "DISPLAY": display, "ACEBRIDGE_HOME": home, "ASAN_OPTIONS": "detect_leaks=0"}
        try:
            host = WindowHost(programs / "window_host", programs / "watched.clap", environment)
            draw(host)
            print(host.ask("pixel 700 110"))
            host.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
