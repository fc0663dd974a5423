"""Varying a take: by the recipe in its file, in its place, as far as is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import Recipe, parse_recipe
from tests.support.reaper_studio import ITEM_AT_S, RATE_HZ, Studio

REGION_S = (3.0, 5.0)


def facts(take: Any) -> dict[str, Any]:
    """What the scripts note on a take."""
    return json.loads(take.ext["P_EXT:AceBridge"])


def recipe_of(take: Any) -> Recipe:
    return parse_recipe(describe_file(Path(take.source.path))[1], "take.wav")


def samples_of(take: Any) -> np.ndarray:
    return soundfile.read(take.source.path, always_2d=True)[0]


@pytest.fixture
def with_repaint(studio: Studio) -> Studio:
    """A studio whose item has a repaint of a stretch as its active take."""
    studio.project.time_selection = (ITEM_AT_S + REGION_S[0], ITEM_AT_S + REGION_S[1])
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Repaint time selection", Style="brighter piano", Seed="7")
    studio.project.time_selection = (0, 0)
    return studio


def test_a_repaint_is_varied_in_its_region_alone(with_repaint: Studio) -> None:
    item = with_repaint.item
    with_repaint.run("Vary this take", How="0.5", Takes="2")
    _, made, *varied = item.takes
    assert len(varied) == 2
    steps = [recipe_of(take).take_seed for take in varied]
    assert [(step.seed, step.variations[0].amount) for step in steps] == [(7, 0.5)] * 2
    assert steps[0].variations[0].seed != steps[1].variations[0].seed
    for take in varied:
        changed = np.flatnonzero(np.any(samples_of(take) != samples_of(made), axis=1)) / RATE_HZ
        assert len(changed)
        assert REGION_S[0] - 0.03 <= changed[0] <= changed[-1] <= REGION_S[1] + 0.03
        assert facts(take)["action"] == "repaint"
        assert facts(take)["again"] == facts(made)["again"]
        assert facts(take)["values"] == facts(made)["values"]
        assert take.offset == made.offset


def test_the_amount_is_remembered_and_a_variation_is_varied_again(with_repaint: Studio) -> None:
    with_repaint.run("Vary this take", How="0.25")
    with_repaint.run("Vary this take (no dialog)")
    *_, once, twice = with_repaint.item.takes
    assert len(with_repaint.item.takes) == 4
    chain = recipe_of(twice).take_seed.variations
    assert chain[:1] == recipe_of(once).take_seed.variations
    assert [step.amount for step in chain] == [0.25, 0.25]
    with_repaint.run("Another take")
    assert recipe_of(with_repaint.item.takes[-1]).take_seed.variations == ()


def test_a_new_song_is_varied(studio: Studio) -> None:
    studio.project.time_selection = (40.0, 43.0)
    studio.run("Generate here", Style="jazz", Seed="11")
    (item,) = (each for each in studio.project.items() if each.position >= 40.0)
    for each in studio.project.items():
        each.selected = int(each is item)
    studio.project.time_selection = (0, 0)
    studio.project.settle()
    studio.run("Vary this take (no dialog)")
    made, varied = item.takes
    assert recipe_of(varied).take_seed.seed == recipe_of(made).take_seed.seed == 11
    assert recipe_of(varied).take_seed.variations[0].amount == 0.3
    assert samples_of(varied).shape == samples_of(made).shape
    assert not np.array_equal(samples_of(varied), samples_of(made))


def test_what_holds_no_recipe_is_refused(studio: Studio) -> None:
    studio.item.selected = 1
    studio.project.settle()
    before = studio.visible_state()
    studio.run("Vary this take (no dialog)")
    (message,) = studio.reaper.messages
    assert "The active take of the selected item holds no recipe of AceBridge." in message
    assert studio.visible_state() == before


def test_a_stretched_take_is_refused(with_repaint: Studio) -> None:
    with_repaint.item.takes[1].rate = 0.5
    with_repaint.run("Vary this take (no dialog)")
    assert "is stretched" in with_repaint.reaper.messages[-1]
    assert len(with_repaint.item.takes) == 2
