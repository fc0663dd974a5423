"""Selected MIDI items are what "Generate here" follows: their notes, with the project's tempo, as a file in the job folder."""

from __future__ import annotations

from typing import Any

import pytest

from acestep_runtime.midi.beats import bars_of
from acestep_runtime.midi.read import read_midi
from acestep_runtime.notes import MidiSong
from tests.support.fake_reaper.calls_time import Marker, quarters_at, time_at
from tests.support.reaper_scene import AT, LENGTH, Scene, on_every_version
from tests.support.reaper_studio import RATE_HZ

#: In quarters from the item's start, at 120 BPM.
NOTES = ((0.0, 2.0, 69), (5.0, 7.0, 57))
START_S, LENGTH_S = AT / RATE_HZ, LENGTH / RATE_HZ


def add_midi(scene: Scene, name: str = "Piano", at_s: float = START_S, length_s: float = LENGTH_S, *notes: Any) -> Any:
    """Add a track with a MIDI item, which alone is selected beside other MIDI; there is no instrument."""
    item = scene.project.add_track(name).add_midi(at_s, length_s, *(notes or NOTES))
    for other in scene.project.items():
        other.selected = int(other.takes[0].source.kind == "MIDI")
    scene.project.settle()
    return item


def generate(scene: Scene, **form: Any) -> tuple[dict[str, Any], MidiSong, dict[str, Any]]:
    """Run the action; return the part of its request, the song in its file, and the request."""
    folder = scene.send("Generate here", **form)
    request = scene.request(folder)
    (part,) = request["parts"]
    song = read_midi((folder / part["midi"]["file"]).read_bytes())
    scene.finish(folder)
    return part, song, request


def spans(song: MidiSong) -> list[tuple[float, float, int]]:
    return [(note.start_s, note.end_s, note.pitch) for part in song.parts for note in part.notes]


def close(*spans: tuple[float, float, int]) -> Any:
    return [(pytest.approx(start, abs=1e-3), pytest.approx(end, abs=1e-3), pitch) for start, end, pitch in spans]


@on_every_version
def test_notes_of_a_selected_item_are_sent(scene: Scene, version: str) -> None:
    del version
    add_midi(scene)
    part, song, _ = generate(scene)
    assert part["task"] == "text2music"
    assert "source" not in part
    assert part["position_s"] == pytest.approx(START_S)
    assert part["fields"]["duration_s"] == pytest.approx(LENGTH_S)
    assert {"bpm", "timesignature"}.isdisjoint(part["fields"].get("music", {}))
    assert spans(song) == close((0.0, 1.0, 69), (2.5, 3.5, 57))
    assert [each.name for each in song.parts] == ["Piano"]
    assert song.tempos[0].bpm == pytest.approx(120)
    assert song.end_s == pytest.approx(LENGTH_S, abs=1e-3)
    assert scene.r.dialogs[0][0] == "AceBridge: Generate here (1 MIDI item is followed)"
    new = scene.new_tracks()[-1].items[0]
    assert new.position == pytest.approx(START_S)
    assert 42230 not in scene.r.actions, "nothing is rendered"


def test_several_items_are_several_parts_over_all_of_their_time(scene: Scene) -> None:
    add_midi(scene)
    add_midi(scene, "Drums", START_S + 2, 3.0, (0.0, 0.5, 36)).takes[0].source.channel = 9
    part, song, _ = generate(scene)
    assert part["fields"]["duration_s"] == pytest.approx(5.0)
    assert [(each.name, each.is_drums) for each in song.parts] == [("Piano", False), ("Drums", True)]
    assert spans(song)[-1] == close((2.0, 2.25, 36))[0]
    assert scene.r.dialogs[0][0] == "AceBridge: Generate here (2 MIDI items are followed)"


def test_the_time_selection_says_what_of_them(scene: Scene) -> None:
    add_midi(scene)
    scene.project.time_selection = (START_S + 2.0, START_S + 3.0)
    scene.project.settle()
    part, song, _ = generate(scene)
    assert part["position_s"] == pytest.approx(START_S + 2.0, abs=1e-4)
    assert part["fields"]["duration_s"] == pytest.approx(1.0, abs=1e-4)
    assert spans(song) == close((0.5, 1.0, 57))


def test_seconds_may_be_fewer(scene: Scene) -> None:
    add_midi(scene)
    part, song, _ = generate(scene, Seconds="2")
    assert part["fields"]["duration_s"] == 2.0
    assert spans(song) == close((0.0, 1.0, 69))


def test_tempos_and_meters_of_the_project_go_along(scene: Scene) -> None:
    scene.project.tempo(START_S, 100, 3, 4)
    scene.project.tempo(START_S + 1.8, 60, 4, 4)
    item = add_midi(scene, "Piano", START_S, 6.0, *((float(n), n + 0.5, 60 + n) for n in range(6)))
    _, song, _ = generate(scene)
    assert [round(tempo.bpm, 3) for tempo in song.tempos] == [100, 60]
    assert [(meter.beats, meter.unit) for meter in song.meters] == [(3, 4), (4, 4)]
    assert song.meters[1].start_s == pytest.approx(1.8, abs=1e-3)
    assert [start for start, _, _ in spans(song)] == pytest.approx([0, 0.6, 1.2, 1.8, 2.8, 3.8], abs=1e-3)
    assert item.takes[0].source.kind == "MIDI"


def test_a_tempo_that_glides_is_followed(scene: Scene) -> None:
    scene.project.tempo(START_S, 90, 4, 4, linear=True)
    scene.project.tempo(START_S + 6.0, 150, 4, 4)
    add_midi(scene, "Piano", START_S, 8.0, *((float(n), n + 0.5, 60) for n in range(12)))
    project = scene.project
    first = quarters_at(project, START_S)
    expected = [time_at(project, first + n) - START_S for n in range(12)]
    _, song, _ = generate(scene)
    assert [start for start, _, _ in spans(song)] == pytest.approx(expected, abs=2e-3)


