"""Draw the pictures of docs/reaper.md: ``python -m tests.support.reaper_pictures`` writes docs/images/reaper-*.png.

Each picture holds the texts that it shows (the PNG's text ``shows``), so that a test can tell whether it is of the present
panel on whichever machine and with whichever fonts it was drawn.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.support.reaper_panel import REST_TICKS, Panel, open_panel
from tests.support.reaper_scene import Scene, open_scene

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
SHOWS = "shows"
COLOURS = 128


def _open(scene: Scene, size: tuple[int, int]) -> Panel:
    scene.r.ext["AceBridge", "window_place"] = f"0 {size[0]} {size[1]}"
    scene.project.tempo(0, 120, 4, 4)
    scene.project.time_selection = (10.0, 14.0)
    scene.project.settle()
    return open_panel(scene)


def _before(scene: Scene) -> Panel:
    """A layer is about to be made: what is heard, the words, the values."""
    scene.r.ext["AceBridge", "capture"] = "pre"
    scene.track.name, scene.item.selected = "Gtr", 0
    scene.project.add_track("Vox").add_item(scene.folder / "b.wav", position=10.0, length=4.0)
    scene.project.add_track("Keys").add_midi(10.0, 4.0)
    for track in scene.project.tracks:
        track.selected = 1
    scene.item.notes = "[verse]\nÀ la claire fontaine\nm'en allant promener"
    scene.item.selected = 1
    panel = _open(scene, (460, 560))
    panel.choose("Repaint time selection", "Add layer")
    panel.type("instruments and mood", "warm strings, slow bow")
    panel.click("Lyrics")
    panel.click("From item notes")
    scene.item.selected = 0
    panel.tick(20)
    return panel


def _after(scene: Scene) -> Panel:
    """A job that runs, one that failed, one whose take is there."""
    scene.track.name = "Gtr"
    panel = _open(scene, (460, 900))
    panel.type("instruments and mood", "brighter, palm-muted guitar")
    panel.answer(panel.go())
    panel.status(panel.go(), state="failed", message="The disk is full: 3 MB are free, 120 MB are needed.",
                 remedy="Free some space, then try again.")  # fmt: skip
    panel.status(panel.go(), fraction=0.42, eta_s=14.0)
    return panel


def _wide(scene: Scene) -> Panel:
    """In a docker at the bottom of the window."""
    scene.track.name = "Gtr"
    panel = _open(scene, (900, 580))
    panel.type("instruments and mood", "brighter, palm-muted guitar")
    panel.answer(panel.go())
    panel.tick(REST_TICKS)
    return panel


PICTURES: dict[str, Callable[[Scene], Panel]] = {"panel": _before, "panel-jobs": _after, "panel-wide": _wide}


def draw(name: str, folder: Path) -> tuple[Image.Image, list[str]]:
    """Return a picture of the panel, and its texts from top to bottom; ``folder`` is for what is made meanwhile."""
    with open_scene(folder) as scene:
        window: Any = PICTURES[name](scene).window
        return window.picture(), [text.text for text in window.texts]


def read(name: str) -> tuple[tuple[int, int], list[str]]:
    """Return size and texts of a picture of the docs."""
    with Image.open(FOLDER / f"reaper-{name}.png") as picture:
        return picture.size, str(picture.info[SHOWS]).split("\n")


def main() -> None:
    for name in PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            picture, texts = draw(name, Path(folder))
        info = PngInfo()
        info.add_itxt(SHOWS, "\n".join(texts))
        picture.quantize(COLOURS).save(FOLDER / f"reaper-{name}.png", optimize=True, pnginfo=info)


if __name__ == "__main__":
    main()
