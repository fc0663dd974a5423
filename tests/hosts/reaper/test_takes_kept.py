"""Markers, envelopes and the snap offset stay where they are in the project; a new take has the old one's envelopes."""

from __future__ import annotations

import pytest

from tests.support.fake_reaper.state import Envelope
from tests.support.reaper_scene import AT, Scene
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
