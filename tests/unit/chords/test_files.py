"""ChordPro and iReal Pro: what their files say, and what they cannot."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.chords.files import read_chord_file
from acestep_runtime.chords.ireal import exchange_characters
from acestep_runtime.chords.sheet import ChordSheet
from acestep_runtime.errors import InvalidValue
from acestep_runtime.values import Key

SONG = """{title: River}
{key: Am}
{tempo: 96}
{time: 3/4}
# a remark
{start_of_verse}
[Am]Over the [F]river and [C]under the [G/B]moon
{end_of_verse}
{soc: label="Chorus 1"}
[F]la [*softly]la [G]la
{eoc}
{start_of_tab}
e|--0--|
{end_of_tab}
{sog}
A | Am . F | C . . | % . . | x2
{eog}
{chorus}
"""
#: Decoded by hand after the published description of the format: sections, repeats with endings, cells.
IREAL = "{*AT44C^7XyQ|A-7 D-7 |N1G7XyQKcl }        |N2G7sus G7,|C6XyQZ*BF-7XyQ|Bb7b9,C/E,|n   |Ah7 D7b9 Z "


def link(music: str, kind: str = "irealb", fields: str = "My Tune=Writer A==Swing=A-==") -> str:
    if kind == "irealbook":
        return "irealbook://" + quote(f"My Tune=Writer A=Swing=Bb=n={music}")
    return "irealb://" + quote(f"{fields}1r34LbKcu7{exchange_characters(music)}==140=3")


def facts(sheet: ChordSheet) -> tuple[str, float | None, str | None, int | None]:
    return sheet.title, sheet.bpm, sheet.keyscale, sheet.timesignature


def test_chordpro_says_chords_sections_and_facts() -> None:
    sheet = read_chord_file(SONG)
    assert facts(sheet) == ("River", 96.0, "A minor", 3)
    grid = "| F | G | Am . F | C . . | C . . | Am . F | C . . | C . . |"
    assert str(sheet.chart) == f"[Verse] | Am | F | C | G/B |\n[Chorus 1] {grid}\n[Chorus 1] {grid}"


def test_a_capo_raises_what_sounds() -> None:
    sheet = read_chord_file("{key: G}\n{capo: 2}\n[G]one [Em]two")
    assert (sheet.keyscale, str(sheet.chart)) == ("A major", "| A | F#m |")


def test_chords_over_words_need_no_directive() -> None:
    assert str(read_chord_file("[C]Twinkle [F]little [C]star").chart) == "| C | F | C |"


def test_a_name_alone_in_brackets_is_a_section() -> None:
    assert (
        str(read_chord_file("{t: x}\n[Verse 2]\n[C]la\n{c: Bridge}\n[G]la").chart) == "[Verse 2] | C |\n[Bridge] | G |"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{title: x}\n[C]la [Fx]la", "'Fx' in line 2"),
        ("{title: x}\nwords", "Put chords in brackets"),
        ("{time: 5/4}\n[C]la", "5/4"),
        ("{tempo: fast}\n[C]la", "fast"),
        ("{key: Q}\n[C]la", "chords has {key: Q}; allowed: A to G"),
        ("{key: H moll}\n[1]la", "chords has {key: H moll}"),
        ("{capo: " + "9" * 400 + "}\n[C]la", "allowed: a number"),
        ("{time: " + "9" * 5000 + "/4}\n[C]la", "has the meter '999"),
        ("{time: ４/4}\n[C]la", "has the meter"),
        ("{sog}\n| C | Fx |\n{eog}", "line 2"),
        ("{soc}\n[C]la [G]la\n{eoc}\n" + "{chorus}\n" * 600, "has 1026 bars or more"),
    ],
)
def test_errors_of_chordpro(text: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_chord_file(text)
    assert words in str(caught.value)


def test_a_link_says_chords_sections_and_facts() -> None:
    sheet = read_chord_file(link(IREAL))
    assert facts(sheet) == ("My Tune", 140.0, "A minor", 4)
    body = "Cmaj7 | Am7 . Dm7 ."
    assert str(sheet.chart) == (
        f"[A] | {body} | G7 | G7 | {body} | G7sus4 . . G7 | C6 |\n[B] | Fm7 | Bb7b9 . C/E . | N.C. | Am7b5 . D7b9 . |"
    )


def test_a_link_of_the_older_kind() -> None:
    sheet = read_chord_file(f"<a href='{link('T34{C^7 | A-7 }*BG7 C, |x Z', 'irealbook')}'>song</a>")
    assert facts(sheet) == ("My Tune", None, "Bb major", 3)
    assert str(sheet.chart) == "| Cmaj7 | Am7 | Cmaj7 | Am7 |\n[B] | G7 . C | G7 . C |"


def test_the_exchange_is_that_of_the_published_description() -> None:
    """Of 52 characters the first 50 are a block: 0-4 with 49-45, 10-23 with 39-26; the other ones stay."""
    text = "".join(chr(0x41 + n) for n in range(52))
    swapped = list(text)
    for a, b in [*zip(range(5), range(49, 44, -1), strict=True), *zip(range(10, 24), range(39, 25, -1), strict=True)]:
        swapped[a], swapped[b] = text[b], text[a]
    assert exchange_characters(text) == "".join(swapped)
    assert exchange_characters(text[:51]) == text[:51]


@given(st.text(max_size=220))
def test_exchanging_twice_changes_nothing(text: str) -> None:
    assert exchange_characters(exchange_characters(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (link("T54C |"), "has the meter '5/4'"),
        (link("Cm7 |~"), "bar 1"),
        ("irealb://My%20Tune", "songs"),
        (link("C |") + "%3D%3D%3D" + link("G |").removeprefix("irealb://"), "has 2 songs"),
        (link("   "), "has no chords"),
        (link("{C | G }" + "}" * 600), "has more than 1024 bars"),
    ],
)
def test_errors_of_links(text: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_chord_file(text)
    assert words in str(caught.value)


def error_of(text: str) -> str:
    """Return the field of the error that a file gives, "" for none: then it has chords."""
    try:
        sheet = read_chord_file(text)
    except InvalidValue as error:
        return error.field
    assert sheet.chart.bars
    return ""


@given(st.text(st.sampled_from("CDGAb#-^7h |{}[]*ABTN124xrnp,sZ"), max_size=80))
def test_any_music_is_a_chart_or_an_error_of_ours(music: str) -> None:
    assert error_of(link(music)) in ("", "chords")


@given(st.text(st.sampled_from("[]{}:CGAm\n word|.%xsotitle"), max_size=80))
def test_any_chordpro_is_a_chart_or_an_error_of_ours(text: str) -> None:
    assert error_of("{title: x}\n" + text) in ("", "chords", "keyscale")


def test_plain_text_takes_the_key_of_its_degrees() -> None:
    assert str(read_chord_file("vi IV I V", Key(7, "major")).chart) == "| Em | C | G | D |"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("[A] Dm7 G7 Cmaj7\n[B] F#m7b5 B7", "[A] | Dm7 | G7 | Cmaj7 |\n[B] | F#m7b5 | B7 |"),
        ("[A] | Am | Dm/F |\r\n[C] N.C. x2\r\n", "[A] | Am | Dm/F |\n[C] | N.C. | N.C. |"),
        ("[B] Am, F, [A] Dm", "[B] | Am | F |\n[A] | Dm |"),
    ],
)
def test_letters_of_sections_before_chords_are_no_chords_over_words(text: str, printed: str) -> None:
    assert str(read_chord_file(text).chart) == printed


def test_numbers_of_thousands_of_digits_in_a_link_are_no_tempo() -> None:
    text = link(IREAL).replace("%3D140%3D3", f"%3D{'9' * 5000}%3D3")
    assert read_chord_file(text).bpm is None
