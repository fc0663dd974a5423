"""Reading, cutting and writing Standard MIDI Files."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quality import midi_file
from tests.quality.midi_file import Note


def file(*tracks: bytes, kind: int = 1, division: int = 96) -> bytes:
    head = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division)
    return head + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)


END = b"\x00\xff\x2f\x00"


def test_running_status_tempo_meter_and_long_times() -> None:
    conductor = (
        b"\x00\xff\x58\x04\x03\x02\x18\x08"  # 3/4
        b"\x00\xff\x51\x03\x07\xa1\x20"  # 500000 µs a quarter
        b"\x83\x00\xff\x51\x03\x0f\x42\x40"  # at tick 384, a million
    ) + END
    player = b"\x00\xc2\x21\x00\x92\x30\x60\x60\x30\x00\x81\x40\x34\x50\x60\x82\x34\x40" + END
    song = midi_file.read(file(conductor, player))
    assert song.notes == (Note(0, 96, 48, 96, 2, 33), Note(288, 384, 52, 80, 2, 33))
    assert song.meters == ((0, 3, 4),)
    assert song.seconds([0, 96, 384, 480]) == pytest.approx([0.0, 0.5, 2.0, 3.0])
    assert song.beats()[0].tolist() == [0, 96, 192, 288, 384]
    assert song.beats()[1].tolist() == [True, False, False, True, False]


def test_an_eighth_note_meter_has_beats_of_eighths() -> None:
    song = midi_file.read(file(b"\x00\xff\x58\x04\x06\x03\x18\x08\x00\x90\x40\x40\x82\x20\x80\x40\x40" + END))
    assert song.beats()[0].tolist() == [0, 48, 96, 144, 192, 240, 288]


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"MThd\x00\x00\x00\x06\x00\x02\x00\x01\x00\x60", file(b"", division=0xE728)]
)
def test_what_is_no_song_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"MThd|types 0 and 1"):
        midi_file.read(data)


@given(st.binary(max_size=200))
def test_any_track_is_read_or_refused(track: bytes) -> None:
    try:
        song = midi_file.read(file(track))
    except ValueError:
        return
    assert all(note.end > note.start for note in song.notes)


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(1, 900), st.integers(0, 127), st.integers(1, 127)), max_size=30
    )
)
def test_what_is_cut_from_the_whole_is_what_was_written(wanted: list[tuple[int, int, int, int]]) -> None:
    """A pitch that is pressed twice at once has no one meaning in MIDI, so no two notes of a pitch overlap here."""
    notes: list[tuple[int, int, int, int]] = []
    for start, length, pitch, velocity in sorted(wanted):
        if all(p != pitch or start >= s + n for s, n, p, _ in notes):
            notes.append((start, length, pitch, velocity))
    events = []
    for start, length, pitch, velocity in notes:
        events += [(start, 1, bytes([0x90, pitch, velocity])), (start + length, 0, bytes([0x80, pitch, 64]))]
    events.sort(key=lambda event: event[:2])
    song = midi_file.read(midi_file.write([(at, message) for at, _, message in events], 6000))
    assert [(n.start, n.end - n.start, n.pitch, n.velocity) for n in song.notes] == sorted(
        notes, key=lambda note: (note[0], note[2])
    )
    again = midi_file.read(midi_file.cut(song, lambda _: True, 1000, 4000, 0.25, 1.0))
    inside = [n for n in song.notes if 1000 <= n.start < 4000]
    assert [(n.start, n.end, n.pitch) for n in again.notes] == [
        (n.start - 750, min(n.end, 4000) - 750, n.pitch) for n in inside
    ]


def test_a_cut_keeps_the_program_and_controllers_from_before_it() -> None:
    song = midi_file.read(file(b"\x00\xc0\x28\x00\xb0\x07\x46\x83\x00\x90\x40\x40\x60\x80\x40\x40" + END))
    cut = midi_file.read(midi_file.cut(song, lambda _: True, 384, 480, 0.1, 0.5))
    assert cut.controls == ((0, b"\xc0\x28"), (0, b"\xb0\x07\x46"))
    assert cut.notes[0].program == 0x28
    assert np.isclose(cut.seconds(cut.notes[0].start), 0.1)
