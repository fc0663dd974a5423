"""Reading MIDI files: against mido's own times and notes, the rules of the format, and bytes that are none."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.files import MAX_BYTES, MAX_MIDI_TEXT, file_text
from acestep_runtime.midi.read import MAX_NOTES, _Reader, decode_midi, read_midi
from acestep_runtime.notes import Meter, MidiSong, Note, Tempo
from tests.support.midi_files import band, file_of, meter, name, program, strike, tempo


def spans(song: MidiSong) -> list[tuple[float, float, int]]:
    """All notes of a song, rounded to the microsecond."""
    notes = (note for part in song.parts for note in part.notes)
    return sorted((round(note.start_s, 6), round(note.end_s, 6), note.pitch) for note in notes)


def message(kind: str, **values: Any) -> Any:
    return mido.Message(kind, **values)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def raw(body: bytes, *, kind: int = 0, division: int = 480) -> bytes:
    """A file of one track of these bytes."""
    head = kind.to_bytes(2, "big") + (1).to_bytes(2, "big") + division.to_bytes(2, "big")
    return chunk(b"MThd", head) + chunk(b"MTrk", body)


@st.composite
def songs(draw: st.DrawFn) -> tuple[bytes, list[tuple[float, float, int]]]:
    """A file with a tempo map, and its notes as mido times them."""
    events = [tempo(draw(st.integers(0, 40)) / 4, draw(st.integers(30, 300))) for _ in range(draw(st.integers(0, 6)))]
    tracks: list[list[Any]] = [events]
    for channel in range(draw(st.integers(1, 4))):
        at, track = 0.0, []
        for _ in range(draw(st.integers(1, 12))):
            at += draw(st.integers(0, 6)) / 4
            end = at + draw(st.integers(1, 8)) / 4
            track += strike(at, end, draw(st.integers(0, 127)), draw(st.integers(1, 127)), channel)
            at = end
        tracks.append(track)
    data = file_of(*tracks)
    sounding: dict[tuple[int, int], float] = {}
    now, notes = 0.0, []
    for event in mido.MidiFile(file=io.BytesIO(data)):
        now += event.time
        if event.type == "note_on" and event.velocity:
            sounding[event.channel, event.note] = now
        elif event.type in ("note_on", "note_off"):
            notes.append((round(sounding.pop((event.channel, event.note)), 6), round(now, 6), event.note))
    return data, sorted(notes)


@settings(deadline=None, max_examples=60)
@given(song=songs())
def test_notes_are_timed_as_mido_times_them(song: tuple[bytes, list[tuple[float, float, int]]]) -> None:
    data, expected = song
    found = spans(read_midi(data))
    assert [pitch for _, _, pitch in found] == [pitch for _, _, pitch in expected]
    for own, other in zip(found, expected, strict=True):
        assert own[:2] == pytest.approx(other[:2], abs=2e-6)


def test_parts_have_names_programs_and_drums() -> None:
    song = read_midi(band(2))
    assert [(part.name, part.program, part.is_drums, len(part.notes)) for part in song.parts] == [
        ("Lead", 73, False, 8), ("Pad", 48, False, 6), ("Bass", 33, False, 2), ("Kit", 0, True, 8),
    ]  # fmt: skip
    assert song.end_s == pytest.approx(4.0)


def test_a_program_makes_a_part_of_its_own_and_may_stand_in_another_track() -> None:
    first = [*strike(0, 1, 60), (1.0, message("program_change", program=5)), *strike(1, 2, 62)]
    second = [*strike(0, 1, 64, channel=3)]
    setup = [program(40, 3)]
    song = read_midi(file_of(setup, first, second))
    assert [(part.program, [note.pitch for note in part.notes]) for part in song.parts] == [
        (0, [60]), (5, [62]), (40, [64]),
    ]  # fmt: skip


def test_tempos_and_meters() -> None:
    song = read_midi(
        file_of([tempo(0, 120), tempo(4, 60), tempo(6, 60), meter(0, 3, 4), meter(6, 6, 8)], strike(0, 8, 60))
    )
    assert song.tempos == (Tempo(0, 120), Tempo(2.0, 60))
    assert song.meters == (Meter(0, 3, 4), Meter(4.0, 6, 8))
    assert spans(song) == [(0, 6.0, 60)]


def test_without_tempo_and_meter_they_are_the_usual_ones() -> None:
    song = read_midi(file_of(strike(0, 2, 60), kind=0))
    assert (song.tempos, song.meters) == ((Tempo(0, 120),), (Meter(0, 4, 4),))
    assert spans(song) == [(0, 1.0, 60)]


def test_the_sustain_pedal_holds_notes_until_it_is_up_or_they_are_struck_again() -> None:
    def pedal(quarter: float, value: int, channel: int = 0) -> tuple[float, Any]:
        return quarter, message("control_change", control=64, value=value, channel=channel)

    events = [pedal(0, 127), *strike(0, 1, 60), *strike(0, 1, 64), *strike(2, 3, 64), pedal(4, 0), *strike(5, 6, 67)]
    assert spans(read_midi(file_of(events))) == [(0, 1.0, 64), (0, 2.0, 60), (1.0, 2.0, 64), (2.5, 3.0, 67)]
    late = [pedal(0.5, 64), *strike(0, 1, 60), pedal(3, 63)]
    assert spans(read_midi(file_of(late))) == [(0, 1.5, 60)]
    drums = [pedal(0, 127, 9), *strike(0, 1, 36, channel=9), pedal(4, 0, 9)]
    assert spans(read_midi(file_of(drums))) == [(0, 0.5, 36)]
    other = [pedal(0, 127, 1), *strike(0, 1, 60), pedal(4, 0, 1)]
    assert spans(read_midi(file_of(other))) == [(0, 0.5, 60)]


def test_the_pedal_may_be_in_another_track() -> None:
    setup = [
        (0.0, message("control_change", control=64, value=100)),
        (2.0, message("control_change", control=64, value=0)),
    ]
    assert spans(read_midi(file_of(setup, strike(0, 1, 60)))) == [(0, 1.0, 60)]


def test_velocity_zero_ends_a_note_and_running_status_is_read() -> None:
    body = bytes.fromhex("00 90 3c 64 00 40 50 83 60 3c 00 00 40 00 00 ff 2f 00")
    assert spans(read_midi(raw(body))) == [(0, 0.5, 60), (0, 0.5, 64)]


def test_overlapping_notes_of_one_pitch_end_in_their_order() -> None:
    song = read_midi(file_of([*strike(0, 2, 60), *strike(1, 3, 60)]))
    assert spans(song) == [(0, 1.0, 60), (0.5, 1.5, 60)]


def test_hanging_notes_end_with_the_song_and_ends_of_nothing_are_ignored() -> None:
    events = [(0.0, message("note_on", note=60, velocity=90)), (1.0, message("note_off", note=72)), *strike(1, 4, 64)]
    assert spans(read_midi(file_of(events))) == [(0, 2.0, 60), (0.5, 2.0, 64)]


@pytest.mark.parametrize("control", [120, 123])
def test_all_notes_off_ends_those_of_its_channel(control: int) -> None:
    events = [
        (0.0, message("note_on", note=60, velocity=90)), (0.0, message("note_on", note=64, velocity=90, channel=1)),
        (1.0, message("control_change", control=control, value=0)), (4.0, message("note_off", note=64, channel=1)),
    ]  # fmt: skip
    assert spans(read_midi(file_of(events))) == [(0, 0.5, 60), (0, 2.0, 64)]


def test_a_drum_without_length_has_a_short_one() -> None:
    (part,) = read_midi(file_of([*strike(1, 1, 38, channel=9), *strike(2, 3, 40, channel=9)])).parts
    assert part.notes[0] == Note(0.5, 0.51, 38, 100)


def test_frames_of_film_count_time_whatever_the_tempo() -> None:
    body = bytes.fromhex("00 ff 51 03 0f 42 40 00 90 3c 64 81 48 80 3c 00 00 ff 2f 00")  # 200 ticks, tempo 60
    division = (256 - 25) << 8 | 40
    assert spans(read_midi(raw(body, division=division))) == [(0, 0.2, 60)]


def test_a_key_that_there_is_none_of_and_unknown_events_do_not_matter() -> None:
    odd = "00 ff 59 02 63 0960 ff 60 02 01 0200 f0 03 43 12 f700 ff 7f 01 00"
    body = bytes.fromhex(odd + "00 90 3c 64 83 60 80 3c 00 00 ff 2f 00")
    assert spans(read_midi(raw(body))) == [(0.1, 0.6, 60)]


def test_unknown_chunks_are_passed_over() -> None:
    data = file_of(strike(0, 1, 60))
    assert read_midi(data[:14] + chunk(b"XFIH", b"abc") + data[14:]) == read_midi(data)


def test_names_are_one_line() -> None:
    (part,) = read_midi(file_of([name("a\nb  c"), *strike(0, 1, 60)])).parts
    assert part.name == "a b c"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin as one"),
        (b"RIFF1234WAVEfmt 1234567890", "does not begin as one"),
        (file_of(strike(0, 1, 60))[:-3], "ends too early"),
        (raw(b"\x00\x90\x3c"), "ends too early"),
        (raw(b"\x00\x3c\x40"), "no status"),
        (raw(b"\x00\x90\x3c\xff"), "above 127"),
        (raw(b"\x00\xf4"), "0xf4"),
        (raw(b"\xff\xff\xff\xff\xff\x7f"), "more than four bytes"),
        (raw(b"\x00\xff\x2f\x00", kind=2), "format 2"),
        (raw(b"\x00\xff\x2f\x00"), "no notes"),
        (raw(b"\x00\xff\x2f\x00", division=0), "no ticks"),
        (raw(b"\x00\xff\x2f\x00", division=0x8000), "frames of film"),
        (chunk(b"MThd", bytes(6)), "no track"),
        (b"MThd" + bytes(MAX_BYTES), f"at most {MAX_BYTES}"),
        (file_of([tempo(0, 1200)], strike(0, 1, 60)), "tempo"),
        (file_of([tempo(0, 30)], strike(0, 601, 60)), "1202 s long"),
        (raw(b"\x00\x90\x3c\x64" + b"\x00\x3c\x64" * MAX_NOTES + b"\x00\xff\x2f\x00"), f"more than {MAX_NOTES} notes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_said(data: bytes, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        read_midi(data)


@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=400), at=st.integers(0, 60), cut=st.integers(0, 60))
def test_any_bytes_are_a_song_or_a_sentence(data: bytes, at: int, cut: int) -> None:
    whole = band(1)
    for hostile in (data, raw(data), whole[:at] + data + whole[at + cut :]):
        song: MidiSong | None = None
        with suppress(InvalidValue):
            song = read_midi(hostile)
        notes = [] if song is None else [note for part in song.parts for note in part.notes]
        assert song is None or notes
        assert all(0 <= note.start_s < note.end_s <= song.end_s for note in notes if song is not None)


def test_text_is_base64() -> None:
    data = band(1)
    assert decode_midi(file_text(data)) == read_midi(data)
    assert len(file_text(bytes(MAX_BYTES))) == MAX_MIDI_TEXT
    for text in ("ä", "abc", "not base64!"):
        with pytest.raises(InvalidValue, match="base64") as caught:
            decode_midi(text, "fields.midi")
        assert caught.value.field == "fields.midi"


def hostile(tracks: int, toggles: int, *, down: bool) -> bytes:
    """A file of tracks that hold a note with a pedal, their own where ``down``, and one that moves its pedal all the time."""
    own = b"\0\xb0\x40\x7f" if down else b""
    body = own + b"\0\x90\x3c\x64\0\x80\x3c\0\x87\x40\xff\x2f\0"
    rest = b"\0\xb0\x40\x7f" + b"\1\x40\0\0\x40\x7f" * toggles + b"\0\xff\x2f\0"
    head = b"\0\1" + (tracks + 1).to_bytes(2, "big") + b"\1\xe0"
    return chunk(b"MThd", head) + chunk(b"MTrk", rest) + chunk(b"MTrk", body) * tracks


@pytest.mark.parametrize("down", [True, False])
def test_each_move_of_a_pedal_looks_at_the_tracks_that_it_holds_alone(
    down: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the largest size once took minutes: each of 60 000 moves looked at each of 8000 tracks."""
    looks: list[int] = []
    end_all = _Reader._end_all

    def count(self: _Reader, *args: Any, **options: Any) -> None:
        looks.append(1)
        end_all(self, *args, **options)

    monkeypatch.setattr(_Reader, "_end_all", count)
    song = read_midi(hostile(200, 1000, down=down))
    assert sum(len(part.notes) for part in song.parts) == 200
    assert len(looks) < 2 * (200 + 1000)


