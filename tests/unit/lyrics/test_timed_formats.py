"""Formats of timed lyrics: round trips, files of other programs, and invalid files, refused with their line."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.formats import FORMATS, timing_from_metadata, timing_to_metadata
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing

EMPTY = Timing((), ())
HUNDREDTHS = {"lrc", "elrc"}
WITH_WORDS = {"elrc", "vtt", "json"}
WITH_SECTIONS = {"json", "reaper-csv"}
#: Formats that say where a line ends; the others leave it to the next line, unless there is a pause.
WITH_ENDS = {"srt", "vtt", "json"}

AWKWARD = [
    "-->", "00:00:01,000 --> 00:00:02,000", "[", "]", "[00:10.00]", "[99:99]", "<00:10.00>", "<", "<b>", "</i>", "<c>",
    "{\\an8}", "&amp;", "&#x1F600;",
    ",", '"', '""', "'", ";", "\\n", "👩‍👩‍👧", "🎸", "שלום", "مرحبا", "\u200f", "\ufeff", "7", "R1", "M1",
    "WEBVTT", "NOTE", "STYLE", "=1+1", "é", "e\u0301", "한국", "東京", "a", "la",
]  # fmt: skip
token_characters = st.characters(exclude_categories=["Z", "Cc", "Cs"], exclude_characters="\N{WORD JOINER}")
tokens = st.sampled_from(AWKWARD).map(lambda text: re.sub(r"\s", "_", text)) | st.text(
    token_characters, min_size=1, max_size=8
)
loose = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\N{WORD JOINER}"), max_size=12)
texts = st.lists(loose | st.sampled_from([*AWKWARD, "\n", "\r\n\r\n", "\u2028", "\x85", "\t"]), max_size=5).map("".join)


def as_single_line(text: str) -> str:
    """In one line."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def is_tagged(text: str) -> bool:
    return re.match(r"\s*\[(?!\s*\d+:\d)[^\[\]\n]+\]", text) is not None or is_tagged_in_one_line(text)


def is_tagged_in_one_line(text: str) -> bool:
    return re.match(r"\s*\[(?!\s*\d+:\d)[^\[\]\n]+\]", as_single_line(text)) is not None


@st.composite
def timings(draw: st.DrawFn, unit_s: float) -> Timing:
    """Lines one behind the other, some with words that are one behind the other, and sections."""
    steps = st.integers(0, 500)
    now = draw(st.integers(0, round(7200 / unit_s)))
    lines = []
    for _ in range(draw(st.integers(0, 5))):
        now += draw(steps)
        start, words = now, []
        for text in draw(st.lists(tokens, max_size=4)):
            begun = now + draw(st.integers(0, 3)) * (now > start)
            now = begun + draw(st.integers(1, 500))
            words.append(TimedWord(begun * unit_s, now * unit_s, text))
        text = " ".join(word.text for word in words) if words else draw(texts)
        now += draw(st.integers(1, 500)) * (not words)
        if not is_tagged(text):
            lines.append(TimedLine(start * unit_s, now * unit_s, text, tuple(words)))
    edges = sorted(draw(st.lists(st.integers(0, round(7200 / unit_s)), max_size=4)))
    names = draw(st.lists(texts.filter(lambda name: as_single_line(name) == name), min_size=4, max_size=4))
    pairs = zip(edges, edges[1:], names, strict=False)
    return Timing(tuple(lines), tuple(TimedSection(a * unit_s, b * unit_s, name) for a, b, name in pairs))


def content_in_format(timing: Timing, name: str) -> Timing:
    """What of ``timing`` the format must keep."""
    lines = list(timing.lines)
    if name != "json":
        lines = [replace(line, text=as_single_line(line.text)) for line in lines if as_single_line(line.text)]
    if name not in WITH_WORDS:
        lines = [replace(line, words=()) for line in lines]
    if name not in WITH_ENDS:
        for number, following in enumerate(lines[1:]):
            line = lines[number]
            if not line.words and following.start_s - line.end_s <= 2.0:
                lines[number] = replace(line, end_s=following.start_s)
    return Timing(tuple(lines), timing.sections if name in WITH_SECTIONS else ())


