"""The pictures of docs/reaper.md are of the present panel; it fits into narrow and wide windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import reaper_pictures
from tests.support.reaper_panel import open_panel
from tests.support.reaper_scene import Scene


@pytest.mark.parametrize("name", reaper_pictures.PICTURES)
def test_a_picture_shows_what_the_panel_says_now(name: str, tmp_path: Path) -> None:
    picture, texts = reaper_pictures.draw(name, tmp_path)
    assert reaper_pictures.read(name) == (picture.size, texts), "run: python -m tests.support.reaper_pictures"


def test_every_picture_is_on_the_page_and_drawn() -> None:
    page = (reaper_pictures.FOLDER.parent / "reaper.md").read_text("utf-8")
    files = {path.name for path in reaper_pictures.FOLDER.glob("reaper-*.png")}
    assert files == {f"reaper-{name}.png" for name in reaper_pictures.PICTURES}
    assert all(f"images/{file}" in page for file in files)


@pytest.mark.parametrize("width", [240, 300, 460, 900, 1600])
def test_texts_end_inside_of_the_window(scene: Scene, width: int) -> None:
    scene.r.ext["AceBridge", "window_place"] = f"0 {width} 1200"
    scene.select()
    panel = open_panel(scene)
    panel.answer(panel.go())
    panel.status(panel.go(), state="failed", message="The disk is full: 3 MB are free, 120 MB are needed.")
    assert "Again" in panel.window
    assert all(text.x + text.w <= width for text in panel.window.texts)
