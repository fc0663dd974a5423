"""Times and languages in lyrics: neither sections nor words."""

from __future__ import annotations

import pytest

from acestep_runtime.lyrics.formats import FORMATS
from acestep_runtime.lyrics.marks import blank_marks, remove_times
from acestep_runtime.lyrics.normalize import normalize_lyrics
from acestep_runtime.lyrics.text import parse
from acestep_runtime.lyrics.token_times import lyric_mask

LANGUAGES = ("en", "zh", "ja-JP", "zh-Hans", "pt_BR", "EN", "yue", "jpn", "Japanese", " ko ")
TIMES = ("00:12.34", "0:12", "00:12:34", "1:02:03.5", " 00:12,3 ", "00:12.34 - 00:15.00", "99:99")
NOTES = ("ti:A song", "ar: Somebody", "by:me", "offset:+500", "length: 03:20")


def content(lyrics: str) -> list[tuple[str, list[str]]]:
    return [(stanza.tag, [line.text for line in stanza.lines]) for stanza in parse(lyrics)]


@pytest.mark.parametrize(
    "mark", [f"[{mark}]" for mark in (*LANGUAGES, *TIMES, *NOTES)] + ["<00:12.34>", "[[00:12.34]]"]
)
def test_a_mark_is_no_section_and_no_word(mark: str) -> None:
    expected = [("Verse 1", ["one two", "three", "four"]), ("Chorus", ["five"])]
    assert content(f"[Verse 1]\n{mark}one two\n{mark} three {mark}\n{mark}\nfour\n[Chorus] {mark}five") == expected
    assert content(f"[Verse 1]\none {mark} two\nthree\nfour{mark}\n{mark}[Chorus]\nfive") == expected


@pytest.mark.parametrize("section", ["Verse", "Solo 0:45", "Verse 2: Adele", "Bridge: 2x", "A", "Hook", "후렴"])
def test_sections_stay_sections(section: str) -> None:
    assert content(f"[{section}]\nla\n[{section}") == [(section, ["la"]), (section, [])]


@pytest.mark.parametrize("words", ["at 12:30 I woke", "4:20 again", "3 < 4", "ratio 2:1", "me & you (oh)", "1,2,3"])
def test_words_that_are_no_marks_stay(words: str) -> None:
    assert content(words) == [("", [words])]
    assert remove_times(words) == words


@pytest.mark.parametrize(
    "damaged", ["[00:12.34 la", "00:12.34]la", "<00:12.34la", "00:12.34 la", "[00:[00:12.34]12.34]la"]
)
def test_damaged_times_are_no_words(damaged: str) -> None:
    assert content(damaged) == [("", ["la"])]


def test_blanks_keep_every_other_character_in_its_place() -> None:
    text = "[zh]ni [00:12.34]hao [Verse]"
    assert blank_marks(text) == "    ni           hao [Verse]"
    assert remove_times(text) == "[zh]ni hao [Verse]"  # models know marks of languages


def test_tokens_of_a_language_are_no_words() -> None:
    text = "[zh]你[Verse]la"
    assert lyric_mask([char.encode() for char in text]).tolist() == [False] * 4 + [True] + [False] * 7 + [True] * 2


def test_languages_are_no_sections_elsewhere() -> None:
    assert normalize_lyrics("[Verse]\n[zh]ni hao\n[en] hi") == "[Verse]\n[zh]ni hao\n[en] hi"
    timing = FORMATS["lrc"].read("[00:01.00][Verse]\n[00:01.00][zh]ni hao\n[00:03.00][en]hi\n")
    assert [section.name for section in timing.sections] == ["Verse"]
    assert timing.lyrics == "[Verse]\n[zh]ni hao\n[en]hi"
