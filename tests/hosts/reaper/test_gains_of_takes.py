"""Volumes and pans of takes: what is new plays as loud and where the old music did, whatever the curve of pans is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import behaviour
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import AT, LENGTH, START, STOP, Scene

JOIN = "Smooth the join of two items"
BOTH_CURVES = behaviour.both("pan_curve")


def select_both(scene: Scene, left: float, right: float, ways: dict[str, Any]) -> None:
    scene.project.ways.update(ways)
    scene.item.takes[0].pan, scene.second.takes[0].pan = left, right
    scene.second.selected = 1
    scene.project.settle()


@pytest.mark.parametrize("ways", BOTH_CURVES)
@pytest.mark.parametrize(("left", "right"), [(0.3, 0.3), (-1.0, 1.0), (0.0, -1.0), (-0.7, -0.7)])
def test_a_join_plays_where_the_items_do(scene: Scene, left: float, right: float, ways: dict[str, Any]) -> None:
    select_both(scene, left, right, ways)
    scene.item.takes[0].volume, scene.second.volume = 0.5, 0.25
    scene.project.settle()
    before = scene.project.render(0, 40)
    scene.run(JOIN)
    assert scene.r.messages == []
    now = scene.project.render(0, 40)
    quiet = np.r_[0 : AT + LENGTH - 2 * 44_100 - 10, AT + LENGTH + 441 + 2 * 44_100 + 10 : len(before)]
    assert np.abs(now[quiet] - before[quiet]).max() < 1e-6
    inside = slice(AT + LENGTH + 441, AT + LENGTH + 441 + 44_100)
    assert np.abs(now[inside] + before[inside]).max() < 1e-6, "what is new is the old music, turned over"


@pytest.mark.parametrize(
    ("left", "right", "law"), [(0.3, -0.2, 1.0), (0.0, 0.3, 1.0), (-1.0, 0.0, 0.7071)], ids=["two", "one", "pan law"]
)
def test_a_join_of_pans_that_only_reaper_knows_is_refused(scene: Scene, left: float, right: float, law: float) -> None:
    select_both(scene, left, right, {})
    for item in (scene.item, scene.second):
        item.takes[0]["D_PANLAW"] = law
    scene.start(JOIN)
    scene.r.finish()
    assert scene.r.messages == ["The takes are panned differently.\n\nGive both the same pan, or glue them first."]
    assert scene.project.undo == []


@pytest.mark.parametrize("ways", BOTH_CURVES)
def test_a_result_beside_its_item_is_as_loud_and_where_that_was(scene: Scene, ways: dict[str, Any]) -> None:
    scene.project.ways.update(ways)
    take = scene.item.takes[0]
    scene.item.volume, take.volume, take.pan = 0.5, -0.5, 0.25
    scene.select()
    before = scene.project.render(0, 40)
    folder = scene.send("Repaint time selection")
    take.rate = 1.25  # no take fits any more
    scene.project.settle()
    answer(folder)
    scene.r.finish()
    (track,) = scene.new_tracks()
    assert "on a new track below" in scene.r.messages[0]
    scene.track.mute = 1
    expected = before.copy()
    expected[:AT], expected[AT + LENGTH :] = 0, 0
    expected[START:STOP] *= -1
    assert np.abs(scene.project.render(0, 40) - expected).max() < 1e-6
    assert track.items[0].takes[0].pan == 0.25


@pytest.mark.parametrize("pan", [0.3, -1.0])
def test_a_join_beside_its_items_is_where_they_were(scene: Scene, pan: float) -> None:
    select_both(scene, pan, pan, {})
    before = scene.project.render(0, 40)
    folder = scene.send(JOIN)
    scene.second.position += 5  # they no longer meet
    scene.project.settle()
    answer(folder)
    scene.r.finish()
    scene.track.mute = 1
    now = scene.project.render(0, 40)
    inside = slice(AT + 10, AT + LENGTH - 2 * 44_100 - 10)
    assert np.abs(now[inside] - before[inside]).max() < 1e-6