def round_times(timing: Timing, per_s: int) -> object:
    """Times as whole parts of a second."""

    def whole(part: TimedLine | TimedWord | TimedSection) -> tuple[int, int]:
        return round(part.start_s * per_s), round(part.end_s * per_s)

    lines = [(*whole(line), line.text, [(*whole(word), word.text) for word in line.words]) for line in timing.lines]
    return lines, [(*whole(section), section.name) for section in timing.sections]


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_written_files_read_back_unchanged(name: str, data: st.DataObject) -> None:
    per_s = 100 if name in HUNDREDTHS else 1000
    timing = data.draw(timings(1 / per_s))
    written = FORMATS[name].write(timing)
    back = FORMATS[name].read(written)
    assert round_times(back, per_s) == round_times(content_in_format(timing, name), per_s)
    assert FORMATS[name].write(back) == written
    starts = [line.start_s for line in back.lines]
    assert starts == sorted(starts)
    assert all(line.end_s >= line.start_s for line in back.lines)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_rounded_times_never_decrease(name: str, data: st.DataObject) -> None:
    timing = data.draw(timings(1 / 7919))
    back = FORMATS[name].read(FORMATS[name].write(timing))
    assert len(back.lines) == len(content_in_format(timing, name).lines)
    for line in back.lines:
        times = [time for word in line.words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)
        assert not times or times[0] >= line.start_s - 1e-9


