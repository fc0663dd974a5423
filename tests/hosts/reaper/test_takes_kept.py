"""Markers, envelopes and the snap offset stay where they are in the project; a new take has the old one's envelopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import behaviour
from tests.support.fake_reaper.state import Envelope, Fx
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import AT, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ

BARS_S = 2 * 2.0  # two bars of 4/4 at 120 BPM


@pytest.mark.parametrize("rate", [1.0, 2.0])
def test_prepend_leaves_everything_in_the_item_where_it_was(scene: Scene, rate: float) -> None:
    item, take = scene.item, scene.item.takes[0]
    take.rate = rate
    take.stretch = [(0.5, 0.6), (1.0, 1.2)]
    take.envelopes = [Envelope("Volume", [(0.25, 1.0), (2.0, 0.5)])]
    take.markers = [(0.75, "here", 0)]
    item["D_SNAPOFFSET"] = 0.125
    scene.project.settle()
    scene.run("Prepend", Bars="2")
    assert scene.r.messages == []
    assert item.position == pytest.approx(AT / RATE_HZ - BARS_S)
    assert take.offset == pytest.approx(0.1 - BARS_S * rate)
    assert item["D_SNAPOFFSET"] == 0.125 + BARS_S
    assert take.stretch == [(0.5 + BARS_S * rate, 0.6), (1.0 + BARS_S * rate, 1.2)]
    assert take.envelopes[0].points == [(0.25 + BARS_S * rate, 1.0), (2.0 + BARS_S * rate, 0.5)]
    assert take.markers == [(0.75, "here", 0)]  # which count in the file's time
    assert scene.project.step(-1)
    assert item.takes[0].stretch == [(0.5, 0.6), (1.0, 1.2)]
    assert item.takes[0].envelopes[0].points == [(0.25, 1.0), (2.0, 0.5)]


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_a_new_take_has_the_envelopes_of_the_old_one(scene: Scene, rate: float) -> None:
    take = scene.item.takes[0]
    take.rate = rate
    take.envelopes = [Envelope("Volume", [(0.0, 0.0), (1.0, 0.75)]), Envelope("Pan", [(0.5, -1.0)])]
    scene.second.selected = 0
    scene.select()
    before = [item.selected for item in scene.project.items()]
    scene.run("Repaint time selection", **{"Takes": "2"})
    assert scene.r.messages == []
    (_, *new) = scene.item.takes
    assert new
    for made in new:
        assert [envelope.name for envelope in made.envelopes] == ["Volume", "Pan"]
        assert made.rate == 1
        assert made.envelopes[0].points == [(0.0, 0.0), (1.0 / rate, 0.75)]
        assert made.envelopes[1].points == [(0.5 / rate, -1.0)]
    assert take.envelopes[0].points == [(0.0, 0.0), (1.0, 0.75)]
    assert [item.selected for item in scene.project.items()] == before
    assert scene.item.active is new[0]


def ride(samples: np.ndarray, values: np.ndarray) -> np.ndarray:
    return samples * values


@pytest.mark.parametrize("ways", behaviour.both("fx_envelopes"))
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_a_new_take_has_the_envelopes_of_fx_parameters(scene: Scene, ways: dict[str, Any], rate: float) -> None:
    scene.r.ways.update(ways)
    take = scene.item.takes[0]
    take.rate = rate
    take.fx = [Fx("Plain", lambda samples, _rate: samples), Fx("Ride", lambda samples, _rate: samples, control=ride)]
    moves = Envelope("Level / Ride", [(0.0, 0.25), (1.0, 0.75)], fx=take.fx[1], parameter=0)
    unused = Envelope("Other / Ride", [], fx=take.fx[1], parameter=3)  # as REAPER leaves one where something modulated
    take.envelopes = [moves, unused]
    scene.select()
    before = scene.render()
    scene.run("Repaint time selection")
    assert scene.r.messages == []
    made = scene.item.active
    assert made is not take
    (envelope,) = [each for each in made.envelopes if each.points]
    assert (envelope.fx, envelope.parameter) == (made.fx[1], 0)
    assert made.fx[1] is not take.fx[1]
    assert envelope.points == [(0.0, 0.25), (1.0 / rate, 0.75)]
    expected = before.copy()
    expected[START:STOP] *= -1
    assert np.abs(scene.render() - expected).max() < 1e-6
    assert np.abs(before[START:STOP]).max() > 0.1


def test_effects_that_take_long_to_load_hold_up_one_tick_and_one_step(scene: Scene) -> None:
    scene.item.takes[0].fx = [Fx("Heavy", lambda samples, _rate: -samples, load_s=2.0)]
    scene.select()
    before = scene.render()
    folder = scene.send("Repaint time selection")
    answer(folder)
    ticks = len(scene.r.ticks)
    scene.r.finish()
    assert [round(tick / 1000) for tick in scene.r.ticks[ticks:] if tick > 100] == [2]
    assert scene.project.undo == ["AceBridge: Repaint time selection"]
    assert (scene.render()[START:STOP] == -before[START:STOP]).all()


def test_another_take_is_of_the_same_music_after_a_trim(scene: Scene) -> None:
    scene.select()
    first = scene.run("Repaint time selection")["parts"][0]
    scene.project.time_selection = (0, 0)
    scene.item.position += 0.5
    scene.item.length -= 0.5
    for take in scene.item.takes:
        take.offset += 0.5
    scene.project.settle()
    second = scene.run("Another take")["parts"][0]
    assert second["position_s"] + second["fields"]["start_s"] == pytest.approx(
        first["position_s"] + first["fields"]["start_s"]
    )


def test_next_take_makes_no_job_and_another_take_says_what_it_needs(scene: Scene) -> None:
    scene.select()
    scene.run("Repaint time selection")
    assert scene.item["I_CURTAKE"] == 1
    scene.r.run("AceBridge_Next take.lua")
    assert scene.item["I_CURTAKE"] == 0
    assert len(list((scene.r.resource / "AceBridge" / "jobs").glob("*/request.json"))) == 1
    scene.r.run("AceBridge_Another take.lua")
    (message,) = scene.r.messages
    assert "no repaint" in message
    assert '"AceBridge_Repaint time selection"' in message
