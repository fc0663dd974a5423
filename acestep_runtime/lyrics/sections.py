"""When the sections of a song are, from the times of its lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acestep_runtime.lyrics.text import parse
from acestep_runtime.lyrics.timed import TimedLine, TimedSection


def sections_of(lyrics: str, lines: Sequence[TimedLine], duration_s: float) -> tuple[TimedSection, ...]:
    """Return a section for each tag of ``lyrics``; ``lines`` are all that is sung of them, in order.

    One begins with its first line and lasts until the next, or the end. Those in which nobody sings share the time between the
    line before and the line behind them.
    """
    names: list[str] = []
    starts: list[float] = []
    heard_s, at = 0.0, 0
    for stanza in parse(lyrics):
        if stanza.tag:
            names.append(stanza.tag)
        if stanza.lines:
            starts += np.linspace(lines[at].start_s, heard_s, len(names) - len(starts)).tolist()[::-1]
            at += len(stanza.lines)
            heard_s = lines[at - 1].end_s
    starts += np.linspace(heard_s, duration_s, len(names) - len(starts), endpoint=False).tolist()
    bounds = np.maximum.accumulate([*starts, duration_s]).tolist()
    return tuple(map(TimedSection, bounds, bounds[1:], names))
