"""Lyrics of several lines: from the notes of an item or the project, a file, or the clipboard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.reaper_scene import Scene

WORDS = "[Verse]\nand/or, he said\n둘째 줄\n"


def lyrics(request: dict[str, Any]) -> str:
    return request["parts"][0]["fields"]["music"]["lyrics"]


@pytest.mark.parametrize("place", ["item", "project", "file", " File "])
def test_lyrics_come_whole_from_where_they_are(scene: Scene, place: str) -> None:
    scene.item.notes = WORDS if place == "item" else ""
    scene.project.notes = WORDS if place == "project" else ""
    if "ile" in place:
        path = scene.folder / "가사.txt"
        path.write_text(WORDS, "utf-8")
        scene.r.choose_file(path)
    scene.select()
    assert lyrics(scene.run("Repaint time selection", Lyrics=place)) == WORDS
    assert lyrics(scene.run("Another take")) == WORDS, "a take is made again with the words it has"


def test_typed_lyrics_are_lines_between_slashes(scene: Scene) -> None:
    scene.select()
    assert lyrics(scene.run("Repaint time selection", Lyrics="one / two")) == "one\ntwo"


@pytest.mark.parametrize(
    ("place", "says"),
    [("item", "has notes"), ("project", "has no notes"), ("clipboard", "SWS"), ("file", "was chosen")],
)
def test_a_place_without_lyrics_is_said(scene: Scene, place: str, says: str) -> None:
    scene.item.notes = ""
    scene.r.choose_file(None)
    scene.select()
    scene.r.form(Lyrics=place)
    scene.r.run("AceBridge_Repaint time selection.lua")
    (message,) = scene.r.messages
    assert says in message
    assert scene.project.undo == []
