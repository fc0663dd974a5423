from itertools import pairwise

import pytest

from acestep_runtime.dsp.musical import CHORD_TONES, Chord, Grid
from acestep_runtime.dsp.progressions import Harmony, continued, heard, home_of, numeral, period_bars, spelled, tones
from acestep_runtime.dsp.style import table
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
def test_numerals_mean_what_textbooks_say(text, key, chord):
    assert numeral(text, key) == chord


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="not a chord numeral"):
        numeral("H7", C)


def test_every_progression_of_the_table_can_be_read():
    for family in table()["harmony"].values():
        for mode in ("major", "minor"):
            for line in family[mode]:
                assert all(numeral(n, Key(3, mode))[1] in CHORD_TONES for n in line.split())


def four_bars(bars, start=0):
    loop = [(0, ""), (7, ""), (9, "m"), (5, "")]
    return {bar * 4 + beat: loop[bar % 4] for bar in range(start, start + bars) for beat in range(4)}


def test_chords_land_on_beats_though_heard_a_little_off():
    grid = Grid(120, 0.25, 4)
    chords = [Chord(0.25 - 0.06, 2.31, 0), Chord(2.31, 4.2, 9, "m")]
    found = heard(chords, grid, C)
    assert [found.at(b) for b in range(8)] == [(0, "")] * 4 + [(9, "m")] * 4


def test_a_progression_goes_on_after_its_end_before_its_start_and_across_a_gap():
    truth = Harmony(four_bars(20, -4), home_of(C))
    gap = {b: c for b, c in four_bars(12).items() if not 16 <= b < 32}
    for known in (four_bars(8), gap):
        filled = continued(Harmony(known, home_of(C)), range(-8, 60), 4, [(2, "m")])
        assert all(filled.at(b) == truth.at(b) for b in range(-8, 60))


def test_the_period_is_the_shortest_that_repeats():
    assert period_bars(Harmony(four_bars(16), (0, "")), 4) == 4
    assert period_bars(Harmony(dict.fromkeys(range(32), (0, "")), (0, "")), 4) == 1
    assert period_bars(Harmony({}, (0, "")), 4) == 4


def test_with_nothing_heard_the_fallback_is_played():
    filled = continued(Harmony({}, home_of(C)), range(12), 4, [(2, "m"), (7, "7")])
    assert [filled.at(b) for b in (0, 4, 8)] == [(2, "m"), (7, "7"), (2, "m")]


def test_spelled_chords_meet_and_cover():
    rows = spelled(Harmony(four_bars(4), (0, "")), Grid(100), 0.5, 7.0)
    assert [r["name"] for r in rows] == ["C", "G", "A" + "m"]
    assert rows[0]["start_s"] == 0.5
    assert rows[-1]["end_s"] == 7.0
    assert all(a["end_s"] == b["start_s"] for a, b in pairwise(rows))


def test_tones_begin_with_the_root():
    assert tones((9, "m7")) == (9, 0, 4, 7)
