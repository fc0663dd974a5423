import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.lyrics.text import Line, Stanza, lyric_lines, parse, syllables

#: Counts from a dictionary of each language.
COUNTS = {
    "walking": 2, "street": 1, "love": 1, "little": 2, "beautiful": 3, "moved": 1, "wanted": 2, "roses": 2,
    "yesterday": 3, "rhythm": 1, "don't": 1, "makes": 1, "you": 1, "able": 2, "the": 1, "café": 2, "tonight": 2,
    "사랑해": 3, "안녕하세요": 5, "きょうは": 3, "がっこう": 3, "東京": 2, "привет": 2, "молоко": 3, "canción": 2,
}  # fmt: skip


@pytest.mark.parametrize(("word", "count"), COUNTS.items())
def test_words_have_the_syllables_of_the_dictionary(word, count):
    assert len(syllables(word)) == count


def test_tags_open_stanzas_and_lines_without_letters_are_dropped():
    lyrics = "[Verse 1]\nab cd\n\nef\n[Guitar Solo - expressive]\n...\n[Chorus] la la [Outro]"
    ab, ef, la = Line("ab cd", ("ab", "cd")), Line("ef", ("ef",)), Line("la la", ("la", "la"))
    assert parse(lyrics) == (
        Stanza("Verse 1", (ab, ef)), Stanza("Guitar Solo - expressive", ()), Stanza("Chorus", (la,)), Stanza("Outro", ())
    )  # fmt: skip
    assert lyric_lines(lyrics) == (ab, ef, la)


@pytest.mark.parametrize("tag", ["[[Hook]]", "[Hook", "[[Hook]", "[Hook\r", "la [Hook"])
def test_a_tag_in_several_brackets_or_left_open_is_no_line(tag):
    assert [line.text for line in lyric_lines(f"{tag}\nla\n[Verse]\nla")] == ["la"] * (2 + tag.startswith("la"))
    assert [stanza.tag for stanza in parse(f"{tag}\nla\n[Verse]")][-2:] == ["Hook", "Verse"]


def test_empty_lines_open_stanzas_where_there_are_no_tags():
    assert [len(stanza.lines) for stanza in parse("a\nb\n\n\nc\n")] == [2, 1]


@pytest.mark.parametrize("nothing", ["", "\n\n", "[Instrumental]", "...", "♪ ♫", "😀", "[Intro]\n[Outro]"])
def test_lyrics_may_have_no_words(nothing):
    assert lyric_lines(nothing) == ()


@given(st.text(max_size=200))
def test_syllables_hold_every_letter_in_order(text):
    """Marks may be lost where they follow no letter; letters and digits never are."""
    normal = unicodedata.normalize("NFC", text)
    letters = [c for c in normal if c.isalnum()]
    assert [c for c in "".join(syllables(text)) if c.isalnum()] == letters
    assert all(syllables(text))


@given(st.text(alphabet="ab한[]\n .", max_size=80))
def test_no_line_is_lost_by_tags(text):
    words = [line.text for line in lyric_lines(text)]
    assert all(any(word in row for row in text.splitlines()) for word in words)
    assert all(stanza.tag or stanza.lines for stanza in parse(text))