def test_a_release_under_the_pedal_looks_at_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the largest size once took half a minute: each of 80 000 releases looked at all notes of its pitch."""

    class Stiff(deque[Any]):
        def __iter__(self) -> Iterator[Any]:
            raise AssertionError("all notes of a pitch were looked at")

    monkeypatch.setattr("acestep_runtime.midi.read.deque", Stiff)
    body = b"\0\xb0\x40\x7f\0\x90\x3c\x40" + b"\0\x3c\x40" * 9 + b"\1\x3c\0" * 8 + b"\x87\x34\xb0\x40\0\0\xff\x2f\0"
    assert len(spans(read_midi(raw(body)))) == 10


def test_pedals_of_other_tracks_end_what_has_none_of_its_own() -> None:
    pedal = [
        (0.0, message("control_change", control=64, value=127)),
        (4.0, message("control_change", control=64, value=0)),
    ]
    own = [
        (0.0, message("control_change", control=64, value=127)),
        (8.0, message("control_change", control=64, value=0)),
    ]
    data = file_of([tempo(0, 60), *pedal], strike(1.0, 2.0, 60), [*own, *strike(1.0, 2.0, 64)])
    assert spans(read_midi(data)) == [(1.0, 4.0, 60), (1.0, 8.0, 64)]


def test_all_notes_off_ends_the_notes_of_its_channel_on_all_tracks() -> None:
    data = file_of(
        [tempo(0, 60), (3.0, message("control_change", control=123, value=0))], strike(1.0, 9.0, 60), strike(1.0, 9.0, 64),
        strike(1.0, 5.0, 67, channel=1),
    )  # fmt: skip
    assert spans(read_midi(data)) == [(1.0, 3.0, 60), (1.0, 3.0, 64), (1.0, 5.0, 67)]
