"""Fixed lanes: only items of lanes that play are meant."""

from __future__ import annotations

import pytest

from tests.support.reaper_answers import answer
from tests.support.reaper_scene import AT, LENGTH, Scene
from tests.support.reaper_studio import RATE_HZ


def comp(scene: Scene) -> None:
    """A second lane with another recording of the same bars, which does not play."""
    scene.track.items.remove(scene.second)
    scene.track.values.update(I_FREEMODE=2, I_NUMFIXEDLANES=2)
    hidden = scene.track.add_item(scene.folder / "b.wav", AT / RATE_HZ, LENGTH / RATE_HZ)
    hidden.lane = 1
    scene.second = hidden
    scene.project.settle()


@pytest.mark.parametrize("select", ["track", "items", "time"])
def test_a_repaint_takes_the_item_that_plays(scene: Scene, select: str) -> None:
    comp(scene)
    scene.item.selected = 0
    if select == "track":
        scene.track.selected = 1
    if select == "items":
        scene.item.selected = scene.second.selected = 1
    scene.select()
    request = scene.run("Repaint time selection")
    assert len(request["parts"]) == 1
    assert (len(scene.item.takes), len(scene.second.takes)) == (2, 1)


def test_an_item_of_a_silent_lane_is_meant_when_only_it_is_selected(scene: Scene) -> None:
    comp(scene)
    scene.item.selected, scene.second.selected = 0, 1
    scene.select()
    scene.run("Repaint time selection")
    assert (len(scene.item.takes), len(scene.second.takes)) == (1, 2)


def test_items_that_lie_freely_get_a_take_and_no_lane(scene: Scene) -> None:
    scene.r.ext["AceBridge", "repaint_as"] = "lane"
    scene.track["I_FREEMODE"] = 1
    scene.select()
    scene.run("Repaint time selection")
    assert scene.track["I_FREEMODE"] == 1
    assert len(scene.item.takes) == 2


@pytest.mark.parametrize(("alone", "says"), [(True, ""), (False, "on a new lane that does not play yet")])
def test_a_new_lane_that_does_not_play_is_said(scene: Scene, alone: bool, says: str) -> None:
    scene.r.ext.update({("AceBridge", "repaint_as"): "lane", ("AceBridge", "window"): "yes"})
    scene.r.ext["AceBridge", "window_place"] = "0 460 900"
    if alone:
        scene.track.items.remove(scene.second)
    scene.select()
    folder = scene.send("Repaint time selection")
    answer(folder)
    scene.r.until(lambda: (folder / "placed").exists())
    scene.r.tick(5)
    text = " ".join(t.text for t in scene.r.window().texts)
    assert "new take" in text
    assert says in text
    assert ("does not play yet" in text) == (not alone)
    assert scene.r.messages == []
    scene.r.window().key(27)
    scene.r.finish()
