"""Doing again what the recipe in an item's file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

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
