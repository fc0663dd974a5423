"""What the parts of a song of notes are for, their chords, key and swing, against songs that were written with them."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.midi.beats import bars_of, tempo_map
from acestep_runtime.midi.harmony import find_harmony, find_swing
from acestep_runtime.midi.read import read_midi
from acestep_runtime.midi.roles import assign_roles, is_single_line, upper_line
from acestep_runtime.notes import Meter, MidiSong, Note, Part
from acestep_runtime.values import Key
from tests.quality import score
from tests.support.midi_files import band, file_of, strike, tempo

MODES = ("major", "minor")


def part(name: str, *notes: tuple[float, float, int], program: int = 0, is_drums: bool = False) -> Part:
    return Part(name, tuple(Note(start, end, pitch, 100) for start, end, pitch in notes), program, is_drums)


LINE = ((0, 1, 72), (1, 2, 74), (2, 3, 76))
CHORDS = tuple((float(n), n + 1.0, pitch) for n in range(3) for pitch in (60, 64, 67))
LOW = ((0, 1, 36), (1, 2, 38), (2, 3, 40))


def test_roles_of_a_band() -> None:
    song = read_midi(band(2))
    roles = assign_roles(song)
    assert roles.melody_part is not None
    assert roles.bass is not None
    assert (roles.melody_part.name, roles.bass.name) == ("Lead", "Bass")
    assert [each.name for each in roles.others] == ["Pad"]
    assert [each.name for each in roles.drums] == ["Kit"]
    assert roles.melody == roles.melody_part.notes


@pytest.mark.parametrize(
    ("parts", "melody", "bass", "others"),
    [
        ((part("a", *LINE), part("b", *CHORDS), part("c", *LOW)), "a", "c", ["b"]),
        ((part("Vocals", *((s, e, p - 12) for s, e, p in LINE)), part("high", *LINE)), "Vocals", None, ["high"]),
        ((part("chords", *CHORDS),), None, None, ["chords"]),
        ((part("piano", *LINE, *CHORDS[:3]),), "piano", None, ["piano"]),
        ((part("one", *LOW),), None, None, ["one"]),
        ((part("Synth bass", *CHORDS), part("x", *LINE)), "x", "Synth bass", []),
    ],
)
def test_roles_by_name_and_register(
    parts: tuple[Part, ...], melody: str | None, bass: str | None, others: list[str]
) -> None:
    roles = assign_roles(MidiSong(parts))
    assert (None if roles.melody_part is None else roles.melody_part.name) == melody
    assert (None if roles.bass is None else roles.bass.name) == bass
    assert [each.name for each in roles.others] == others


def test_the_upper_line_of_a_piano_is_one_at_a_time() -> None:
    notes = part("", (0, 1, 72), (0, 1, 60), (0.5, 1.5, 64), (1, 3, 76), (2, 2.5, 79), (2.6, 3, 60)).notes
    line = upper_line(notes)
    assert [(note.start_s, note.end_s, note.pitch) for note in line] == [
        (0, 1, 72),
        (1, 2, 76),
        (2, 2.5, 79),
        (2.6, 3, 60),
    ]
    assert is_single_line(line)


@pytest.mark.parametrize("genre", ["pop", "ballad", "folk", "swing", "waltz", "house"])
@pytest.mark.parametrize("mode", MODES)
def test_chords_and_key_are_those_that_a_song_was_written_with(genre: str, mode: str) -> None:
    meter = 3 if "waltz" in genre else 4
    tonic, bars = 7, 16
    written = score.write(genre, tonic, mode, meter, bars, np.random.default_rng(5))
    parts = tuple(
        Part(name, tuple(Note(n.beat / 2, (n.beat + n.length) / 2, n.pitch, n.velocity) for n in sorted(
            notes, key=lambda n: n.beat)), written.programs.get(name) or 0, name == "drums")
        for name, notes in written.parts.items() if notes
    )  # fmt: skip
    song = MidiSong(parts, meters=(Meter(0, meter, 4),), end_s=bars * meter / 2)
    tempos = tempo_map(song)
    spans = bars_of(song, song.end_s)
    found = find_harmony(song, spans, tempos, assign_roles(song).melody_part)
    chords = [chord for bar in found.bars for chord in bar]
    pairs = list(zip(chords, written.chords, strict=True))
    roots = sum(own[0] == other[0] for own, other in pairs)
    whole = sum(own[0] == other[0] and own[1][:1] == other[1] for own, other in pairs)
    assert roots >= 0.9 * len(pairs), [pair for pair in pairs if pair[0] != pair[1]]
    assert whole >= 0.75 * len(pairs), [pair for pair in pairs if pair[0] != pair[1]]
    relative = Key((tonic + 3) % 12, "major") if mode == "minor" else Key((tonic + 9) % 12, "minor")
    assert found.key in (Key(tonic, mode), relative)


def test_silent_bars_are_known_and_take_the_chord_before() -> None:
    song = read_midi(file_of([tempo(0, 120)], [e for p in (60, 64, 67) for e in strike(0, 4, p)], strike(8, 12, 72)))
    found = find_harmony(song, bars_of(song, song.end_s), tempo_map(song), None)
    assert found.sounds == (True, False, True)
    assert found.bars[0] == found.bars[1] == ((0, ""),) * 4


@pytest.mark.parametrize(("swing", "expected"), [(0.5, 0.5), (0.66, 0.66), (0.6, 0.6)])
def test_swing_is_where_second_halves_of_beats_fall(swing: float, expected: float) -> None:
    notes = [
        event
        for beat in range(12)
        for event in (*strike(beat, beat + 0.3, 60), *strike(beat + swing, beat + swing + 0.2, 62))
    ]
    song = read_midi(file_of([tempo(0, 120)], notes))
    assert find_swing(song, tempo_map(song)) == pytest.approx(expected, abs=0.01)
    assert find_swing(read_midi(file_of(notes[:8])), tempo_map(song)) is None
