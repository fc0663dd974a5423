"""Tempos and meters of a recording, so that its notes stand on the beats of a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acestep_runtime.certainty import is_reported, is_sure
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.notes import Meter, Tempo

#: Where nobody hears a tempo.
DEFAULT_BPM = 120.0
#: Beats that are nearer than this to a steady grid are on it: less is what analysis cannot tell.
STEADY_S = 0.012
#: Share of a beat from which on the time before the first beat is a beat of its own.
_OWN_BEAT = 0.6


def tempos_of_beats(analysis: Analysis) -> tuple[tuple[Tempo, ...], tuple[Meter, ...]]:
    """Return the tempos and meters in which the beats of an analysis are whole beats, and its downbeats begin bars.

    One tempo where the beats are steady, else one for each beat, each to the microsecond. The time before the first beat is a
    whole number of beats at a tempo of its own, and a bar of its own where the first downbeat is not at 0.
    """
    if not is_reported("beats", analysis.confidence):
        is_given = analysis.confidence.get("tempo", 0.0) >= 1
        return (Tempo(0.0, analysis.grid.bpm if is_given else DEFAULT_BPM),), (Meter(0.0, 4, 4),)
    beats_s = _beats(analysis)
    first, before = _lead_in(beats_s, analysis.grid.beat_s)
    marks_s = [0.0, *beats_s[first:]]
    counts = [before, *([1] * (len(beats_s) - first - 1))]
    if is_steady(analysis):
        marks_s, counts = marks_s[:2], counts[:1]
    tempos: list[Tempo] = []
    at_us = 0
    for end_s, count in zip(marks_s[1:], counts, strict=True):
        if count:
            length_us = max(1, round((end_s * 1e6 - at_us) / count))
            _add(tempos, at_us, length_us)
            at_us += count * length_us
    if is_steady(analysis):
        _add(tempos, at_us, round(60e6 / analysis.grid.bpm))
    return tuple(tempos), _meters(analysis, beats_s, first, before)


def _add(tempos: list[Tempo], at_us: int, length_us: int) -> None:
    bpm = 60e6 / length_us
    if not tempos or tempos[-1].bpm != bpm:
        tempos.append(Tempo(at_us / 1e6, bpm))


def is_steady(analysis: Analysis) -> bool:
    """Return whether the beats lie on the steady grid of an analysis, within `STEADY_S`."""
    at = np.array([analysis.grid.s_to_beat(beat_s) for beat_s in analysis.beats_s])
    return not len(at) or bool(np.abs(at - np.rint(at)).max() * analysis.grid.beat_s <= STEADY_S)


def _beats(analysis: Analysis) -> list[float]:
    """Return the beats in the recording, in order; on the grid where that is steady, so that they do not waver."""
    inside = [beat_s for beat_s in analysis.beats_s if beat_s >= 0]
    if not is_steady(analysis):
        return inside
    grid = analysis.grid
    return [grid.beat_to_s(round(grid.s_to_beat(beat_s))) for beat_s in inside]


def _lead_in(beats_s: Sequence[float], beat_s: float) -> tuple[int, int]:
    """Return the first beat that has a whole number of beats before it, and that number, 0 where it is at 0.

    The time before a beat that comes too soon for a beat of its own belongs to the next one.
    """
    if abs(beats_s[0]) < 1e-6:
        return 0, 0
    first = 0 if beats_s[0] >= _OWN_BEAT * beat_s or len(beats_s) == 1 else 1
    return first, max(1, round(beats_s[first] / beat_s))


def _meters(analysis: Analysis, beats_s: Sequence[float], first: int, before: int) -> tuple[Meter, ...]:
    """Return the meter of the bars, and that of a shorter first bar up to the first downbeat."""
    beats = analysis.grid.beats_per_bar
    if not is_sure("meter", analysis.confidence) or not analysis.downbeats_s:
        return (Meter(0.0, 4, 4),)
    downbeat_s = next((each for each in analysis.downbeats_s if each >= beats_s[first] - 1e-3), None)
    if downbeat_s is None:
        return (Meter(0.0, beats, 4),)
    index = min(range(first, len(beats_s)), key=lambda place: abs(beats_s[place] - downbeat_s))
    pickup = (before + index - first) % beats
    if not pickup:
        return (Meter(0.0, beats, 4),)
    # the short bar is the first one, so that what follows it is whole bars up to the downbeat and after it
    marks_s = [beats_s[first] - (beats_s[first] / before) * (before - k) for k in range(before)] + [*beats_s[first:]]
    return Meter(0.0, pickup, 4), Meter(marks_s[pickup], beats, 4)
