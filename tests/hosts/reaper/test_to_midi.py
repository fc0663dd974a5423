"""To MIDI: notes on new tracks beside the audio, in time with it whatever the project's tempo does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_reaper import midi
from tests.support.reaper_answers import FACTS
from tests.support.reaper_scene import AT, LENGTH, Scene, on_every_version, open_scene
from tests.support.reaper_studio import RATE_HZ

PARTS = FACTS["transcribe"]["midi_parts"]
#: A note lies at the nearest of 960 parts of a quarter.
TICK = 0.5 / midi.PPQ


def notes_at(part: Any, start: float) -> list[tuple[float, float, int]]:
    return [(start + note["start_s"], start + note["end_s"], note["pitch"]) for note in part["notes"]]


def tracks_of(scene: Scene) -> list[tuple[str, int]]:
    return [(track.name, int(track["I_FOLDERDEPTH"])) for track in scene.project.tracks]


def assert_in_time(track: Any, part: Any, start: float, quarter_s: float) -> None:
    (item,) = track.items
    assert item.position == pytest.approx(start, abs=1e-9)
    notes = midi.notes_of(item)
    assert [note[2] for note in notes] == [note["pitch"] for note in part["notes"]]
    for found, wanted in zip(notes, notes_at(part, start), strict=True):
        assert found[:2] == pytest.approx(wanted[:2], abs=TICK * quarter_s + 1e-9)
    velocities = [velocity for velocity, _ in item.takes[0].source.sounds]
    assert velocities == [note["velocity"] for note in part["notes"]]


@on_every_version
def test_notes_lie_on_new_tracks_beside_the_audio(tmp_path: Any, version: str) -> None:
    with open_scene(tmp_path, version) as scene:
        before = scene.render()
        request = scene.run("To MIDI")
        (part,) = request["parts"]
        assert (part["task"], part["fields"], part["position_s"]) == ("transcribe", {}, pytest.approx(AT / RATE_HZ))
        # what is heard of no instrument gets no track
        assert tracks_of(scene) == [("Guitar", 0), ("MIDI", 1), ("Bass MIDI", 0), ("Drums MIDI", -1)]
        bass, drums = scene.project.tracks[2:]
        for track, notes in ((bass, PARTS[0]), (drums, PARTS[1])):
            assert_in_time(track, notes, AT / RATE_HZ, 0.5)
            assert track.items[0].length == pytest.approx(LENGTH / RATE_HZ)
        assert [channel for _, channel in drums.items[0].takes[0].source.sounds] == [9]
        assert scene.project.undo == ["AceBridge: To MIDI"]
        assert (scene.render() == before).all(), "the audio stays as it was"
        assert scene.project.step(-1)
        assert tracks_of(scene) == [("Guitar", 0)]


@pytest.mark.parametrize("linear", [False, True])
def test_notes_follow_tempos_that_change_on_the_way(scene: Scene, *, linear: bool) -> None:
    start = AT / RATE_HZ
    scene.project.tempo(start + 0.7, 93.5, 3, 4, linear)
    scene.project.tempo(start + 2.2, 171.25, 7, 8)
    scene.project.settle()
    scene.run("To MIDI")
    bass, drums = scene.project.tracks[2:]
    for track, part in ((bass, PARTS[0]), (drums, PARTS[1])):
        assert_in_time(track, part, start, 60 / 93.5)


def test_an_item_that_plays_faster_is_sent_as_it_plays(scene: Scene) -> None:
    """Times count from what is sent, which is what plays, so that the rate of the take does not matter."""
    scene.item.takes[0]["D_PLAYRATE"] = 1.5
    scene.project.settle()
    folder = scene.send("To MIDI")
    (part,) = scene.request(folder)["parts"]
    scene.finish(folder)
    assert_in_time(scene.project.tracks[2], PARTS[0], part["position_s"], 0.5)
    assert part["position_s"] == pytest.approx(AT / RATE_HZ)


def test_an_item_that_is_moved_meanwhile_takes_its_notes_along(scene: Scene) -> None:
    folder = scene.send("To MIDI")
    scene.item["D_POSITION"] = AT / RATE_HZ + 1.75
    scene.second["D_POSITION"] = 30.0
    scene.project.settle()
    scene.finish(folder)
    assert_in_time(scene.project.tracks[2], PARTS[0], AT / RATE_HZ + 1.75, 0.5)


def test_what_is_entered_is_asked_for(scene: Scene) -> None:
    request = scene.run("To MIDI", Instruments="Bass, drums", **{"The audio holds": "a mix", "Notes at a time": "one"})
    assert request["parts"][0]["fields"] == {"tracks": ["bass", "drums"], "contents": "mix", "voices": "mono"}


def test_the_action_without_a_dialog_takes_what_was_entered_last(scene: Scene) -> None:
    scene.run("To MIDI", Instruments="bass", **{"The audio holds": "one instrument"})
    request = scene.run("To MIDI (no dialog)")
    assert request["parts"][0]["fields"] == {"tracks": ["bass"], "contents": "part"}


def test_a_missing_track_is_named_in_the_message(scene: Scene) -> None:
    folder = scene.send("To MIDI")
    scene.project.tracks.remove(scene.track)
    scene.project.settle()
    scene.finish(folder)
    assert any("The track Guitar is no longer in the project." in message for message in scene.r.messages)


def test_silence_makes_no_track(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FACTS, "transcribe", {"duration_s": 4.0, "midi_parts": [{"name": "bass", "program": 33}]})
    scene.run("To MIDI")
    assert any("No notes are heard in this audio." in message for message in scene.r.messages)
    assert tracks_of(scene) == [("Guitar", 0)]
