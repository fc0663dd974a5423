"""Each action in each version of REAPER that differs in what scripts can call, and in the Lua that it runs."""

from __future__ import annotations

import pytest

from tests.support.fake_reaper.api import lua_of
from tests.support.reaper_scene import START, STOP, Scene, on_every_version

ACTIONS = (
    "Repaint time selection", "Cover", "Add layer", "Complete", "Extract stems", "Generate here",
    "Compose from a description", "Extend", "Prepend", "Smooth the join of two items", "Analyse", "Lyrics to regions",
    "Score takes",
)  # fmt: skip


#: How many messages belong to what an action does: two questions; the scores.
SAYS = {"Analyse": 2, "Score takes": 1}


@on_every_version
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_placed_in_one_step_and_taken_back(scene: Scene, action: str, version: str) -> None:
    assert scene.r.lua == lua_of(version)
    form = {"Description": "a waltz"} if action.startswith("Compose") else {}
    if action == "Extend":
        scene.track.items.remove(scene.second)
    if action == "Prepend":
        scene.item.position, scene.second.position = 20.0, 30.0
    if action.startswith("Smooth"):
        scene.second.selected = 1
    if action == "Repaint time selection":
        scene.select()
    scene.r.answer(6, 6)  # tempo and markers, where they are asked about
    scene.project.settle()
    before = scene.project.render(0, 40), len(scene.project.tracks)
    scene.run(action, **form)
    assert scene.project.undo == [f"AceBridge: {action}"]
    assert scene.r.asked_to_relaunch == []
    assert len(scene.r.messages) == SAYS.get(action, 0)
    assert scene.project.step(-1)
    assert (scene.project.render(0, 40) == before[0]).all()
    assert len(scene.project.tracks) == before[1]


@on_every_version
def test_a_repaint_on_a_lane_is_one_where_there_are_lanes(scene: Scene, version: str) -> None:
    scene.r.ext["AceBridge", "repaint_as"] = "lane"
    scene.track.items.remove(scene.second)
    scene.select()
    before = scene.render()
    scene.run("Repaint time selection")
    lanes = float(version) >= 7
    assert (len(scene.track.items), len(scene.item.takes)) == ((2, 1) if lanes else (1, 2))
    expected = before.copy()
    expected[START:STOP] *= -1
    assert (scene.render() == expected).all()


@on_every_version
def test_following_over_osc_starts_and_ends_with_the_same_action(scene: Scene, version: str) -> None:
    """Before 7.03 REAPER asks what to do about the copy that runs."""
    scene.r.start("AceBridge_Follow over OSC.lua")
    scene.r.tick(5)
    state = scene.r.resource / "AceBridge" / "follow.json"
    assert state.exists()
    if float(version) < 7.03:
        scene.r.answer_task_control("terminate")
    scene.r.start("AceBridge_Follow over OSC.lua")
    scene.r.tick(2)
    assert not state.exists()
    assert scene.r.faults == []
