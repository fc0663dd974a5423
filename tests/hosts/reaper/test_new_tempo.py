"""Analyse sets a tempo: it says before what follows it, and has REAPER move things before items are attached again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_reaper import api
from tests.support.fake_reaper.state import Source
from tests.support.reaper_scene import AT, LENGTH, Scene
from tests.support.reaper_studio import RATE_HZ


@pytest.mark.parametrize("midi", [False, True])
def test_analyse_says_what_follows_a_new_tempo(scene: Scene, midi: bool) -> None:
    if midi:
        track = scene.project.add_track("Synth")
        track.add_item(None, AT / RATE_HZ, LENGTH / RATE_HZ).add_take(Source("", "MIDI"), "notes")
        scene.project.settle()
    before = [(item.position, item.length, item["C_BEATATTACHMODE"]) for item in scene.project.items()]
    scene.r.answer(6, 7)
    folder = scene.send("Analyse")
    scene.finish(folder)
    assert ("MIDI notes" in scene.r.messages[0]) == midi
    assert [(item.position, item.length, item["C_BEATATTACHMODE"]) for item in scene.project.items()] == before
    assert scene.project.tempos[-1].bpm == 100


def test_the_timeline_is_updated_while_items_are_attached_to_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through their track, or by themselves where they have a time base of their own; both get back what they had."""
    modes: list[list[float]] = []
    scene.track["C_BEATATTACHMODE"], scene.second["C_BEATATTACHMODE"] = 2, 1
    scene.project.settle()

    def look(_r: Any) -> None:
        items = scene.project.items()
        own = [item["C_BEATATTACHMODE"] for item in items]
        modes.append(
            [item.track["C_BEATATTACHMODE"] if mode < 0 else mode for item, mode in zip(items, own, strict=True)]
        )

    monkeypatch.setitem(api._FUNCTION_BY_NAME, "UpdateTimeline", look)
    scene.r.answer(6, 7)
    scene.finish(scene.send("Analyse"))
    assert modes == [[0, 0]]
    assert [item["C_BEATATTACHMODE"] for item in scene.project.items()] == [-1, 1]
    assert scene.track["C_BEATATTACHMODE"] == 2
