"""Chord symbols: what musicians write, and what is printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.chords.symbols import NO_CHORD, QUALITIES, ChordName, read_symbol
from tests.support.charts import CHORDS

#: Notes in the order of textbooks (Levine, The Jazz Theory Book): symbol → pitch classes from C.
TEXTBOOK = {
    "C": {0, 4, 7}, "Cm": {0, 3, 7}, "C-": {0, 3, 7}, "Cmin": {0, 3, 7}, "C7": {0, 4, 7, 10}, "CM7": {0, 4, 7, 11},
    "Cmaj7": {0, 4, 7, 11}, "CΔ": {0, 4, 7, 11}, "C^7": {0, 4, 7, 11}, "Cm7": {0, 3, 7, 10}, "C-7": {0, 3, 7, 10},
    "Cm7b5": {0, 3, 6, 10}, "Cø": {0, 3, 6, 10}, "C-7b5": {0, 3, 6, 10}, "Cdim": {0, 3, 6}, "C°": {0, 3, 6},
    "Cdim7": {0, 3, 6, 9}, "C°7": {0, 3, 6, 9}, "Caug": {0, 4, 8}, "C+": {0, 4, 8}, "Csus2": {0, 2, 7}, "Csus4": {0, 5, 7},
    "Csus": {0, 5, 7}, "C6": {0, 4, 7, 9}, "Cm6": {0, 3, 7, 9}, "C9": {0, 4, 7, 10, 2}, "Cm9": {0, 3, 7, 10, 2},
    "Cmaj9": {0, 4, 7, 11, 2}, "Cadd9": {0, 4, 7, 2}, "C13": {0, 4, 7, 10, 2, 9}, "C7b9": {0, 4, 7, 10, 1},
    "C7#9": {0, 4, 7, 10, 3}, "C7(b9)": {0, 4, 7, 10, 1}, "C5": {0, 7}, "C7sus4": {0, 5, 7, 10}, "C6/9": {0, 4, 7, 9, 2},
    "Cm(maj7)": {0, 3, 7, 11}, "C7alt": {0, 4, 8, 10, 3}, "C+7": {0, 4, 8, 10}, "C7#11": {0, 4, 7, 10, 6},
}  # fmt: skip


@pytest.mark.parametrize("symbol", TEXTBOOK)
def test_a_symbol_has_the_notes_of_textbooks(symbol: str) -> None:
    chord = read_symbol(symbol)
    assert chord is not None
    assert chord.root == 0
    assert set(chord.pitch_classes) == TEXTBOOK[symbol]


@pytest.mark.parametrize(
    ("symbol", "chord"),
    [
        ("F♯m7", ChordName(6, "m7")), ("B♭", ChordName(10)), ("Eb/G", ChordName(3, "", 7)), ("C6/9/E", ChordName(0, "69", 4)),
        ("Hm", ChordName(11, "m")), ("C/C", ChordName(0)), ("Cb", ChordName(11)), ("B#7", ChordName(0, "7")),
        ("C7#9b5", ChordName(0, "7b5#9")), ("C7(b9,#11)", ChordName(0, "7b9#11")), ("Ab5", ChordName(8, "5")),
        ("N.C.", NO_CHORD), ("NC", NO_CHORD), ("n.c.", NO_CHORD),
    ],
)  # fmt: skip
def test_what_musicians_write(symbol: str, chord: ChordName) -> None:
    assert read_symbol(symbol) == chord


@pytest.mark.parametrize("text", ["", "am", "Amx", "Hello", "C//G", "C/", "C/X", "7", "[C]", "Cmaj7b", "Verse", "/G"])
def test_other_text_is_no_chord(text: str) -> None:
    assert read_symbol(text) is None


@given(CHORDS)
def test_what_is_printed_is_read_again(chord: ChordName) -> None:
    assert read_symbol(str(chord)) == chord


@given(CHORDS, st.integers(-24, 24))
def test_transposing_moves_every_note(chord: ChordName, semitones: int) -> None:
    moved = chord.transpose(semitones)
    assert moved.pitch_classes == tuple((pc + semitones) % 12 for pc in chord.pitch_classes)
    assert moved.lowest == (chord.lowest + semitones) % 12
    assert moved.transpose(-semitones) == chord
    assert NO_CHORD.transpose(semitones) is NO_CHORD


def test_every_quality_has_its_root_and_a_second_and_third_note_in_one_octave() -> None:
    for tones in QUALITIES.values():
        assert tones[0] == 0
        assert list(tones) == sorted(tones)
        assert 0 < tones[1] < tones[2] <= 12
