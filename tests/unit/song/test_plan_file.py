"""Plans in TOML: what is read, what is refused in one sentence, and that nothing else is raised, whatever stands there."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.song.plan import SongPlan
from acestep_runtime.song.plan_file import MAX_BYTES, parse_plan, plan_of, read_plan

PLAN = """
title = "Night drive"
style = "synth pop"
bpm = 130
time_signature = 3
key = "A minor"
language = "en"
seed = 7
engine = "draft"
takes = 3
score_by = "quality"

[[section]]
name = "Verse"
bars = 8
caption = "soft"
lyrics = "Lights go by"

[[section]]
name = "Chorus 1"
bars = 4
takes = 5

[[section]]
name = "Chorus 2"
like = "Chorus 1"
lyrics = "Other words"
"""


def test_a_plan_is_read() -> None:
    plan = parse_plan(PLAN)
    assert (plan.title, plan.keyscale, plan.language, plan.seed, plan.engine, plan.score_by) == (
        "Night drive", "A minor", "en", 7, "draft", "quality",
    )  # fmt: skip
    verse, chorus, again = plan.sections
    assert (verse.start, verse.stop) == (0, round(8 * 3 * 60 / 130 * 48_000))
    assert (verse.caption, verse.lyrics, verse.bpm, verse.timesignature, verse.takes) == (
        "synth pop, soft", "Lights go by", 130, 3, 3,
    )  # fmt: skip
    assert (again.like, again.takes, again.lyrics, again.caption) == ("Chorus 1", 5, "Other words", "synth pop")
    assert abs(again.frames - chorus.frames) <= 1


def test_a_file_gives_its_name_to_a_plan_without_a_title(tmp_path: Path) -> None:
    path = tmp_path / "밤 drive.toml"
    path.write_text(PLAN.replace('title = "Night drive"\n', ""), "utf-8-sig")
    assert read_plan(path).title == "밤 drive"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidValue, match="is not text in UTF-8"):
        read_plan(path)
    path.write_text("#" * (MAX_BYTES + 1))
    for each in (path, Path("/dev/zero")):  # which is not there on Windows
        with suppress(FileNotFoundError), pytest.raises(InvalidValue, match="allowed: a file of at most 1048576 bytes"):
            read_plan(each)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("bpm = 130", "", "The plan has no bpm, in which its bars count."),
        ("bpm = 130", 'bpm = "fast"', "bpm is 'fast'; allowed: a number of beats per minute, 30 to 300."),
        ("bpm = 130", "bpm = 20", "bpm is 20.0; allowed: 30 to 300 beats per minute."),
        ("bpm = 130", "bpm = nan", "bpm is nan; allowed: a number"),
        ("bpm = 130", "tempo = 130", "The plan has a key tempo; allowed: title, style, bpm, time_signature, key,"),
        ("time_signature = 3", "time_signature = 5", "time_signature is 5; allowed: beats per bar: 2, 3, 4, 6."),
        ('key = "A minor"', 'key = "H"', "key is 'H'; allowed: A to G, with #, b, ♯ or ♭, then major or minor."),
        ("seed = 7", "seed = -1", "seed is -1; allowed: a whole number, 0 to 4294967295."),
        ("seed = 7", "seed = true", "seed is True; allowed: a whole number, 0 to 4294967295."),
        ('engine = "draft"', 'engine = "best"', "engine is 'best'; allowed: auto, draft, neural."),
        ("takes = 3", "takes = 9", "takes is 9; allowed: a whole number, 1 to 8."),
        (
            'score_by = "quality"',
            'score_by = "luck"',
            "score_by is 'luck'; allowed: lyrics_alignment, quality, lm, fit.",
        ),
        ("bars = 8", "bars = 0", 'bars of section "Verse" is 0; allowed: a whole number of bars, 1 to 1000.'),
        ("bars = 8", "bars = 1001", 'bars of section "Verse" is 1001; allowed: a whole number of bars, 1 to 1000.'),
        ("bars = 8", "bars = 7.5", 'bars of section "Verse" is 7.5; allowed: a whole number of bars, 1 to 1000.'),
        ("bars = 8", "", 'Section "Verse" does not say how many bars it has.'),
        (
            "bars = 8",
            "colour = []",
            'Section "Verse" has a key colour; allowed: name, bars, caption, lyrics, takes, like, like_strength, chords.',
        ),
        ('name = "Verse"', "", "Section 1 has no name."),
        ('name = "Verse"', "name = 3", "name of section 1 is 3; allowed: text."),
        ('name = "Verse"', 'name = "Chorus 1"', 'Two sections are called "Chorus 1".'),
        (
            'like = "Chorus 1"',
            'like = "Bridge"\nbars = 4',
            "like of section \"Chorus 2\" is 'Bridge'; allowed: an earlier",
        ),
        (
            "takes = 5",
            "like_strength = 2",
            'like_strength of section "Chorus 1" is 2; allowed: 0 (only its sound) to 1',
        ),
        (
            "takes = 5",
            "like_strength = 0.5",
            'like_strength of section "Chorus 1" is 0.5; allowed: nothing in a section that is like no other',
        ),
        ("takes = 5", "chords = 5", 'chords of section "Chorus 1" is 5; allowed: text: chord symbols'),
        ('lyrics = "Lights go by"', f'lyrics = "{"x" * 4097}"', 'lyrics of section "Verse" is'),
        ("bpm = 130", f"bpm = {10**400}", "bpm is 1000"),
        ("bpm = 130", f"bpm = 0x{'f' * 6000}", "bpm is a number with too many digits; allowed: a number of beats"),
        ("seed = 7", f"seed = {'9' * 5000}", "the plan is not TOML: a number has too many digits."),
        ("seed = 7", f"a{'.a' * 3000} = 1", "The plan has a key a; allowed: title,"),
        ("[[section]]", "[section]", "section is"),
        ('title = "Night drive"', "title = Night drive", "the plan is not TOML: Invalid value (at line 2, column 9)."),
    ],
)
def test_faults_are_one_sentence(old: str, new: str, says: str) -> None:
    text = PLAN.replace(old, new) if old == "[[section]]" else PLAN.replace(old, new, 1)
    if old == "[[section]]":
        text = text[: text.index("[section]", text.index("[section]") + 1)]
    with pytest.raises(InvalidValue) as refused:
        parse_plan(text)
    assert refused.value.message.startswith(says), refused.value.message
    assert "\n" not in str(refused.value)


def test_a_plan_without_sections_is_refused() -> None:
    for text in ("bpm = 120", "bpm = 120\nsection = []"):
        with pytest.raises(InvalidValue, match=r"The song has 0 sections; allowed: 1 to 64 sections\."):
            parse_plan(text)


_VALUES = st.recursive(
    st.one_of(
        st.integers(-3, 400),
        st.floats(),
        st.booleans(),
        st.text(max_size=8),
        st.sampled_from(["Verse", "Chorus", "en"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
_SECTIONS = st.lists(
    st.one_of(
        _VALUES,
        st.dictionaries(
            st.sampled_from(["name", "bars", "caption", "lyrics", "takes", "like", "like_strength", "x"]),
            _VALUES,
            max_size=6,
        ),
        st.fixed_dictionaries({"name": st.sampled_from(["Verse", "Chorus", "Solo"]), "bars": st.integers(1, 9)}),
    ),
    max_size=4,
)
_SONG_KEYS = ["title", "style", "bpm", "time_signature", "key", "language", "seed", "engine", "takes", "score_by", "x"]


def _plan_or_sentence(content: dict[str, Any]) -> SongPlan | str:
    try:
        return plan_of(content)
    except InvalidValue as refused:
        return refused.message


@given(
    content=st.dictionaries(st.sampled_from(_SONG_KEYS), _VALUES, max_size=5),
    bpm=st.one_of(st.just(120), _VALUES),
    sections=st.one_of(_SECTIONS, _VALUES),
)
def test_any_mapping_is_a_whole_plan_or_one_sentence(content: dict[str, Any], bpm: Any, sections: Any) -> None:
    plan = _plan_or_sentence({**content, "bpm": bpm, "section": sections})
    if isinstance(plan, str):
        assert plan.endswith(".")
        return
    assert [section.name for section in plan.sections] == [row["name"].strip() for row in sections]
    assert plan.sections[0].start == 0
    for one, other in zip(plan.sections, plan.sections[1:], strict=False):
        assert one.start < one.stop == other.start


@given(st.text(max_size=60))
def test_any_text_is_a_plan_or_one_sentence(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:  # it is too short for a plan
        parse_plan(text)
    assert refused.value.message.endswith(".")


@given(names=st.lists(st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12), min_size=1, max_size=5,
                      unique_by=str.casefold))  # fmt: skip
def test_names_come_back_as_they_are_written(names: list[str]) -> None:
    rows = "".join(f"[[section]]\nname = {json.dumps(name, ensure_ascii=False)}\nbars = 1\n" for name in names)
    assert [section.name for section in parse_plan(f"bpm = 120\n{rows}").sections] == names


CHORDS = """
bpm = 120
key = "C major"
chords = "{}"
[[section]]
name = "Verse"
bars = 2
[[section]]
name = "Chorus"
bars = 2
chords = "F G | C"
[[section]]
name = "Chorus 2"
like = "Chorus"
[[section]]
name = "Verse 2"
bars = 2
"""


@pytest.mark.parametrize(
    ("song", "verse", "other"),
    [
        ("", "", ""),
        ("Am F", "Am F", "Am F"),
        ("vi | IV", "vi | IV", "vi | IV"),
        ("[Verse] Am F [Chorus] C", "Am F", "Am F"),
        ("[Verse]\\nAm F\\n[verse 2] Dm | G", "Am F", "Dm | G"),
        ("[Chorus] C", "", ""),
    ],
)
def test_chords_are_those_of_a_section_or_of_the_song(song: str, verse: str, other: str) -> None:
    plan = parse_plan(CHORDS.format(song))
    assert [section.chords for section in plan.sections] == [verse, "F G | C", "F G | C", other]


def test_chords_that_none_can_read_are_refused_before_anything_is_made() -> None:
    with pytest.raises(InvalidValue, match='chords of section "Verse"'):
        parse_plan(CHORDS.format("Am Q7"))
    with pytest.raises(InvalidValue, match='chords of section "Verse"'):
        parse_plan(CHORDS.format("vi IV").replace('key = "C major"\n', ""))
