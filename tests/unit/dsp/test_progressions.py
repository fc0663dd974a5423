from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.dsp.musical import CHORD_TONES, Chord, Grid
from acestep_runtime.dsp.progressions import (
    SCALES,
    Harmony,
    chord_rows,
    chord_tones,
    continue_harmony,
    harmonise_melody,
    have_same_notes,
    parse_numeral,
    period_bars,
    quantise_chords,
    tonic_triad,
    transpose_chord,
    transpose_pitch,
    triads,
)
from acestep_runtime.text.style import table
from acestep_runtime.values import Key

C, A_MINOR = Key(0, "major"), Key(9, "minor")


@pytest.mark.parametrize(
    ("text", "key", "chord"),
    [
        ("I", C, (0, "")),
        ("vi", C, (9, "m")),
        ("V7", C, (7, "7")),
        ("ii7", C, (2, "m7")),
        ("Imaj7", C, (0, "maj7")),
        ("bVII", C, (10, "")),
        ("ii°", A_MINOR, (11, "dim")),
        ("VI", A_MINOR, (5, "")),
        ("iv", A_MINOR, (2, "m")),
        ("Isus4", Key(7, "major"), (7, "sus4")),
    ],
)
def test_numerals_have_their_textbook_meaning(text, key, chord):
    assert parse_numeral(text, key) == chord


def test_invalid_numerals_are_refused():
    with pytest.raises(ValueError, match="not a chord numeral"):
        parse_numeral("H7", C)


def test_every_progression_of_the_table_can_be_read():
    for family in table()["harmony"].values():
        for mode in ("major", "minor"):
            for line in family[mode]:
                assert all(parse_numeral(n, Key(3, mode))[1] in CHORD_TONES for n in line.split())


def four_bars(bars, start=0):
    loop = [(0, ""), (7, ""), (9, "m"), (5, "")]
    return {bar * 4 + beat: loop[bar % 4] for bar in range(start, start + bars) for beat in range(4)}


def test_slightly_shifted_chords_are_quantised_to_beats():
    grid = Grid(120, 0.25, 4)
    chords = [Chord(0.25 - 0.06, 2.31, 0), Chord(2.31, 4.2, 9, "m")]
    found = quantise_chords(chords, grid, C)
    assert [found.at(b) for b in range(8)] == [(0, "")] * 4 + [(9, "m")] * 4


def test_a_progression_continues_after_its_end_before_its_start_and_across_a_gap():
    truth = Harmony(four_bars(20, -4), tonic_triad(C))
    gap = {b: c for b, c in four_bars(12).items() if not 16 <= b < 32}
    for chords in (four_bars(8), gap):
        filled = continue_harmony(Harmony(chords, tonic_triad(C)), range(-8, 60), 4, [(2, "m")])
        assert all(filled.at(b) == truth.at(b) for b in range(-8, 60))


def test_the_period_is_the_shortest_that_repeats():
    assert period_bars(Harmony(four_bars(16), (0, "")), 4) == 4
    assert period_bars(Harmony(dict.fromkeys(range(32), (0, "")), (0, "")), 4) == 1
    assert period_bars(Harmony({}, (0, "")), 4) == 4


def test_without_chords_the_fallback_is_used():
    filled = continue_harmony(Harmony({}, tonic_triad(C)), range(12), 4, [(2, "m"), (7, "7")])
    assert [filled.at(b) for b in (0, 4, 8)] == [(2, "m"), (7, "7"), (2, "m")]


def test_chord_rows_are_contiguous_and_cover_the_time():
    rows = chord_rows(Harmony(four_bars(4), (0, "")), Grid(100), 0.5, 7.0)
    assert [r["name"] for r in rows] == ["C", "G", "A" + "m"]
    assert rows[0]["start_s"] == 0.5
    assert rows[-1]["end_s"] == 7.0
    assert all(a["end_s"] == b["start_s"] for a, b in pairwise(rows))


def test_tones_begin_with_the_root():
    assert chord_tones((9, "m7")) == (9, 0, 4, 7)


KEYS = st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))


@given(old=KEYS, new=KEYS, octave=st.integers(3, 6), degree=st.integers(0, 6))
def test_degrees_are_transposed_by_the_nearest_interval(old, new, octave, degree):
    pitch = 12 * octave + old.tonic + SCALES[old.mode][degree]
    transposed = transpose_pitch(pitch, old, new)
    if have_same_notes(old, new):
        assert transposed == pitch
    else:
        assert (transposed - new.tonic) % 12 == SCALES[new.mode][degree]
        assert abs(transposed - pitch) <= 7


@given(old=KEYS, new=KEYS)
def test_triads_are_transposed_to_triads(old, new):
    for mine, theirs in zip(triads(old), triads(new), strict=True):
        assert transpose_chord(mine, old, new) == (mine if have_same_notes(old, new) else theirs)


def test_relative_keys_have_the_same_notes_and_parallel_keys_have_not():
    assert have_same_notes(Key(0, "major"), Key(9, "minor"))
    assert not have_same_notes(Key(0, "major"), Key(0, "minor"))


def test_triads_are_those_of_the_textbook():
    assert triads(Key(0, "major")) == [(0, ""), (2, "m"), (4, "m"), (5, ""), (7, ""), (9, "m"), (11, "dim")]
    assert triads(Key(9, "minor")) == [(9, "m"), (11, "dim"), (0, ""), (2, "m"), (4, "m"), (5, ""), (7, "")]


def test_a_melody_gets_fitting_chords_and_rests_get_the_usual_ones():
    c, usual = Key(0, "major"), [(0, ""), (5, ""), (7, ""), (0, "")]
    sounding = {0: {0: 2.0, 4: 1.0, 7: 1.0}, 1: {5: 1.0, 9: 2.0, 2: 1.0}, 2: {}, 3: {11: 2.0, 2: 1.0, 7: 1.0}}
    found = harmonise_melody(sounding, range(4), c, usual)
    assert found[0] == (0, "")
    assert found[1] in ((2, "m"), (5, ""))
    assert found[2] == usual[2]
    assert found[3] == (7, "")
