"""The times of a song's sections, from the times of its lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acestep_runtime.lyrics.text import parse
from acestep_runtime.lyrics.timed import TimedLine, TimedSection


def section_times(lyrics: str, lines: Sequence[TimedLine], duration_s: float) -> tuple[TimedSection, ...]:
    """Return a section for each tag of ``lyrics``; ``lines`` are all its lines, in order.

    A section begins with its first line and lasts until the next, or the end. Sections without words share the time between
    the line before and the line after them.
    """
    names: list[str] = []
    starts: list[float] = []
    last_end_s, at = 0.0, 0
    for stanza in parse(lyrics):
        if stanza.tag:
            names.append(stanza.tag)
        if stanza.lines:
            starts += np.linspace(lines[at].start_s, last_end_s, len(names) - len(starts)).tolist()[::-1]
            at += len(stanza.lines)
            last_end_s = lines[at - 1].end_s
    starts += np.linspace(last_end_s, duration_s, len(names) - len(starts), endpoint=False).tolist()
    bounds = np.maximum.accumulate([*starts, duration_s]).tolist()
    return tuple(map(TimedSection, bounds, bounds[1:], names))
