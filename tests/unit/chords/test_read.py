"""Chord text: bars, repeats, sections, and errors that name the symbol and its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.chords.chart import ChordChart, spread_over_beats
from acestep_runtime.chords.read import chart_of, check_meter, read_chords
from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import Key, Music
from tests.support.charts import CHARTS

A_MINOR, C_MAJOR = Key(9, "minor"), Key(0, "major")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Am F C G", "| Am | F | C | G |"),
        ("Am, F, C, G", "| Am | F | C | G |"),
        ("Am - F – C → G", "| Am | F | C | G |"),
        ("C . G/B . | Am7 F", "| C . G/B . | Am7 F |"),
        ("| Am F |", "| Am F |"),
        ("| Am | % | F / G . |", "| Am | Am | F . G . |"),
        ("Am F x2 C", "| Am | F | Am | F | C |"),
        ("|: C | G :| F |", "| C | G | C | G | F |"),
        ("|: C | G :| x3", "| C | G | C | G | C | G |"),
        ("|: C | G |\nAm | F :|", "| C | G | Am | F | C | G | Am | F |"),
        ("C G\nAm F x2", "| C | G | Am | F | Am | F |"),
        ("[Verse] Am F | [Chorus] F G C C", "[Verse] | Am | F |\n[Chorus] | F | G | C | C |"),
        ("[Verse] C [Solo] G [Verse]", "[Verse] | C |\n[Solo] | G |\n[Verse] | C |"),
        ("C | . G", "| C | C G |"),
        ("C N.C. Hm", "| C | N.C. | Bm |"),
        ("| C | % . |", "| C | C |"),
    ],
)
def test_text_becomes_bars(text: str, printed: str) -> None:
    assert str(read_chords(text)) == printed


@pytest.mark.parametrize(
    ("text", "key", "printed"),
    [
        ("i VI III VII", A_MINOR, "| Am | F | C | G |"),
        ("vi IV I V", C_MAJOR, "| Am | F | C | G |"),
        ("ii7 V7 Imaj7", C_MAJOR, "| Dm7 | G7 | Cmaj7 |"),
        ("I bVII IV", Key(4, "major"), "| E | D | A |"),
        ("ii° V7 i", A_MINOR, "| Bdim | E7 | Am |"),
        ("V7/ii ii", C_MAJOR, "| A7 | Dm |"),
        ("vii°7 i", A_MINOR, "| Abdim7 | Am |"),
        ("viiø7 I", C_MAJOR, "| Bm7b5 | C |"),
        ("#iv° IV", C_MAJOR, "| F#dim | F |"),
        ("1 5/7 6m 4maj7", C_MAJOR, "| C | G/B | Am | Fmaj7 |"),
        ("Am VI", A_MINOR, "| Am | F |"),
    ],
)
def test_degrees_of_a_key(text: str, key: Key, printed: str) -> None:
    assert str(read_chords(text, key)) == printed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Am Fx", "chords has 'Fx' in bar 2, which is no chord"),
        ("[Chorus] C | G Zed", "chords has 'Zed' in bar 2 of [Chorus], which is no chord"),
        ("am F", "Write the root as a capital letter: Am."),
        ("i VI", "chords has the degree 'i' in bar 1, and no key is given"),
        ("C H B", "has both H and B"),
        (". C", "begins with '.'"),
        ("% C", "has % before any bar"),
        ("C | | F", "has nothing in bar 2"),
        ("C x65", "has x65"),
        ("x2 C", "has a repeat of nothing"),
        ("[A]", "has no chords under [A]"),
        ("", "has no chords"),
        ("C [", "'['"),
        ("C D E F G A B C D E F G A B C D E x64", "bars or more"),
        ("[A] C D E F G [B] C x64 " + "[A] " * 300, "bars or more"),
        ("| C C C C C C C C C C C C C |", "has 13 chords in bar 1"),
    ],
)
def test_errors_name_the_symbol_and_its_place(text: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_chords(text)
    assert words in str(caught.value)
    assert caught.value.field == "chords"


@given(CHARTS)
def test_what_is_printed_is_read_again(chart: ChordChart) -> None:
    assert read_chords(str(chart)) == chart


@given(CHARTS, st.integers(-11, 11))
def test_transposition_goes_there_and_back(chart: ChordChart, semitones: int) -> None:
    moved = chart.transpose(semitones)
    assert [len(bar) for bar in moved.bars] == [len(bar) for bar in chart.bars]
    assert moved.transpose(-semitones) == chart
    assert read_chords(str(moved)) == moved


@given(st.text(max_size=60))
def test_any_text_is_a_chart_or_an_error_of_ours(text: str) -> None:
    field = ""
    try:
        chart = read_chords(text, A_MINOR)
    except InvalidValue as error:
        field = error.field
    assert field == "chords" or chart.bars


@pytest.mark.parametrize(
    ("count", "beats", "lengths"),
    [(1, 4, [4]), (2, 4, [2, 2]), (3, 4, [2, 1, 1]), (2, 3, [2, 1]), (2, 6, [3, 3]), (4, 2, [1, 1])],
)
def test_chords_share_the_beats_of_a_bar(count: int, beats: int, lengths: list[int]) -> None:
    bar = tuple(read_chords("C D E F").bars[n][0] for n in range(count))
    spread = spread_over_beats(bar, beats)
    assert len(spread) == beats
    assert [spread.count(chord) for chord in dict.fromkeys(spread)] == lengths


def test_a_bar_has_at_most_a_chord_a_beat() -> None:
    chart = read_chords("[Solo] C | C D E F")
    check_meter(chart, None)
    check_meter(chart, 6)
    with pytest.raises(InvalidValue, match=r"has 4 chords in bar 2 of \[Solo\]; allowed: at most 3"):
        check_meter(chart, 3)


def test_a_chart_begins_again_when_it_is_over() -> None:
    chart = read_chords("| C G | Am |")
    names = [str(chart.at(beat // 4, beat % 4, 4)) for beat in range(16)]
    assert names == ["C", "C", "G", "G", "Am", "Am", "Am", "Am"] * 2


@pytest.mark.parametrize("digits", ["0", "00", "65", "9" * 5000, "0" * 5000, "٩٩"])
def test_any_number_of_repeats_that_is_not_allowed_is_named(digits: str) -> None:
    with pytest.raises(InvalidValue, match="allowed: x1 to x64"):
        read_chords(f"Am F x{digits}")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\tAm\u00a0F\u3000C\r\nG", "| Am | F | C | G |"),
        ("A♯m7 B♭Δ F＃m C−7", "| A#m7 | Bbmaj7 | F#m | Cm7 |"),
        ("Cmaj7#11/Gb", "| Cmaj7#11/F# |"),
        ("n.c. NC N.C", "| N.C. | N.C. | N.C. |"),
        ("Am x002", "| Am | Am |"),
    ],
)
def test_ugly_text_is_read(text: str, printed: str) -> None:
    assert str(read_chords(text)) == str(read_chords(printed))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("am f", "Write the root as a capital letter: Am"),
        ("H B", "both H and B"),
        ("Am " * 10_000, "has 1025 bars or more"),
        ("Am\u200b", "which is no chord"),
        ("Am😀", "which is no chord"),
        ("|: |: C :| :| x4 x4", "repeat of nothing"),
        ("[Verse", "which is no chord"),
    ],
)
def test_ugly_text_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_chords(text)
    assert words in str(caught.value)


def test_the_chart_of_music_has_degrees_of_its_key() -> None:
    assert chart_of(Music()) is None
    assert chart_of(Music(chords="Am F")) == read_chords("Am F")
    assert chart_of(Music(chords="i VI", keyscale="A minor")) == read_chords("Am F")
    with pytest.raises(InvalidValue, match=r"^music\.chords has the degree 'i' in bar 1, and no key is given"):
        chart_of(Music(chords="i VI"), "music.chords")
    with pytest.raises(InvalidValue, match=r"^chords has no chords"):
        chart_of(Music(chords=" "))
