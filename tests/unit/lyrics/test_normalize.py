"""Normalised lyrics: the form of tags, and that no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.lyrics.normalize import SECTIONS, normalize_lyrics, section_label
from acestep_runtime.lyrics.text import lyric_lines, parse
from acestep_runtime.text.style import style_from_caption
from acestep_runtime.text.tags import complete_tags, join_tags, order_tags, split_tags
from acestep_runtime.values import MAX_TEXT, Key


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("verse 1:\nla la", "[Verse 1]\nla la"),
        ("(Chorus)\nla la", "[Chorus]\nla la"),
        ("후렴\n라라라", "[Chorus]\n라라라"),
        ("2절:\n라라라", "[Verse 2]\n라라라"),
        ("[verse]\n\n  la   la  \n\n\n\n[CHORUS]\nla\t \n", "[Verse]\nla la\n\n[Chorus]\nla"),
        ("Chorus: sing with me", "[Chorus]\nsing with me"),
        ("[Verse] one line [Chorus] another", "[Verse]\none line\n\n[Chorus]\nanother"),
        ("[Chorus - powerful]\nla", "[Chorus - powerful]\nla"),
        ("**Bridge**\nla", "[Bridge]\nla"),
        ("[Guitar solo]\n\n[Outro - fade out]", "[Guitar Solo]\n\n[Outro - fade out]"),
        ("one\ntwo", "[Verse 1]\none\ntwo"),
        ("a\nb\n\nc\nd\n\ne\nf\n\nc\nD!", "[Verse 1]\na\nb\n\n[Chorus]\nc\nd\n\n[Verse 2]\ne\nf\n\n[Chorus]\nc\nD!"),
        ("la (oh yeah)\nbridge over water\nhe said: chorus", "[Verse 1]\nla (oh yeah)\nbridge over water\nhe said: chorus"),
        ("[Verse 1]\na\n\nb", "[Verse 1]\na\n\nb"),
        ("[Intro]\n\na", "[Intro]\n\na"),
        ("", ""),
        ("[Instrumental]", "[Instrumental]"),
        ("...\n", "[Verse 1]\n..."),
    ],
)  # fmt: skip
def test_tags_are_put_in_one_form(before: str, after: str) -> None:
    assert normalize_lyrics(before) == after


@pytest.mark.parametrize("name", list(SECTIONS))
@pytest.mark.parametrize("form", ["[{}]", "({})", "{}:", "[ {} 2 ]", "({} 2)"])
def test_every_name_in_every_form(name: str, form: str) -> None:
    for written in (name, name.upper(), name.title()):
        (stanza,) = parse(normalize_lyrics(form.format(written) + "\nla la"))
        assert stanza.tag == SECTIONS[name] + (" 2" if "2" in form else "")
        assert [line.text for line in stanza.lines] == ["la la"]


@pytest.mark.parametrize("text", ["", "my verse", "chorus of angels", "verse one", "1 verse 2", "12345", "dropout"])
def test_words_that_look_like_a_section_stay_words(text: str) -> None:
    assert section_label(text) == ""


WORDS = st.sampled_from(["love", "Verse", "chorus", "the", "밤", "사랑을", "oh,", "(yeah)", "...", "don't", "3", "a:b"])
LINES = st.lists(WORDS, min_size=2, max_size=6).map(" ".join).filter(lambda line: not section_label(line.strip(":")))
TAGS = st.sampled_from(["[Verse 1]", "verse 2:", "(Chorus)", "[Chorus - loud]", "후렴:", "[bridge]", ""])
STANZAS = st.tuples(TAGS, st.lists(LINES, min_size=1, max_size=4))


@settings(deadline=None, max_examples=100)
@given(stanzas=st.lists(STANZAS, min_size=1, max_size=6), gap=st.sampled_from(["\n\n", "\n\n\n", " \n \n"]))
def test_no_word_is_lost(stanzas: list[tuple[str, list[str]]], gap: str) -> None:
    lyrics = gap.join("\n".join([tag, *(f"{line}  " for line in lines)]).strip("\n") for tag, lines in stanzas)
    out = normalize_lyrics(lyrics)
    written = [row for row in out.split("\n") if row and not (row[0] == "[" and row[-1] == "]")]
    assert written == [line for _, lines in stanzas for line in lines]
    assert all(row == row.strip() for row in out.split("\n"))
    assert "\n\n\n" not in out
    assert all(stanza.tag for stanza in parse(out)[:1])
    assert normalize_lyrics(out) == out


@settings(deadline=None, max_examples=100)
@given(lyrics=st.text(alphabet=st.sampled_from("ab 가\n\t[]():1.-é\u3000"), max_size=120))
def test_any_text_keeps_its_letters(lyrics: str) -> None:
    def letters(text: str) -> str:
        return "".join(c for c in text if c in "ab가é")

    out = normalize_lyrics(lyrics)
    untagged = "".join(row for row in out.split("\n") if not row.startswith(("[Verse", "[Chorus")))
    expected_letters = letters(untagged)  # the alphabet has no letters for these tags but those that were added
    assert expected_letters == letters(lyrics)
    assert len(lyric_lines(out)) >= (1 if lyric_lines(lyrics) else 0)


def test_a_line_with_an_open_bracket_stays_as_it_is() -> None:
    assert normalize_lyrics("[Verse]\n[1[1]") == "[Verse]\n[1[1]"
    assert normalize_lyrics("[Verse]\nla [Chorus] lo") == "[Verse]\nla\n\n[Chorus]\nlo"


def test_lyrics_at_the_limit_stay_within_it() -> None:
    lyrics = ("la " * 2000)[: MAX_TEXT - 1]
    assert len(normalize_lyrics(lyrics)) <= MAX_TEXT


# -------------------------------------------------------------------------------------------------------- captions
def test_tags_are_deduplicated_ordered_and_completed() -> None:
    style = style_from_caption("warm strings, ballad, Ballad, shiny thing")
    tags = complete_tags("warm strings, ballad, Ballad, shiny thing", style, Key(9, "minor"), 70, "en")
    assert tags == ["ballad", "warm strings", "piano", "shiny thing", "slow tempo", "A minor"]


@settings(deadline=None, max_examples=80)
@given(
    words=st.lists(
        st.sampled_from(["rock", "no drums", "soft piano", "재즈", "my own thing", "guitar solo", "slow", "without bass", "sad",
                         "in C major", "epic strings", "90 bpm", "밝은 피아노"]), max_size=6, unique=True),
    bpm=st.floats(30, 300),
)  # fmt: skip
def test_a_completed_caption_keeps_its_words_and_its_style_and_is_stable(words: list[str], bpm: float) -> None:
    caption = ", ".join(words)
    before = style_from_caption(caption)
    tags = complete_tags(caption, before, Key(0, "major"), bpm, "en")
    assert {word.casefold() for word in split_tags(caption)} <= {tag.casefold() for tag in tags}
    after = style_from_caption(join_tags(tags))
    assert after.genre == before.genre
    assert set(before.instruments[: before.named_count]) <= {*after.instruments}
    assert {who.track for who in after.instruments} <= {who.track for who in before.instruments}
    assert complete_tags(join_tags(tags), after, Key(0, "major"), bpm, "en") == tags


def test_the_order_never_changes_the_style() -> None:
    tags = ["guitar solo", "piano", "jazz", "dark", "rock"]
    assert style_from_caption(join_tags(order_tags(tags))).genre == "jazz"
    assert style_from_caption(join_tags(order_tags(tags))).solo == style_from_caption(join_tags(tags)).solo
