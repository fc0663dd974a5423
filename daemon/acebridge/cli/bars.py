"""``--bars``: lengths and regions in bars. Bar 1 begins at the first sample of the source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acebridge.cli.options import Options
    from acestep_runtime.errors import InvalidValue

_BARS = re.compile(r"\s*(\d{1,5})\s*(?:[-–]\s*(\d{1,5})\s*)?")
_USUAL_BEATS = 4


def with_bars(options: Options) -> Options:
    """Return a command's options with times for ``--bars``: a duration, or the start and the end of a region.

    ``8`` is a number of bars, from ``--start`` on where there is a region; ``5-8`` is from the beginning of bar 5 to the end of
    bar 8. Raises `InvalidValue` for anything else, without a tempo, and beside options that say the same.
    """
    text, bpm = options.get("bars"), options.get("bpm")
    if text is None:
        return options
    if bpm is None:
        raise _refuse(text, "with --bpm", "Add the tempo, such as --bpm 120.")
    if not bpm > 0:  # the daemon says what a tempo may be
        return options
    bar_s = (options.get("time_signature") or _USUAL_BEATS) * 60.0 / bpm
    if "duration" in options:
        return {**options, "duration": _count(text, options) * bar_s}
    return {**options, **_region(text, bar_s, options)}


def _count(text: str, options: Options) -> int:
    """Return how many bars a song is to have."""
    match = _BARS.fullmatch(text)
    if match is None or match[2] is not None or not int(match[1]):
        raise _refuse(text, "a number of bars, 1 or more", "Write for example --bars 8.")
    if options["duration"] is not None:
        raise _refuse(text, "without --duration", "Give one of them.")
    return int(match[1])


def _region(text: str, bar_s: float, options: Options) -> dict[str, float]:
    """Return the start and the end of a region in seconds."""
    match = _BARS.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    if match is None or first < 1 or (match[2] and last < first):
        raise _refuse(text, "a number of bars such as 4, or a range of bars such as 5-8", "Bars count from 1.")
    if options["end"] is not None:
        raise _refuse(text, "without --end", "Give one of them.")
    start_s = options["start"]
    if not match[2]:
        return {"start": start_s or 0.0, "end": (start_s or 0.0) + first * bar_s}
    if start_s is not None:
        raise _refuse(text, "a number of bars with --start", "Leave --start out, or write how many bars.")
    return {"start": (first - 1) * bar_s, "end": last * bar_s}


def _refuse(text: str, allowed: str, remedy: str) -> InvalidValue:
    from acestep_runtime.errors import InvalidValue

    return InvalidValue("--bars", text, allowed, remedy=remedy)