SONG = Timing(
    (
        TimedLine(1, 3, "One, two", (TimedWord(1, 1.5, "One"), TimedWord(2, 3, "two"))),
        TimedLine(3725.25, 3727, "an hour <later> & more"),
    ),
    (TimedSection(0.5, 3, 'Verse "1", soft'), TimedSection(3725, 3730, "Outro")),
)
WRITTEN = {
    "lrc": "[00:01.00]One, two\n[00:03.00]\n[62:05.25]an hour <later> & more\n[62:07.00]\n",
    "elrc": "[00:01.00]<00:01.00>One, <00:01.50><00:02.00>two<00:03.00>\n[00:03.00]\n"
    "[62:05.25]an hour <later> & more\n[62:07.00]\n",
    "srt": "1\n00:00:01,000 --> 00:00:03,000\nOne, two\n\n"
    "2\n01:02:05,250 --> 01:02:07,000\nan hour <\N{WORD JOINER}later> & more\n\n",
    "vtt": "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n<c>One,</c> <00:00:01.500><00:00:02.000><c>two</c>\n\n"
    "01:02:05.250 --> 01:02:07.000\nan hour &lt;later&gt; &amp; more\n",
    "reaper-csv": '#,Name,Start,End,Length\nR1,"Verse ""1"", soft",0:00:00.500,0:00:03.000,0:00:02.500\n'
    "R2,Outro,1:02:05.000,1:02:10.000,0:00:05.000\n"
    'M1,"One, two",0:00:01.000,,\nM2,,0:00:03.000,,\nM3,an hour <later> & more,1:02:05.250,,\nM4,,1:02:07.000,,\n',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_format_has_its_expected_text(name: str) -> None:
    assert FORMATS[name].write(SONG) == WRITTEN[name]


def test_json_has_the_shape_of_take_metadata() -> None:
    values = json.loads(FORMATS["json"].write(SONG))
    assert values == timing_to_metadata(SONG)
    assert values["lines"][0]["words"][1] == {"start_s": 2, "end_s": 3, "text": "two"}
    assert values["sections"][1] == {"start_s": 3725, "end_s": 3730, "name": "Outro"}
    assert timing_from_metadata({"lines": [{"start_s": 1, "end_s": 2.5, "text": "la"}], "lrc": "x"}).lines == (
        TimedLine(1, 2.5, "la"),
    )
    assert timing_from_metadata({}) == EMPTY


@pytest.mark.parametrize("name", FORMATS)
def test_empty_timings_round_trip(name: str) -> None:
    assert FORMATS[name].read(FORMATS[name].write(EMPTY)) == EMPTY


@pytest.mark.parametrize("name", FORMATS)
def test_tags_become_sections_and_never_lines(name: str) -> None:
    rows = [(1, 2, "[Verse 1]"), (2, 4, "la"), (5, 6, "[Chorus][Drop] lo"), (7, 8, "[Outro]")]
    timing = Timing(tuple(TimedLine(*row) for row in rows), ())
    written = FORMATS[name].write(timing)
    back = FORMATS[name].read(written)
    assert [line.text for line in back.lines] == ["la", "lo"]
    assert "[Verse" not in written
    if name in WITH_SECTIONS:
        assert [(s.start_s, s.end_s, s.name) for s in back.sections] == [
            (1, 5, "Verse 1"), (5, 7, "Chorus"), (5, 7, "Drop"), (7, 8, "Outro"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lrc", "[00:01.00][Verse 1]\n[00:01.00]la\n[00:04.00][Chorus]\n[00:05.00]lo\n"),
        ("lrc", "[ti:A: song]\n[Verse 1]\n[00:01.00]la\n\n[Chorus]\n[00:04.00]lo\n[00:09.00]\n"),
        ("srt", "1\n00:00:01,000 --> 00:00:02,000\n[Verse 1]\nla\n\n2\n00:00:04,000 --> 00:00:05,000\n[Chorus] lo\n"),
        ("vtt", "WEBVTT - a song\n\nNOTE\nnothing\n\nfirst\n00:01.000 --> 00:02.000 align:left\n[Verse 1] <b>la</b>\n\n"
                "00:04.000 --> 00:05.000\n<v Ann>[Chorus] lo"),
        ("reaper-csv", "\ufeff#,Name,Start,End,Length,Color\r\nM1,[Verse 1],1.0,,,\r\nM2,la,0:01.500,,,\r\nM3,[Chorus],4,,,\r\n"
                       "M4,lo,0:00:05,,\r\n"),
    ],
)  # fmt: skip
def test_tags_in_files_of_other_programs(name: str, text: str) -> None:
    timing = FORMATS[name].read(text)
    assert [line.text for line in timing.lines] == ["la", "lo"]
    assert [(section.start_s, section.name) for section in timing.sections] == [(1, "Verse 1"), (4, "Chorus")]


def test_lrc_of_other_programs() -> None:
    text = "\ufeff[ar:Somebody]\n[offset:+500]\n[00:10.00][01:10.0]again\n[00:05]<00:05.00> once <00:06.00> more\nno time\n"
    first, untimed, again, later = FORMATS["lrc"].read(text).lines
    assert (first.text, first.start_s, first.end_s) == ("once  more", 4.5, 7.5)
    assert first.words == (TimedWord(4.5, 5.5, "once"), TimedWord(5.5, 7.5, "more"))
    assert (untimed.text, untimed.start_s, untimed.end_s) == ("no time", 7.5, 9.5)
    assert (again.start_s, again.end_s, later.start_s, later.end_s) == (9.5, 69.5, 69.5, 74.5)


def test_webvtt_of_captions() -> None:
    text = (
        "WEBVTT\nKind: captions\n\n00:01.000 --> 00:03.000 \nwe<00:00:01.500><c> will</c><00:00:02.000><c> rock</c>\n"
    )
    (line,) = FORMATS["vtt"].read(text).lines
    assert line.text == "we will rock"
    assert line.words == (TimedWord(1, 1.5, "we"), TimedWord(1.5, 2, "will"), TimedWord(2, 3, "rock"))


def test_words_without_spaces_between_them_and_words_that_are_not_in_the_text() -> None:
    words = (TimedWord(0, 1, "東京"), TimedWord(1, 2, "の"), TimedWord(2, 3, "夜"))
    assert (
        FORMATS["elrc"]
        .write(Timing((TimedLine(0, 3, "東京の夜。", words),), ()))
        .startswith("[00:00.00]<00:00.00>東京<00:01.00>の<00:02.00>夜。<00:03.00>\n")
    )
    spelt = (TimedWord(0, 1, "DONT"), TimedWord(1, 1, ""), TimedWord(1, 2, "GO"))
    lines = (TimedLine(0, 2, "Don't go", spelt), TimedLine(2, 4, "Don't go now", spelt))
    first, second = FORMATS["elrc"].read(FORMATS["elrc"].write(Timing(lines, ()))).lines
    assert [word.text for word in first.words] == ["Don't", "go"]
    assert (second.text, second.words) == ("Don't go now", ())
    assert FORMATS["json"].read(FORMATS["json"].write(Timing(lines, ()))).lines == lines


def test_a_region_inside_a_song_is_moved() -> None:
    shifted_song = SONG.shift(10)
    assert (shifted_song.lines[0].start_s, shifted_song.lines[0].words[1].end_s, shifted_song.sections[1].end_s) == (
        11,
        13,
        3740,
    )
    assert FORMATS["srt"].write(SONG.shift(-2)).startswith("1\n00:00:00,000 --> 00:00:01,000\n")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("lrc", "just\nwords\n", "line 1 is 'just'; allowed: minutes, seconds below 60"),
        ("lrc", "[00:01.00]la\n[00:61.00]lo\n", "line 2 is '[00:61.00]lo'; allowed: minutes, seconds below 60"),
        ("lrc", "\n[01:02:03:04]la\n", "line 2 is '[01:02:03:04]la'; allowed"),
        ("elrc", "[00:01.00]<00:75.00>la", "line 1 is '[00:01.00]<00:75.00>la'; allowed"),
        ("srt", "1\n00:00:01,000 -> 00:00:02,000\nla\n", "line 1 is '1'; allowed: two times, such as 00:01:02,500 -->"),
        ("srt", "1\n00:00:01,000 --> soon\nla\n", "line 2 is '00:00:01,000 --> soon'; allowed: two times"),
        ("vtt", "00:01.000 --> 00:02.000\nla\n", "line 1 is '00:01.000 --> 00:02.000'; allowed: WEBVTT on the first line"),
        ("vtt", "", "line 1 is ''; allowed: WEBVTT on the first line"),
        ("vtt", "WEBVTT\n\n00:01.000 --> 00:99.000\nla", "line 3 is '00:01.000 --> 00:99.000'; allowed: two times, such as"),
        ("json", '{"lines": [\n}', "line 2 is '}'; allowed: JSON; "),
        ("json", "", "line 1 is ''; allowed: JSON; "),
        ("json", "[]", "line 1 is '[]'; allowed: an object with lines and sections"),
        ("json", "5" * 5000, "the file is a file with a number of too many digits; allowed: an object with lines"),
        ("json", f'{{"lines": [{{"start_s": {10**400}, "end_s": 1, "text": ""}}]}}', "lines[0].start_s is 1000"),
        ("json", '{"lines": 3}', "lines is 3; allowed: a list of objects"),
        ("json", '{"lines": [{"start_s": "a", "end_s": 1, "text": ""}]}', "lines[0].start_s is 'a'; allowed: a number"),
        ("json", '{"lines": [{"start_s": 2, "end_s": 1, "text": ""}]}', "lines[0].end_s is 1.0; allowed: at least its start_s"),
        ("json", '{"lines": [{"start_s": 0, "end_s": 1, "text": "", "words": [{"start_s": 0, "end_s": NaN}]}]}',
         "lines[0].words[0].end_s is nan; allowed: a number of seconds"),
        ("json", '{"sections": [{"start_s": 0, "end_s": 1}]}', "sections[0].name is None; allowed: text"),
        ("reaper-csv", "", "line 1 is ''; allowed: the columns #,Name,Start,End,Length"),
        ("reaper-csv", "a,b\n", "line 1 is 'a,b'; allowed: the columns #,Name,Start,End,Length"),
        ("reaper-csv", "#,Name,Start,End,Length\nX1,la,1,,\n", "line 2 is 'X1,la,1,,'; allowed: R and a number for a region"),
        ("reaper-csv", "#,Name,Start,End,Length\nR1,Verse,5.1.00,9.1.00,4.0.00\n",
         "line 2 is '5.1.00'; allowed: times such as 0:01:02.500. Set the ruler to Minutes:Seconds before exporting."),
    ],
)  # fmt: skip
def test_invalid_files_are_refused_with_the_line(name: str, text: str, sentence: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        FORMATS[name].read(text)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize("name", FORMATS)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from([*AWKWARD, "\n", "[00:01.00]", "<00:02.00>"])).map("".join))
@settings(deadline=None, max_examples=30)
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    start = {
        "vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\n",
        "reaper-csv": "#,Name,Start,End,Length\n",
        "srt": "1\n00:01,0 --> 00:02,0\n",
    }
    for whole in (text, start.get(name, "") + text):
        try:
            timing = FORMATS[name].read(whole)
        except InvalidValue:
            continue
        FORMATS[name].write(timing)
