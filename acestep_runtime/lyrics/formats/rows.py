"""Shared parts of the formats of timed lyrics: clocks, single-line texts, and words within a line's text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.marks import IS_SECTION
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing

#: Pause in seconds after which formats without line ends write an end.
PAUSE_S = 2.0
#: Length in seconds of the last line where its end is unknown.
LAST_S = 5.0
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: A section tag at the start of a line; a time or the mark of a language is none.
_TAG = re.compile(rf"\s*\[(?!\s*\d+:\d){IS_SECTION}([^\[\]\n]{{1,200}})\]\s*")
#: Zero-width: inserted after a bracket that would be read as a stamp or a style, in formats without escapes.
_GUARD = "\N{WORD JOINER}"


def one_line(text: str) -> str:
    """Return ``text`` without line breaks and control characters, which become a space, and without space around it."""
    return _BREAKS.sub(" ", text).strip()


def escape_matches(text: str, pattern: re.Pattern[str]) -> str:
    """Return ``text`` with a word joiner behind the first character of each match of ``pattern``."""
    return pattern.sub(lambda match: match[0][0] + _GUARD + match[0][1:], text)


def unescape_matches(text: str) -> str:
    """Undo `escape_matches`."""
    return re.sub(f"([\\[<{{]){_GUARD}", r"\1", text)


def line_error(number: int, row: str, allowed: str, *, remedy: str = "") -> InvalidValue:
    """Return the error for a line of a file, counted from 1."""
    return InvalidValue(f"line {number}", row.strip(), allowed, remedy=remedy)


def extract_tags(timing: Timing) -> Timing:
    """Return ``timing`` in order of time, with the tags at the start of lines as sections.

    Such a section lasts until the next, or until the last line ends.
    """
    lines: list[TimedLine] = []
    tags: list[tuple[float, str]] = []
    last_s = max((line.end_s for line in timing.lines), default=0.0)
    for line in sorted(timing.lines, key=lambda line: line.start_s):
        text = line.text
        while tag := _TAG.match(text):
            tags.append((line.start_s, tag[1].strip()))
            text = text[tag.end() :]
        if text == line.text:
            lines.append(line)
        elif text.strip():
            words = tuple(word for word in line.words if not _TAG.fullmatch(word.text))
            lines.append(replace(line, text=text, words=words))
    starts = sorted([*(at for at, _ in tags), *(section.start_s for section in timing.sections)])
    tag_sections = [
        TimedSection(at, max(at, next((start for start in starts if start > at), last_s)), name) for at, name in tags
    ]
    return Timing(tuple(lines), tuple(sorted([*timing.sections, *tag_sections], key=lambda section: section.start_s)))


def fold_translations(line: TimedLine, others: Iterable[TimedLine]) -> TimedLine:
    """Return ``line`` with the texts of ``others``, which have its times, as translations."""
    texts = dict.fromkeys((*line.translations, *(other.text for other in others)))
    return replace(line, translations=tuple(text for text in texts if text != line.text))


def is_tag(text: str) -> bool:
    """Return whether ``text`` is a section tag, or several, and nothing else."""
    while tag := _TAG.match(text):
        text = text[tag.end() :]
        if not text:
            return True
    return False


def plain_lines(timing: Timing) -> Timing:
    """Return the content of a format of plain lines: `extract_tags`, single-line texts, no blank ones."""
    timing = extract_tags(timing)
    lines = (
        replace(line, text=one_line(line.text), translations=tuple(filter(None, map(one_line, line.translations))))
        for line in timing.lines
    )
    sections = (replace(section, name=one_line(section.name)) for section in timing.sections)
    return Timing(tuple(line for line in lines if line.text), tuple(sections))


def add_pauses(lines: Sequence[TimedLine]) -> list[tuple[float, TimedLine | None]]:
    """Return the start of each line, and with ``None`` the ends that differ from the start of the next line.

    These are the last, and ends before a pause of more than `PAUSE_S`. Shorter pauses are left out: the display of the
    words would flicker.
    """
    rows: list[tuple[float, TimedLine | None]] = []
    for number, line in enumerate(lines):
        rows.append((line.start_s, line))
        if number + 1 == len(lines) or lines[number + 1].start_s - line.end_s > PAUSE_S:
            rows.append((max(line.start_s, line.end_s), None))
    return rows


def close_lines(rows: Iterable[tuple[float, TimedLine | None]]) -> tuple[TimedLine, ...]:
    """Undo `add_pauses`: rows at their times, in any order, as lines that end where the next row begins.

    A line whose end is known, behind its start, keeps it.
    """
    rows = sorted(rows, key=lambda row: row[0])
    ends = [*(at for at, _ in rows[1:]), rows[-1][0] + LAST_S] if rows else []
    return tuple(
        line if line.end_s > line.start_s else _end_line(line, end_s)
        for (_, line), end_s in zip(rows, ends, strict=True)
        if line is not None
    )


def _end_line(line: TimedLine, end_s: float) -> TimedLine:
    *first, last = line.words or (None,)
    words = (*first, replace(last, end_s=max(last.start_s, end_s))) if last is not None else ()
    return replace(line, end_s=end_s, words=words)


def split_words(line: TimedLine) -> list[tuple[TimedWord, str]]:
    """Return each non-blank word with its part of the line's text, up to the next word: together they are the text.

    Words that are not in the text, in order, map to the parts between its spaces, if their numbers agree; else the result
    is empty.
    """
    words = [word for word in line.words if one_line(word.text)]
    starts = _word_offsets(line.text, [one_line(word.text) for word in words])
    if starts is None:
        starts = [match.start() for match in re.finditer(r"\S+", line.text)]
    if not words or len(starts) != len(words):
        return []
    cuts = [0, *starts[1:], len(line.text)]
    return [(word, line.text[a:b]) for word, (a, b) in zip(words, pairwise(cuts), strict=True)]


def _word_offsets(text: str, words: Iterable[str]) -> list[int] | None:
    """Return the start of each of ``words`` in ``text``, in order, or ``None`` when one is missing."""
    at, starts = 0, []
    for word in words:
        if (start := text.find(word, at)) < 0:
            return None
        starts.append(start)
        at = start + len(word)
    return starts


def words_from_pieces(pieces: Sequence[tuple[float, str]], end_s: float) -> tuple[TimedWord, ...]:
    """Return the words among the ``pieces`` of a line, each text with its time: a word lasts until the next piece, which is
    blank in a pause, the last until ``end_s``."""
    ends = [*(at for at, _ in pieces[1:]), end_s]
    return tuple(
        TimedWord(at, max(at, end), text.strip()) for (at, text), end in zip(pieces, ends, strict=True) if text.strip()
    )
