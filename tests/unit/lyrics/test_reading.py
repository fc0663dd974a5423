"""Lyrics as people give them: timed lyrics in every form become words, and no time is ever sung."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.lyrics.reading import read_timing, words_to_sing
from acestep_runtime.lyrics.text import parse
from acestep_runtime.lyrics.timed import TimedLine, TimedWord, Timing

SQUARE = "[00:01.00]Hel[00:01.50]lo [00:02.00]world[00:02.80]\n[00:04.00]Next [00:04.60]line[00:05.00]\n"
HELLO = (TimedWord(1, 1.5, "Hel"), TimedWord(1.5, 2, "lo"), TimedWord(2, 2.8, "world"))
FOUR_LINES = (
    "[00:01.00][Verse]\n[00:01.00]one\n[00:03.00]two\n[00:05.00][Chorus]\n[00:05.00]three\n[00:07.00]four\n[00:09.00]\n"
)


@pytest.mark.parametrize("brackets", ["[]", "<>"])
def test_times_of_words_in_both_brackets(brackets: str) -> None:
    rows = [row[:10] + row[10:].replace("[", brackets[0]).replace("]", brackets[1]) for row in SQUARE.splitlines()]
    timing = read_timing("\n".join(rows))
    assert timing is not None
    assert [(line.start_s, line.end_s, line.text) for line in timing.lines] == [
        (1, 2.8, "Hello world"),
        (4, 5, "Next line"),
    ]
    assert timing.lines[0].words == HELLO
    assert timing.sections == ()


@pytest.mark.parametrize(
    ("row", "starts", "words"),
    [
        ("[00:10.00][00:10.20]Wor[00:10.60]ds[00:11.00]", [10], [(10.2, "Wor"), (10.6, "ds")]),
        ("[00:10.00][00:10.00]Wor[00:10.60]ds[00:11.00]", [10], [(10, "Wor"), (10.6, "ds")]),
        ("[00:10.00][01:10.00]aga[00:10.50]in[00:11.00]", [10, 70], [(10, "aga"), (10.5, "in")]),
        ("[1:00:10.00]late", [3610], []),
        ("[ 00:10,50 ]spaces", [10.5], []),
    ],
)
def test_stamps_of_lines_and_of_words(row: str, starts: list[float], words: list[tuple[float, str]]) -> None:
    lines = FORMATS["lrc"].read(row).lines
    assert [line.start_s for line in lines] == starts
    assert [(word.start_s, word.text) for word in lines[0].words] == words


@pytest.mark.parametrize(
    "text",
    [
        "[00:01.00]君が好き\n[00:01.00]I love you\n[00:03.00]夜空\n[00:03.00]Night sky\n[00:05.00]\n",
        "[00:01.00]君が好き\n[00:03.00]夜空\n[00:05.00]\n[00:01.00]I love you\n[00:03.00]Night sky\n",
        "1\n00:00:01,000 --> 00:00:03,000\n君が好き\n\n2\n00:00:01,000 --> 00:00:03,000\nI love you\n\n"
        "3\n00:00:03,000 --> 00:00:05,000\n夜空\n\n4\n00:00:03,000 --> 00:00:05,000\nNight sky\n",
    ],
    ids=["in turn", "one after the other", "subtitles"],
)
def test_lines_with_one_time_are_a_line_and_its_translation(text: str) -> None:
    timing = read_timing(text)
    assert timing == Timing(
        (TimedLine(1, 3, "君が好き", (), ("I love you",)), TimedLine(3, 5, "夜空", (), ("Night sky",))), ()
    )
    assert words_to_sing(text).text == "君が好き\n夜空"
    for name in ("lrc", "elrc", "srt", "vtt", "json"):
        assert FORMATS[name].read(FORMATS[name].write(timing)) == timing


def test_a_line_twice_with_one_time_is_one_line() -> None:
    assert FORMATS["lrc"].read("[00:01.00]la\n[00:01.00]la\n[00:02.00]").lines == (TimedLine(1, 2, "la"),)


def test_lines_without_a_stamp_share_the_time_of_the_one_before() -> None:
    timing = FORMATS["lrc"].read(
        "by somebody\n[00:01.00]one\ntwo\n[00:05.00]\nthree\n[00:09.00]<00:09.00>four\nfive\n[00:11.00]"
    )
    assert [(line.start_s, line.end_s, line.text) for line in timing.lines] == [
        (1, 3, "one"), (3, 5, "two"), (5, 9, "three"), (9, 10, "four"), (10, 11, "five"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FOUR_LINES, "[Verse]\none\ntwo\n[Chorus]\nthree\nfour"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n<c>la</c> lo\n", "la lo"),
        ("\ufeff1\n00:00:01,000 --> 00:00:02,000\n<i>la</i>\n", "la"),
        ("[ti:x]\n[00:01.00]la [00:02.00]lo", "la lo"),
        ("some\nwords\n[00:01.00] and a stamp", "some\nwords\n and a stamp"),  # no LRC: nothing is lost
        ("[00:61.00]la\n[00:02.00]lo", "la\nlo"),  # damaged
        ("1\n00:00:01,000 --> soon\nla\n", "soon\nla\n"),
        ("[Verse]\nla\n\nlo", "[Verse]\nla\n\nlo"),
        ("", ""),
    ],
)
def test_words_to_sing(text: str, words: str) -> None:
    assert words_to_sing(text).text == words
    assert words_to_sing(text).note == ""


@pytest.mark.parametrize(
    ("start_s", "end_s", "words", "note"),
    [
        (0, 100, "[Verse]\none\ntwo\n[Chorus]\nthree\nfour", ""),
        (3, 7, "[Verse]\ntwo\n[Chorus]\nthree", "Of the 4 lines of the lyrics, the 2 between 3 and 7 s are used."),
        (4.8, 7.2, "[Chorus]\nthree", "Of the 4 lines of the lyrics, the 1 between 4.8 and 7.2 s are used."),
        (3.5, 4.5, "[Verse]\ntwo", "Of the 4 lines of the lyrics, the 1 between 3.5 and 4.5 s are used."),
        (7, float("inf"), "[Chorus]\nfour", "Of the 4 lines of the lyrics, the 1 from 7 s on are used."),
        (20, 30, "", "None of the 4 lines of the lyrics is sung between 20 and 30 s, so there are no words."),
    ],
)
def test_timed_lyrics_are_cut_to_a_region(start_s: float, end_s: float, words: str, note: str) -> None:
    found = words_to_sing(FOUR_LINES, start_s, end_s)
    assert (found.text, found.note) == (words, note)
    assert words_to_sing("one\ntwo", start_s, end_s).text == "one\ntwo"


STAMP = re.compile(r"[\[<]\s*\d{1,5}:\d|\d:\d\d[.,]\d\d|-->")
WORDS = st.sampled_from(["la", "oh yeah", "밤하늘", "at 4:20", "don't", "3 < 4", "[Verse]", "[zh]", ""])
STAMPS = st.sampled_from(
    ["[00:01.00]", "[00:02]", "<00:03.00>", "[1:02:03.5]", "[00:61.00]", "[00:04:10]", "\n", "\n", "\n2\n", "WEBVTT\n\n",
     "00:00:01,000 --> 00:00:02,000\n", "[ti:x]", "[offset:-900]"]
)  # fmt: skip


@st.composite
def damage_text(draw: st.DrawFn) -> str:
    """Timed lyrics of any kind, of which up to three characters are lost or written over."""
    text = "".join(draw(st.lists(WORDS | STAMPS, min_size=1, max_size=12)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", "[", "]", "<", ":", "\n", "7", " "])) + text[at + 1 :]
    return text


@settings(deadline=None, max_examples=100)
@given(text=damage_text())
def test_times_are_never_words_whatever_is_damaged(text: str) -> None:
    words = words_to_sing(text).text
    for stanza in parse(words):
        assert not STAMP.search(stanza.tag)
        assert not [line.text for line in stanza.lines if STAMP.search(line.text)]
    assert words_to_sing(words).text == words or read_timing(words) is not None


def test_translations_go_to_lines_with_the_same_words_in_order() -> None:
    def line(at: float, text: str, *translations: str) -> TimedLine:
        return TimedLine(at, at + 1, text, (), translations)

    known = Timing(
        (line(0, "One"), line(1, "Oh  yes", "Oh ja"), line(2, "two", "zwei"), line(3, "oh yes", "ach ja")), ()
    )
    timing = Timing(
        (line(5, "Two"), line(6, "Oh yes"), line(7, "OH YES"), line(8, "oh yes"), line(9, "x"), line(9, "one")), ()
    )
    found = timing.with_translations(known)
    assert [each.translations for each in found.lines] == [("zwei",), ("Oh ja",), ("ach ja",), ("ach ja",), (), ()]
    assert [(each.start_s, each.text) for each in found.lines] == [(each.start_s, each.text) for each in timing.lines]
