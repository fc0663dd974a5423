"""Notes of MIDI clips, as the arrangement plays them, against a playhead that goes through the clips step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ableton_extensions import Application, MidiTrack, connect

from acebridge.hosts.live import notes as module
from acebridge.hosts.live.notes import midi_file
from acebridge.hosts.live.refusals import Refusal
from acestep_runtime.midi.read import read_midi
from acestep_runtime.notes import MidiSong
from tests.support.fake_live import FakeLive

#: Seconds of a beat, a note at each of these beats of a clip's content, and the steps of the playhead.
BEAT_S, CONTENT, STEP = 0.5, (0.0, 1.0, 2.5, 3.0, 3.75), 0.25
#: A note lies at the nearest of 960 parts of a beat.
TICK_S = BEAT_S / 960


@pytest.fixture
def live(tmp_path: Path) -> Iterator[FakeLive]:
    with closing(FakeLive(tmp_path)) as live:
        yield live


@pytest.fixture
def app(live: FakeLive) -> Iterator[Application]:
    with closing(connect(live.url)) as app:
        yield app


def note(start: float, duration: float = 0.25, pitch: int = 60, **more: Any) -> dict[str, Any]:
    return {"pitch": pitch, "startTime": start, "duration": duration, **more}


def read(app: Application, start: float, end: float) -> MidiSong | None:
    """What the notes of all MIDI tracks between two beats are written as."""
    tracks = [track for track in app.song.tracks if isinstance(track, MidiTrack)]
    data = midi_file(tracks, start, end, (end - start) * BEAT_S)
    return None if data is None else read_midi(data)


def onsets(song: MidiSong | None) -> list[float]:
    """The beats at which notes begin, from the stretch's start on."""
    return [] if song is None else sorted(each.start_s / BEAT_S for part in song.parts for each in part.notes)


@pytest.mark.parametrize("marker", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("loop", [None, (0.0, 4.0), (1.0, 3.0), (2.5, 3.0), (0.0, 0.5)])
@pytest.mark.parametrize(("start", "end"), [(8.0, 17.0), (9.5, 12.25), (0.0, 32.0)])
def test_notes_begin_where_a_playhead_meets_them(
    app: Application, live: FakeLive, marker: float, loop: tuple[float, float] | None, start: float, end: float
) -> None:
    track = live.add_track("Keys", "MidiTrack")
    fields = {"start_marker": marker, **({} if loop is None else {"loop": loop})}
    live.add_midi_clip(track, 8.0, 9.0, *map(note, CONTENT), **fields)
    head, expected = marker, []
    for step in range(round(9.0 / STEP)):
        position = 8.0 + step * STEP
        if head in CONTENT and start <= position < end:
            expected.append(position - start)
        head += STEP
        if loop is not None and head == loop[1]:
            head = loop[0]
    assert onsets(read(app, start, end)) == pytest.approx(expected, abs=2 / 960)


def test_notes_end_with_their_clip_their_loop_and_the_stretch(app: Application, live: FakeLive) -> None:
    track = live.add_track("Keys", "MidiTrack")
    live.add_midi_clip(track, 0.0, 2.0, note(1.0, 9.0, 60))
    live.add_midi_clip(track, 4.0, 3.0, note(1.0, 9.0, 62), loop=(0.0, 2.0))
    live.add_midi_clip(track, 8.0, 8.0, note(0.0, 9.0, 64), note(-1.0, 9.0, 65))
    song = read(app, 0.0, 12.0)
    assert song is not None
    (part,) = song.parts
    assert [each.pitch for each in part.notes] == [60, 62, 64]
    beats = [(each.start_s / BEAT_S, each.end_s / BEAT_S) for each in part.notes]
    for found, wanted in zip(beats, [(1.0, 2.0), (5.0, 6.0), (8.0, 12.0)], strict=True):
        assert found == pytest.approx(wanted, abs=2 / 960)


def test_parts_are_tracks_with_velocities_and_a_drum_rack_holds_drums(app: Application, live: FakeLive) -> None:
    keys, drums, empty = (live.add_track(name, "MidiTrack") for name in ("Keys é", "Drums", "Empty"))
    live.objects[drums]["devices"] = [live.add("RackDevice"), live.add("DrumRackDevice")]
    live.add_midi_clip(
        keys, 0.0, 4.0, note(0.0, velocity=63.6), note(1.0), note(2.0, velocity=0.2), note(3.0, muted=True)
    )
    live.add_midi_clip(drums, 0.0, 4.0, note(0.5, pitch=36, velocity=127))
    live.add_midi_clip(empty, 0.0, 4.0, note(0.0), muted=True)
    song = read(app, 0.0, 4.0)
    assert song is not None
    assert [(part.name, part.is_drums) for part in song.parts] == [("Keys é", False), ("Drums", True)]
    assert [each.velocity for each in song.parts[0].notes] == [64, 100, 1]
    assert song.parts[1].notes[0].pitch == 36
    assert song.end_s == pytest.approx(4.0 * BEAT_S, abs=TICK_S)
    assert [tempo.bpm for tempo in song.tempos] == [pytest.approx(120.0)]


def test_a_stretch_without_notes_has_no_file(app: Application, live: FakeLive) -> None:
    live.add_midi_clip(live.add_track("Keys", "MidiTrack"), 0.0, 4.0, note(1.0))
    assert read(app, 2.0, 4.0) is None
    assert read(app, 8.0, 9.0) is None


def test_too_many_notes_are_refused(app: Application, live: FakeLive, monkeypatch: pytest.MonkeyPatch) -> None:
    live.add_midi_clip(live.add_track("Keys", "MidiTrack"), 0.0, 4.0, note(0.0), note(1.0), note(2.0))
    monkeypatch.setattr(module, "MAX_NOTES", 2)
    with pytest.raises(Refusal, match="The MIDI clips on Keys hold 3 notes there; allowed: at most 2"):
        read(app, 0.0, 4.0)
