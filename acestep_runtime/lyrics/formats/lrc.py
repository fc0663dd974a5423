"""LRC, and enhanced LRC with ``<mm:ss.xx>`` before each word.

    [00:12.00]<00:12.00>Walking <00:12.60>down<00:13.10>
    [00:17.50]

A stamp without words ends the line before. There are no sections; tags in a file, with a stamp or without,
are read as sections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from acestep_runtime.lyrics.formats.rows import (
    add_pauses,
    clock_parts,
    close_lines,
    escape_matches,
    extract_tags,
    line_error,
    plain_lines,
    split_words,
    unescape_matches,
    words_from_pieces,
)  # fmt: skip
from acestep_runtime.lyrics.timed import TimedLine, Timing

_ALLOWED = "minutes, seconds below 60 and a fraction, such as [01:23.45], then the words"
_LINE = re.compile(r"\[(\d{1,5}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_WORD = re.compile(r"<(\d{1,5}:\d{1,2}(?:[.:]\d{1,3})?)>")
_OFFSET = re.compile(r"\[offset:\s*([+-]?\d{1,9})\s*\]", re.IGNORECASE)
_ID = re.compile(r"\[[^\[\]\d][^\[\]:]*:.*\]")
_TAG = re.compile(r"(?:\[[^\[\]:]{1,200}\]\s*)+")
#: Words that would be read as a stamp.
_STAMPS = re.compile(r"\[\d{1,5}:|<\d{1,5}:")


def write(timing: Timing) -> str:
    """Return ``timing`` as LRC: hundredths of a second, no words, no sections."""
    return _write(timing, with_words=False)


def write_enhanced(timing: Timing) -> str:
    """Return ``timing`` as enhanced LRC: words as well, where there are any."""
    return _write(timing, with_words=True)


def _write(timing: Timing, *, with_words: bool) -> str:
    rows = add_pauses(plain_lines(timing).lines)
    return "".join(f"[{_stamp(at)}]{'' if line is None else _words(line, with_words)}\n" for at, line in rows)


def _words(line: TimedLine, with_words: bool) -> str:
    words = split_words(line) if with_words else []
    if not words:
        return escape_matches(line.text, _STAMPS)
    text, end = "", ""
    for word, part in words:
        start = _stamp(word.start_s)
        text += (f"<{end}>" if end not in ("", start) else "") + f"<{start}>{escape_matches(part, _STAMPS)}"
        end = _stamp(word.end_s)
    return f"{text}<{end}>"


def _stamp(time_s: float) -> str:
    return "{:02d}:{:02d}.{:02d}".format(*clock_parts(time_s, 100, hours=False))


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

    ID tags and lines without a stamp are skipped. Raises `InvalidValue` for an invalid time, and for a file without
    stamps.
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
    return extract_tags(Timing(close_lines(shifted_rows), ()))


def _shift_earlier(line: TimedLine, by_s: float) -> TimedLine:
    return Timing((line,), ()).shift(-by_s).lines[0] if by_s else line


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
        state.untimed = state.untimed or (number, row)
    pieces = _pieces(number, row, rest, stamps[0]) if stamps else []
    for at in stamps:
        line = _line(pieces, stamps[0], state.tags)
        state.rows.append((at, None if line is None else _shift_earlier(line, stamps[0] - at)))
        state.tags = "" if line is not None else state.tags


def _pieces(number: int, row: str, rest: str, start_s: float) -> list[tuple[float, str]]:
    """Return the texts of a line, each with the time of its stamp; a single text where there are no such stamps."""
    first, *others = _WORD.split(rest)
    stamps = (_seconds(number, row, *re.split("[:.]", stamp), "") for stamp in others[::2])
    pieces = [(at, unescape_matches(text)) for at, text in zip(stamps, others[1::2], strict=True)]
    return [(start_s, unescape_matches(first)), *pieces] if first.strip() or not pieces else pieces


def _line(pieces: list[tuple[float, str]], start_s: float, tags: str) -> TimedLine | None:
    """Return the line, whose end is its start where unknown; ``None`` when it is blank."""
    text = "".join(text for _, text in pieces).strip()
    if not text:
        return None
    end_s = pieces[-1][0] if not pieces[-1][1].strip() else start_s
    words = words_from_pieces(pieces, end_s) if len(pieces) > 1 or pieces[0][0] != start_s else ()
    return TimedLine(start_s, max(start_s, end_s), tags + text, words)


def _seconds(number: int, row: str, minutes: str, seconds: str, fraction: str | None, *_: str) -> float:
    if int(seconds) >= 60:
        raise line_error(number, row, _ALLOWED)
    return int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}")