def test_a_song_that_begins_within_a_bar_has_its_downbeats(scene: Scene) -> None:
    add_midi(scene, "Piano", 9.0, 4.0)  # bars of 2 s: in the middle of one
    _, song, _ = generate(scene)
    assert [(meter.start_s, meter.beats) for meter in song.meters] == [(0.0, 2), (pytest.approx(1.0, abs=1e-3), 4)]
    assert [round(bar.start) for bar in bars_of(song, 4.0)] == [0, 2, 6]


def test_loops_repeat_and_muted_notes_are_silent(scene: Scene) -> None:
    item = add_midi(scene, "Loop", START_S, 4.0, (0.0, 1.0, 40), (1.0, 2.0, 60), (3.0, 5.0, 64))
    item["B_LOOPSRC"] = 1
    item.takes[0].source.quarters, item.takes[0].source.muted = 4.0, 1
    _, song, _ = generate(scene)
    assert spans(song) == close((0.5, 1.0, 60), (1.5, 2.5, 64), (2.5, 3.0, 60), (3.5, 4.0, 64))


def test_pedal_and_program_go_along(scene: Scene) -> None:
    item = add_midi(scene, "Piano", START_S, 4.0, (0.0, 1.0, 60))
    item.takes[0].source.controls = (
        (0.0, 0xC0, 0, 5, 0), (0.0, 0xB0, 0, 64, 127), (0.0, 0xB0, 0, 7, 100), (4.0, 0xB0, 0, 64, 0),
    )  # fmt: skip
    _, song, _ = generate(scene)
    assert spans(song) == close((0.0, 2.0, 60))
    assert song.parts[0].program == 5


def test_without_midi_it_is_as_ever(scene: Scene) -> None:
    request = scene.run("Generate here")
    (part,) = request["parts"]
    assert "midi" not in part
    assert scene.r.dialogs[0][0] == "AceBridge: Generate here"


def test_notes_leave_chords_no_say(scene: Scene) -> None:
    add_midi(scene)
    scene.project.markers = [Marker(1, False, START_S + 1.0, 0.0, "F#m7", 0)]
    part, _, _ = generate(scene)
    assert "chords" not in part["fields"]["music"]
    assert scene.r.dialogs[0][0] == "AceBridge: Generate here (1 MIDI item is followed)"


def test_a_take_that_begins_within_its_notes_is_cut_there(scene: Scene) -> None:
    item = add_midi(scene, "Piano", START_S, 2.0, (0.0, 1.0, 60), (1.0, 3.0, 62), (3.0, 4.0, 64))
    item.takes[0]["D_STARTOFFS"] = 0.5  # of a second: a quarter
    _, song, _ = generate(scene)
    assert spans(song) == close((0.0, 1.0, 62), (1.0, 1.5, 64))


def test_loops_at_another_play_rate_are_as_long_as_they_sound(scene: Scene) -> None:
    item = add_midi(scene, "Loop", START_S, 2.0, (0.0, 1.0, 60), (2.0, 3.0, 64))
    item["B_LOOPSRC"] = 1
    item.takes[0].source.quarters, item.takes[0]["D_PLAYRATE"] = 4.0, 2.0
    _, song, _ = generate(scene)
    assert spans(song) == close((0.0, 0.25, 60), (0.5, 0.75, 64), (1.0, 1.25, 60), (1.5, 1.75, 64))


def test_a_loop_that_begins_within_its_notes_goes_on_from_there(scene: Scene) -> None:
    item = add_midi(scene, "Loop", START_S, 3.0, (0.0, 1.0, 60), (1.0, 2.0, 62), (2.0, 3.0, 64), (3.0, 4.0, 65))
    item["B_LOOPSRC"] = 1
    item.takes[0].source.quarters, item.takes[0]["D_STARTOFFS"] = 4.0, 1.0  # two quarters
    _, song, _ = generate(scene)
    assert [pitch for _, _, pitch in spans(song)] == [64, 65, 60, 62, 64, 65]


def test_a_muted_item_that_is_selected_is_followed_as_it_is_rendered(scene: Scene) -> None:
    add_midi(scene)["B_MUTE"] = 1
    _, song, _ = generate(scene)
    assert spans(song) == close((0.0, 1.0, 69), (2.5, 3.5, 57))


@pytest.mark.parametrize(("notes", "words"), [(((9.0, 9.5, 60),), "hold no notes there")])
def test_what_holds_no_notes_is_not_sent(scene: Scene, notes: Any, words: str) -> None:
    add_midi(scene, "Piano", START_S, 1.0, *notes)
    scene.r.form()
    scene.r.run("AceBridge_Generate here.lua")
    (message,) = scene.r.messages
    assert words in message
    assert not list((scene.r.resource / "AceBridge" / "jobs").glob("*-*-*"))


def test_items_over_ten_minutes_are_refused(scene: Scene) -> None:
    add_midi(scene, "Piano", START_S, 700.0)
    scene.r.form()
    scene.r.run("AceBridge_Generate here.lua")
    (message,) = scene.r.messages
    assert "700 s are selected; allowed: at most 600 s" in message


def test_the_notes_lie_in_the_folder_of_the_job(scene: Scene) -> None:
    add_midi(scene)
    folder = scene.send("Generate here")
    file = folder / scene.request(folder)["parts"][0]["midi"]["file"]
    assert file.is_file()
    assert file.parent == folder
    scene.finish(folder)
