"""LRC, the format of timed lyrics: ``[01:23.45]words`` a line.

There is no standard; players agree on minutes, seconds and hundredths, several stamps before a line that returns, ID
tags such as ``[ti:Title]``, and ``[offset:+250]`` in milliseconds, which makes lyrics appear sooner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from acestep_runtime.lyrics.timed import TimedLine as TimedLine

_STAMP = re.compile(r"\[(\d{1,4}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_OFFSET = re.compile(r"^\s*\[offset:\s*([+-]?\d{1,9})\s*\]", re.IGNORECASE)
_WORD_STAMP = re.compile(r"<\d{1,4}:\d{1,2}(?:[.:]\d{1,3})?>\s?")


def to_lrc(lines: Iterable[TimedLine]) -> str:
    """Return ``lines`` as LRC, in order of time, each with a newline. Times before zero become zero."""
    return "".join(f"{_stamp(line.start_s)}{line.text}\n" for line in sorted(lines, key=lambda line: line.start_s))


def _stamp(time_s: float) -> str:
    hundredths = max(0, round(time_s * 100))
    return f"[{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}]"


def from_lrc(text: str) -> tuple[TimedLine, ...]:
    """Read LRC, in order of time; rows without a stamp are skipped. A line ends where the next begins.

    The last line, whose end LRC does not hold, lasts 5 seconds.
    """
    offset_s = 0.0
    rows: list[tuple[float, str]] = []
    for row in text.lstrip("\ufeff").splitlines():
        if match := _OFFSET.match(row):
            offset_s = int(match[1]) / 1000
        stamps, rest = [], row.strip()
        while match := _STAMP.match(rest):
            fraction = match[3] or "0"
            stamps.append(int(match[1]) * 60 + int(match[2]) + int(fraction) / 10 ** len(fraction))
            rest = rest[match.end() :].lstrip()
        rows += [(stamp, _WORD_STAMP.sub("", rest).strip()) for stamp in stamps]
    rows = sorted(((max(0.0, at - offset_s), words) for at, words in rows), key=lambda row: row[0])
    ends = [at for at, _ in rows[1:]] + ([rows[-1][0] + 5.0] if rows else [])
    return tuple(TimedLine(at, end, words) for (at, words), end in zip(rows, ends, strict=True))
