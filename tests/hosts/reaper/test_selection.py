"""What is meant when several things are selected: razor edits before the time selection, that before items and tracks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.reaper_answers import answer
from tests.support.reaper_scene import AT, LENGTH, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ

RAZOR = (AT + 44_100, AT + 3 * 44_100)


def razor(track: Any, start: int = RAZOR[0], stop: int = RAZOR[1]) -> None:
    track.razor = f'{start / RATE_HZ!r} {stop / RATE_HZ!r} ""'


def frames(part: dict[str, Any]) -> tuple[int, int]:
    """The stretch of the project that a part of a request is about."""
    at, fields = part["position_s"], part["fields"]
    return round((at + fields["start_s"]) * RATE_HZ), round((at + fields["end_s"]) * RATE_HZ)


@pytest.mark.parametrize(
    ("has_razor", "has_time", "has_item", "expected"),
    [
        (True, True, True, RAZOR), (True, True, False, RAZOR), (True, False, True, RAZOR),
        (False, True, True, (START, STOP)), (False, False, True, (AT, AT + LENGTH)),
    ],
)  # fmt: skip
def test_which_stretch_is_repainted(
    scene: Scene, has_razor: bool, has_time: bool, has_item: bool, expected: tuple[int, int]
) -> None:
    scene.item.selected = int(has_item)
    if has_razor:
        razor(scene.track)
    if has_time:
        scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.project.settle()
    part = scene.run("Repaint time selection")["parts"][0]
    fields = {"start_s": 0, "end_s": LENGTH / RATE_HZ, **part["fields"]}  # without an end: all of it
    assert frames({**part, "fields": fields}) == expected


def test_razor_edits_say_on_which_tracks(scene: Scene) -> None:
    """A time selection that was left, and a selected item elsewhere, do not count."""
    other = scene.project.add_track("Bass").add_item(scene.folder / "b.wav", AT / RATE_HZ, LENGTH / RATE_HZ)
    razor(other.track)
    scene.project.time_selection = (0.5, 1.0)
    scene.project.settle()
    request = scene.run("Repaint time selection")
    assert len(request["parts"]) == 1
    assert (len(scene.item.takes), len(other.takes)) == (1, 2)


@pytest.mark.parametrize("action", ["Cover", "Extract stems", "Complete", "Analyse", "Lyrics to regions"])
def test_what_is_sent_of_razor_edits_is_their_stretch(scene: Scene, action: str) -> None:
    razor(scene.track)
    scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.project.settle()
    scene.r.answer(7, 7)
    part = scene.run(action)["parts"][0]
    assert round(part["position_s"] * RATE_HZ) == RAZOR[0]
    assert part["source"]["frames"] == RAZOR[1] - RAZOR[0]


@pytest.mark.parametrize("has_time", [True, False])
def test_new_music_goes_where_a_razor_edit_is(scene: Scene, has_time: bool) -> None:
    empty = scene.project.add_track("Keys")
    razor(empty)
    if has_time:
        scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.project.settle()
    scene.run("Generate here")
    (made,) = empty.items
    assert (made.position, made.length) == pytest.approx((RAZOR[0] / RATE_HZ, 2.0), abs=1e-9)


@pytest.mark.parametrize("action", ["Repaint time selection", "Cover", "Generate here"])
def test_razor_edits_of_different_stretches_are_refused_whatever_else_is_selected(scene: Scene, action: str) -> None:
    razor(scene.track)
    razor(scene.project.add_track("Bass"), RAZOR[0] + 5, RAZOR[1])
    scene.select()
    scene.start(action)
    scene.r.finish()
    (message,) = scene.r.messages
    assert "different stretches" in message
    assert scene.project.undo == []


def test_razor_edits_of_envelopes_do_not_count(scene: Scene) -> None:
    scene.track.razor = '1.0 2.0 "{00000000-0000-0000-0000-000000000001}"'
    scene.select()
    assert frames(scene.run("Repaint time selection")["parts"][0]) == (START, STOP)


# What follows a new tempo


def set_tempo(scene: Scene, bpm: float) -> None:
    """As a musician does in the transport."""
    scene.r.run(code=f"reaper.SetCurrentBPM(0, {bpm}, true) reaper.UpdateTimeline() reaper.defer(function() end)")


@pytest.mark.parametrize("timebase", [0, 1, 2], ids=["time", "beats", "beats, position only"])
@pytest.mark.parametrize("track_base", [-1, 0, 1])
def test_new_items_follow_a_new_tempo_as_all_others_do(scene: Scene, timebase: int, track_base: int) -> None:
    scene.project.timebase = timebase
    scene.project.settle()
    folder = scene.send("Cover")
    answer(folder)
    scene.r.finish()
    (track,) = scene.new_tracks()
    (made,) = track.items
    assert made["C_BEATATTACHMODE"] == -1
    # To the sample where its source is, before the tempo changes.
    assert round(made.position * RATE_HZ, 6) == AT
    assert round(made.length * RATE_HZ, 6) == LENGTH
    assert (made.takes[0].rate, made["B_LOOPSRC"]) == (1, 0)
    scene.track["C_BEATATTACHMODE"] = track["C_BEATATTACHMODE"] = track_base
    before = made.position
    set_tempo(scene, 90)
    values = [(item.position, item.length, item.takes[0].rate) for item in (scene.item, made)]
    assert values[0] == pytest.approx(values[1], abs=1e-9)
    follows = (timebase if track_base < 0 else track_base) > 0
    assert (made.position != before) == follows
