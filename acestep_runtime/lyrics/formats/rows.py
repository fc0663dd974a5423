"""What the formats of timed lyrics have in common: clocks, texts in one line, and words laid over the line they are of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from acestep_runtime.errors import InvalidValue
from acestep_runtime.lyrics.timed import TimedLine, TimedSection, TimedWord, Timing

#: Seconds without singing after which formats that know no ends say that a line is over.
PAUSE_S = 2.0
#: Seconds that the last line lasts where nothing tells its end.
LAST_S = 5.0
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: A tag of a section at the start of a line; what looks like a time is none.
_TAG = re.compile(r"\s*\[(?!\s*\d+:\d)([^\[\]\n]{1,200})\]\s*")
#: Zero-width: put behind a bracket that would be read as a stamp or a style, in formats that cannot escape it.
_GUARD = "\N{WORD JOINER}"


def one_line(text: str) -> str:
    """Return ``text`` without line breaks and control characters, which become a space, and without space around it."""
    return _BREAKS.sub(" ", text).strip()


def guarded(text: str, pattern: re.Pattern[str]) -> str:
    """Return ``text`` with a word joiner behind the first character of each match of ``pattern``."""
    return pattern.sub(lambda match: match[0][0] + _GUARD + match[0][1:], text)


def unguarded(text: str) -> str:
    """Undo `guarded`."""
    return re.sub(f"([\\[<{{]){_GUARD}", r"\1", text)


def clock(time_s: float, per_s: int, *, hours: bool) -> tuple[int, ...]:
    """Return ``time_s``, rounded, as (hours,) minutes, seconds and so many parts of a second. Below zero is zero."""
    parts = max(0, round(time_s * per_s))
    seconds = parts // per_s
    if not hours:
        return seconds // 60, seconds % 60, parts % per_s
    return seconds // 3600, seconds // 60 % 60, seconds % 60, parts % per_s


def refused(number: int, row: str, allowed: str, *, remedy: str = "") -> InvalidValue:
    """Return the error about a line of a file, counted from 1."""
    return InvalidValue(f"line {number}", row.strip(), allowed, remedy=remedy)


def tags_apart(timing: Timing) -> Timing:
    """Return ``timing`` in order of time, its lines without the tags at their start, which become sections.

    Such a section lasts until the next, or until the last line ends.
    """
    lines: list[TimedLine] = []
    found: list[tuple[float, str]] = []
    last_s = max((line.end_s for line in timing.lines), default=0.0)
    for line in sorted(timing.lines, key=lambda line: line.start_s):
        text = line.text
        while tag := _TAG.match(text):
            found.append((line.start_s, tag[1].strip()))
            text = text[tag.end() :]
        if text == line.text:
            lines.append(line)
        elif text.strip():
            words = tuple(word for word in line.words if not _TAG.fullmatch(word.text))
            lines.append(replace(line, text=text, words=words))
    starts = sorted([*(at for at, _ in found), *(section.start_s for section in timing.sections)])
    tagged = [
        TimedSection(at, max(at, next((start for start in starts if start > at), last_s)), name) for at, name in found
    ]
    return Timing(tuple(lines), tuple(sorted([*timing.sections, *tagged], key=lambda section: section.start_s)))


def sung(timing: Timing) -> Timing:
    """Return what a format of plain lines can hold: `tags_apart`, texts in one line each, and none that is blank."""
    timing = tags_apart(timing)
    lines = (replace(line, text=one_line(line.text)) for line in timing.lines)
    sections = (replace(section, name=one_line(section.name)) for section in timing.sections)
    return Timing(tuple(line for line in lines if line.text), tuple(sections))


def with_pauses(lines: Sequence[TimedLine]) -> list[tuple[float, TimedLine | None]]:
    """Return the start of each line, and with ``None`` the ends that the start of the next line does not tell.

    Those are the last, and ends before a pause of more than `PAUSE_S`; others are left to the next line, lest what shows the
    words flickers.
    """
    rows: list[tuple[float, TimedLine | None]] = []
    for number, line in enumerate(lines):
        rows.append((line.start_s, line))
        if number + 1 == len(lines) or lines[number + 1].start_s - line.end_s > PAUSE_S:
            rows.append((max(line.start_s, line.end_s), None))
    return rows


def ended(rows: Iterable[tuple[float, TimedLine | None]]) -> tuple[TimedLine, ...]:
    """Undo `with_pauses`: rows at their times, in any order, as lines that end where the next row begins.

    A line whose end is known, behind its start, keeps it.
    """
    rows = sorted(rows, key=lambda row: row[0])
    ends = [*(at for at, _ in rows[1:]), rows[-1][0] + LAST_S] if rows else []
    return tuple(
        line if line.end_s > line.start_s else _until(line, end_s)
        for (_, line), end_s in zip(rows, ends, strict=True)
        if line is not None
    )


def _until(line: TimedLine, end_s: float) -> TimedLine:
    *first, last = line.words or (None,)
    words = (*first, replace(last, end_s=max(last.start_s, end_s))) if last is not None else ()
    return replace(line, end_s=end_s, words=words)


def laid(line: TimedLine) -> list[tuple[TimedWord, str]]:
    """Return each word that is not blank with its part of the line's text, up to the next: together they are the text.

    Words that are not in the text, in order, stand for the parts between its spaces, if there are as many; else there are
    none.
    """
    words = [word for word in line.words if one_line(word.text)]
    starts = _found(line.text, [one_line(word.text) for word in words])
    if starts is None:
        starts = [match.start() for match in re.finditer(r"\S+", line.text)]
    if not words or len(starts) != len(words):
        return []
    cuts = [0, *starts[1:], len(line.text)]
    return [(word, line.text[a:b]) for word, (a, b) in zip(words, pairwise(cuts), strict=True)]


def _found(text: str, words: Iterable[str]) -> list[int] | None:
    """Return where each of ``words`` begins in ``text``, one behind the other, or ``None`` when one is not there."""
    at, starts = 0, []
    for word in words:
        if (start := text.find(word, at)) < 0:
            return None
        starts.append(start)
        at = start + len(word)
    return starts


def words_of(pieces: Sequence[tuple[float, str]], end_s: float) -> tuple[TimedWord, ...]:
    """Return the words among ``pieces`` of a line, each text with its time: a word lasts until the next piece, which is
    blank where nothing is sung, the last until ``end_s``."""
    ends = [*(at for at, _ in pieces[1:]), end_s]
    return tuple(
        TimedWord(at, max(at, end), text.strip()) for (at, text), end in zip(pieces, ends, strict=True) if text.strip()
    )
