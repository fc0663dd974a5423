"""LRC, and enhanced LRC with ``<mm:ss.xx>`` before each word; ``[mm:ss.xx]`` there is read as well.

    [00:12.00]<00:12.00>Walking <00:12.60>down<00:13.10>
    [00:12.00]Je descends
    [00:17.50]

A stamp without words ends the line before. Lines with one stamp are a line and its translations. There are no sections;
tags in a file, with a stamp or without, are read as sections.

There is no standard; players agree on minutes, seconds and hundredths, several stamps before a line that returns, ID tags
such as ``[ti:Title]``, and ``[offset:+250]`` in milliseconds, which makes lyrics appear sooner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

from acestep_runtime.lyrics.formats.rows import (
    add_pauses,
    close_lines,
    escape_matches,
    extract_tags,
    fold_translations,
    is_tag,
    line_error,
    plain_lines,
    split_words,
    unescape_matches,
    words_from_pieces,
)  # fmt: skip
from acestep_runtime.lyrics.timed import TimedLine, Timing

_ALLOWED = "minutes, seconds below 60 and a fraction, such as [01:23.45], then the words"
#: Hours only where a fraction is behind the seconds: three numbers alone are minutes, seconds and hundredths.
_CLOCK = r"(?:(\d{1,3}):(?=\d{1,2}:\d{1,2}[.,]))?(\d{1,5}):(\d{1,2})(?:[.:,](\d{1,3}))?"
_LINE = re.compile(rf"\[\s*{_CLOCK}\s*\]")
_WORD = re.compile(rf"[<\[]\s*{_CLOCK}\s*[>\]]")
_OFFSET = re.compile(r"\[offset:\s*([+-]?\d{1,9})\s*\]", re.IGNORECASE)
_ID = re.compile(r"\[[^\[\]\d][^\[\]:]*:.*\]")
_TAG = re.compile(r"(?:\[[^\[\]:]{1,200}\]\s*)+")
#: Words that would be read as a stamp.
_STAMPS = re.compile(r"[\[<]\s*\d{1,5}:")


def write(timing: Timing) -> str:
    """Return ``timing`` as LRC: hundredths of a second, no words, no sections."""
    return _write(plain_lines(timing).lines, with_words=False)


def write_enhanced(timing: Timing) -> str:
    """Return ``timing`` as enhanced LRC: words as well, where there are any."""
    return _write(plain_lines(timing).lines, with_words=True)


def write_with_sections(timing: Timing) -> str:
    """Return ``timing`` as LRC with the tag of each section before its first line, which `read` finds again."""
    plain = plain_lines(timing)
    tags = {line.start_s: "" for line in plain.lines}
    for section in plain.sections:
        starts = [start_s for start_s in tags if start_s >= section.start_s]
        if starts:
            tags[min(starts)] += f"[{section.name}]"
    lines = [replace(line, text=f"{tags.pop(line.start_s, '')}{line.text}") for line in plain.lines]
    return _write(lines, with_words=False)


def to_lrc(lines: Iterable[TimedLine]) -> str:
    """Return the starts and texts of ``lines`` alone, in order of time. Times before zero become zero."""
    rows, last = [], -1
    for line in sorted(lines, key=lambda line: line.start_s):
        last = max(_hundredths(line.start_s), last + 1)
        rows.append(f"[{_clock(last)}]{line.text}\n")
    return "".join(rows)


def _write(lines: Sequence[TimedLine], *, with_words: bool) -> str:
    rows, last = [], -1
    for at, line in add_pauses(lines):
        stamp = max(_hundredths(at), last + (line is not None))  # or the second would be the translation of the first
        texts = ("",) if line is None else (_words(line, stamp, with_words), *map(_escape, line.translations))
        rows += [f"[{_clock(stamp)}]{text}\n" for text in texts]
        last = stamp
    return "".join(rows)


def _words(line: TimedLine, least: int, with_words: bool) -> str:
    words = split_words(line) if with_words else []
    if not words:
        return _escape(line.text)
    text, end = "", -1
    for word, part in words:
        start = max(least, _hundredths(word.start_s))
        text += (f"<{_clock(end)}>" if end not in (-1, start) else "") + f"<{_clock(start)}>{_escape(part)}"
        end = max(least, _hundredths(word.end_s))
    return f"{text}<{_clock(end)}>"


def _escape(text: str) -> str:
    return escape_matches(text, _STAMPS)


def _hundredths(time_s: float) -> int:
    return max(0, round(time_s * 100))


def _clock(hundredths: int) -> str:
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


@dataclass
class _ReadState:
    """The rows read so far."""

    rows: list[tuple[float, TimedLine | None]] = field(default_factory=list)
    offset_s: float = 0.0
    #: Tags without a stamp, which belong to the next line.
    tags: str = ""
    #: The first line without a stamp.
    untimed: tuple[int, str] | None = None


def read(text: str) -> Timing:
    """Read LRC of either kind. A line ends where the next begins, the last after 5 s, unless its words have an end.

    A line without a stamp shares the time of the line before; before the first stamp it is no part of the song, as are ID tags.
    Raises `InvalidValue` for an invalid time, and for a file without stamps.
    """
    state = _ReadState()
    for number, row in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if row.strip():
            _read_row(state, number, row.strip())
    if state.untimed is not None and not state.rows:
        raise line_error(*state.untimed, _ALLOWED)
    shifted_rows = [
        (max(0.0, at - state.offset_s), None if line is None else _shift_earlier(line, state.offset_s))
        for at, line in state.rows
    ]
    return extract_tags(Timing(_share_times(close_lines(_fold(shifted_rows))), ()))


def _shift_earlier(line: TimedLine, by_s: float) -> TimedLine:
    return line.shift(-by_s) if by_s else line


def _fold(rows: list[tuple[float, TimedLine | None]]) -> Iterator[tuple[float, TimedLine | None]]:
    """Yield rows in order of time, those with one time as a line and its translations."""
    for at, group in groupby(sorted(rows, key=itemgetter(0)), key=itemgetter(0)):
        lines = [line for _, line in group if line is not None]
        yield from ((at, line) for line in lines if is_tag(line.text))
        words = [line for line in lines if not is_tag(line.text)]
        if words:
            yield at, fold_translations(words[0], words[1:])
        elif not lines:
            yield at, None


def _share_times(lines: Iterable[TimedLine]) -> tuple[TimedLine, ...]:
    """Return lines of several rows as a line each, which share the time; that of the last word where words have times."""
    shared: list[TimedLine] = []
    for line in lines:
        first, *others = line.text.split("\n")
        start_s = line.words[-1].start_s if line.words else line.start_s
        step_s = (line.end_s - start_s) / (len(others) + 1)
        starts = [start_s + step_s * number for number in range(1, len(others) + 1)]
        first_end_s = starts[0] if others else line.end_s
        words = tuple(replace(word, end_s=min(word.end_s, first_end_s)) for word in line.words)
        shared.append(replace(line, text=first, end_s=first_end_s, words=words))
        shared += [TimedLine(at, at + step_s, text) for at, text in zip(starts, others, strict=True)]
    return tuple(shared)


def _read_row(state: _ReadState, number: int, row: str) -> None:
    stamps, rest = [], row
    while match := _LINE.match(rest):
        stamps.append(_seconds(number, row, *match.groups()))
        rest = rest[match.end() :].lstrip()
    if offset := _OFFSET.match(row):
        state.offset_s = int(offset[1]) / 1000
    elif not stamps and re.match(r"\[\s*[\d:.,-]*\d:\d[^\]]*\]", row):
        raise line_error(number, row, _ALLOWED)
    elif not stamps and _TAG.fullmatch(row):
        state.tags += row
    elif not stamps and not _ID.match(row):
        _read_untimed(state, number, row)
    if not stamps:
        return
    stamps, first_s = _split_stamps(stamps, [_seconds(number, row, *match.groups()) for match in _WORD.finditer(rest)])
    pieces = _pieces(number, row, rest, first_s)
    for at in stamps:
        line = _line(pieces, stamps[0], state.tags)
        state.rows.append((at, None if line is None else _shift_earlier(line, stamps[0] - at)))
        state.tags = "" if line is not None else state.tags


def _read_untimed(state: _ReadState, number: int, row: str) -> None:
    """Keep a row without a stamp with the row before."""
    state.untimed = state.untimed or (number, row)
    if not state.rows:
        return
    at, line = state.rows[-1]
    text = unescape_matches(row)
    if line is None:
        state.rows[-1] = at, TimedLine(at, at, state.tags + text)
        state.tags = ""
    else:
        gap = " " if is_tag(line.text) else "\n"
        state.rows[-1] = at, replace(line, text=f"{line.text}{gap}{text}")


def _split_stamps(stamps: list[float], word_stamps: list[float]) -> tuple[list[float], float]:
    """Return the stamps of the line and the time of its first word, whose stamp may be the second of the row."""
    stamps = list(dict.fromkeys(stamps))
    if word_stamps and stamps[0] < stamps[-1] <= word_stamps[0]:
        return stamps[:1], stamps[-1]
    return stamps, stamps[0]


def _pieces(number: int, row: str, rest: str, start_s: float) -> list[tuple[float, str]]:
    """Return the texts of a line, each with the time of its stamp; a single text where there are no such stamps."""
    matches = list(_WORD.finditer(rest))
    ends = [*(match.start() for match in matches[1:]), len(rest)]
    pieces = [
        (_seconds(number, row, *match.groups()), unescape_matches(rest[match.end() : end]))
        for match, end in zip(matches, ends, strict=False)
    ]
    first = rest[: matches[0].start()] if matches else rest
    return [(start_s, unescape_matches(first)), *pieces] if first.strip() or not pieces else pieces


def _line(pieces: list[tuple[float, str]], start_s: float, tags: str) -> TimedLine | None:
    """Return the line, whose end is its start where unknown; ``None`` when it is blank."""
    text = "".join(text for _, text in pieces).strip()
    if not text:
        return None
    end_s = pieces[-1][0] if not pieces[-1][1].strip() else start_s
    words = words_from_pieces(pieces, end_s) if len(pieces) > 1 or pieces[0][0] != start_s else ()
    return TimedLine(start_s, max(start_s, end_s), tags + text, words)


def _seconds(number: int, row: str, hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    if int(seconds) >= 60:
        raise line_error(number, row, _ALLOWED)
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}")
