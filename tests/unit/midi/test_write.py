"""Writing MIDI files: read back with mido, by rules of the format that are spelled out here."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.write import TICKS_PER_BEAT, TickMap, write_midi
from acestep_runtime.notes import Meter, MidiSong, Note, Part, Tempo


def read(song: MidiSong) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(write_midi(song)), charset="utf-8")


def at_ticks(track: Any) -> list[tuple[int, Any]]:
    now, found = 0, []
    for message in track:
        now += message.time
        found.append((now, message))
    return found


def seconds_at(file: mido.MidiFile) -> Any:
    """Return a function from ticks to exact seconds, by the tempos of the first track."""
    tempos = [(tick, message.tempo) for tick, message in at_ticks(file.tracks[0]) if message.type == "set_tempo"]

    def convert(tick: int) -> Fraction:
        total = Fraction(0)
        for (start, length_us), end in zip(tempos, [*(t for t, _ in tempos[1:]), None], strict=True):
            stop = tick if end is None else min(tick, end)
            total += max(0, stop - start) * Fraction(length_us, 1_000_000 * TICKS_PER_BEAT)
        return total

    return convert


def notes_of(file: mido.MidiFile, track: int) -> list[tuple[int, int, int, int]]:
    """Return (first tick, last-plus-one tick, pitch, velocity) of each note; fails for one that is struck while it sounds."""
    sounding: dict[int, tuple[int, int]] = {}
    found = []
    for tick, message in at_ticks(file.tracks[track]):
        if message.type == "note_on" and message.velocity:
            assert message.note not in sounding
            sounding[message.note] = tick, message.velocity
        elif message.type in ("note_on", "note_off"):
            start, velocity = sounding.pop(message.note)
            found.append((start, tick, message.note, velocity))
    assert not sounding
    return sorted(found)


def test_a_song_is_what_it_says() -> None:
    song = MidiSong(
        (
            Part("Bass", (Note(0.0, 0.5, 40, 100), Note(0.5, 1.0, 43, 1)), 33),
            Part("드럼", (Note(0.25, 0.35, 36, 127),), is_drums=True),
        ),
        (Tempo(0, 120), Tempo(1.0, 60)),
        (Meter(0, 3, 4), Meter(1.5, 7, 8)),
        end_s=4.0,
    )
    file = read(song)
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 960, 3)
    facts = [(tick, m.type, getattr(m, "tempo", getattr(m, "numerator", None))) for tick, m in at_ticks(file.tracks[0])]
    assert facts == [
        (0, "set_tempo", 500_000), (0, "time_signature", 3), (1920, "set_tempo", 1_000_000), (2400, "time_signature", 7),
        (1920 + 2880, "end_of_track", None),
    ]  # fmt: skip
    assert [track.name for track in file.tracks] == ["", "Bass", "드럼"]
    assert notes_of(file, 1) == [(0, 960, 40, 100), (960, 1920, 43, 1)]
    assert notes_of(file, 2) == [(480, 672, 36, 127)]
    (program,) = [message for message in file.tracks[1] if message.type == "program_change"]
    assert (program.program, program.channel) == (33, 0)
    assert {message.channel for message in file.tracks[2] if not message.is_meta} == {9}
    assert file.length == pytest.approx(4.0, abs=1e-9)


tempos = st.lists(st.tuples(st.floats(0.01, 30), st.floats(20, 400)), max_size=6, unique_by=lambda each: each[0]).map(
    lambda found: (Tempo(0, 97.3), *(Tempo(start, bpm) for start, bpm in sorted(found)))
)
notes = st.lists(
    st.tuples(st.floats(0, 60), st.floats(0.005, 5), st.integers(0, 127), st.integers(1, 127)), max_size=30
).map(lambda found: tuple(Note(start, start + length, pitch, velocity) for start, length, pitch, velocity in found))


@given(tempos, notes)
def test_each_note_is_at_the_nearest_tick(tempos: tuple[Tempo, ...], notes: tuple[Note, ...]) -> None:
    file = read(MidiSong((Part("x", notes),), tempos))
    to_seconds, found = seconds_at(file), notes_of(file, 1)
    ticks = {(note[0], note[2]): note for note in found}
    written = TickMap(tempos)
    for note in notes:
        start = written.s_to_tick(note.start_s)
        held = ticks[start, note.pitch]  # of two at one tick the longer one
        error = abs(to_seconds(start) - Fraction(note.start_s))
        assert error <= min(
            abs(to_seconds(near) - Fraction(note.start_s)) for near in (start - 1, start + 1)
        ) + Fraction(1, 10**9)
        assert held[1] > held[0]
    assert len(found) == len({(written.s_to_tick(note.start_s), note.pitch) for note in notes})


@given(notes)
def test_a_file_that_is_read_is_written_the_same(notes: tuple[Note, ...]) -> None:
    song = MidiSong((Part("x", notes, 5),), (Tempo(0, 120), Tempo(3, 90)))
    file = read(song)
    to_seconds = seconds_at(file)
    again = tuple(
        Note(float(to_seconds(start)), float(to_seconds(end)), pitch, velocity)
        for start, end, pitch, velocity in notes_of(file, 1)
    )
    assert write_midi(MidiSong((Part("x", again, 5),), song.tempos)) == write_midi(song)


def test_a_pitch_that_is_struck_again_ends_before() -> None:
    part = Part("x", (Note(0, 2, 60, 90), Note(1, 1.5, 60, 80), Note(1, 3, 61, 70)))
    assert notes_of(read(MidiSong((part,))), 1) == [(0, 1920, 60, 90), (1920, 2880, 60, 80), (1920, 5760, 61, 70)]


def test_parts_have_channels_of_their_own_and_share_by_program_when_there_are_many() -> None:
    def channels(count: int, programs: int) -> list[int]:
        parts = tuple(Part(str(n), (Note(0, 1, 60, 90),), n % programs) for n in range(count))
        return [file_track[-2].channel for file_track in read(MidiSong(parts)).tracks[1:]]

    assert channels(15, 1) == [*range(9), *range(10, 16)]
    assert channels(20, 2) == [0, 1] * 10
    with pytest.raises(InvalidValue, match="The song has parts with 16 programs; a MIDI file has 15 channels for them"):
        channels(16, 16)


@pytest.mark.parametrize(
    ("song", "field"),
    [
        (MidiSong((Part("x", (Note(0, 1, 128, 90),)),)), "pitch"),
        (MidiSong((Part("x", (Note(0, 1, 60, 0),)),)), "velocity"),
        (MidiSong((Part("x", (Note(2, 1, 60, 90),)),)), "end_s"),
        (MidiSong((Part("x", (Note(float("nan"), 1, 60, 90),)),)), "time"),
        (MidiSong((Part("x", (Note(-1, 1, 60, 90),)),)), "time"),
        (MidiSong((Part("x", (), 128),)), "program"),
        (MidiSong((), (Tempo(1, 120),)), "tempos"),
        (MidiSong((), (Tempo(0, 120), Tempo(4, 90), Tempo(3, 80))), "tempos"),
        (MidiSong((), (Tempo(0, 3.0),)), "bpm"),
        (MidiSong((), meters=(Meter(0, 4, 3),)), "meter"),
    ],
)
def test_what_no_file_can_hold_is_refused(song: MidiSong, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        write_midi(song)
    assert caught.value.field == field
