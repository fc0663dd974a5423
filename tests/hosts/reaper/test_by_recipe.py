"""Doing again what the recipe in an item's file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.reaper_answers import write_recipe
from tests.support.reaper_edits import EDITS
from tests.support.reaper_scene import Scene
from tests.support.reaper_studio import ITEM_AT_S, RATE_HZ, Studio


def facts(take: Any) -> dict[str, Any]:
    """What the scripts note on a take."""
    return json.loads(take.ext["P_EXT:AceBridge"])


def test_again_uses_the_recipe_of_an_item_from_elsewhere(studio: Studio) -> None:
    """A file that was made in another project, or by the command, is dragged in: nothing but its recipe is known."""
    start_s, stop_s = ITEM_AT_S + 3, ITEM_AT_S + 5
    studio.project.time_selection = (start_s, stop_s)
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Repaint time selection", Style="brighter piano", Seed="7")
    made = Path(studio.item.takes[1].source.path)
    item = studio.band.add_item(made, position=60.0, length=11.5, offset=0.25)
    studio.item.selected = 0
    item.selected = 1
    studio.project.settle()
    studio.run("Repeat last")
    old, new = item.takes
    assert (new["D_STARTOFFS"], facts(new)["task"]) == (0.25, "repaint")
    assert facts(new)["seed"] != 7
    first, second = (soundfile.read(take.source.path)[0] for take in (old, new))
    changed = np.flatnonzero(np.any(first != second, axis=1)) / RATE_HZ
    region = np.array([start_s, stop_s]) - ITEM_AT_S
    assert region[0] - 0.03 <= changed[0] < region[0] + 0.5
    assert region[1] - 0.5 < changed[-1] <= region[1] + 0.03
    studio.run("Repeat last")  # also of a take that was made like this
    assert len(item.takes) == 3


@pytest.mark.parametrize("edit", ["trim right", "glue"])  # a new take; beside
def test_again_plays_as_fast_as_the_take_that_it_is_made_from(scene: Scene, edit: str) -> None:
    write_recipe(scene.folder / "a.wav", 0, 20 * RATE_HZ)
    take = scene.item.takes[0]
    take["D_PLAYRATE"], take["B_PPITCH"] = 0.8, 0
    scene.project.settle()
    start, stop = (round(time * RATE_HZ) for time in (scene.item.position, scene.item.end))
    before = scene.render()[start:stop]
    assert np.abs(before).max() > 0.4
    folder = scene.send("Repeat last")
    EDITS[edit](scene)
    scene.project.settle()
    scene.finish(folder)
    (message,) = scene.r.messages or [""]
    assert ("on a new track below it" in message) == (edit == "glue")
    scene.track.mute = edit == "glue"
    played = scene.render()[start : round(scene.item.end * RATE_HZ)]
    assert np.abs(played + before[: len(played)]).max() == 0


@pytest.mark.parametrize("action", ["Repeat last", "Vary this take"])
def test_a_take_with_stretch_markers_is_refused(scene: Scene, action: str) -> None:
    write_recipe(scene.folder / "a.wav", 0, 20 * RATE_HZ)
    scene.item.takes[0].stretch = [(0.0, 0.0), (1.0, 1.5)]
    scene.project.settle()
    scene.start(action)
    scene.r.finish()
    (message,) = scene.r.messages
    assert "has stretch markers" in message
    assert not list((scene.r.resource / "AceBridge" / "jobs").glob("*/request.json"))
