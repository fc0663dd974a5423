"""Aligning lyric lines with a voice, and scoring how well they agree. `vocals` detects the voice.

Letters: L lines, C candidate starts, K frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.masks import FRAME_S
from acestep_runtime.dsp.vocals import Floats, Voice
from acestep_runtime.lyrics.text import Line
from acestep_runtime.lyrics.timed import TimedLine

#: Minimum seconds of voice per syllable; with less, these are not the lyrics.
_MIN_SYLLABLE_S = 0.06
#: Pauses from the first length on count as line breaks, fully from the second; shorter ones may be a breath.
_PAUSE_S = (0.08, 0.5)
#: Weights of a line's errors: natural log of voiced seconds over expected seconds, and of onsets over syllables.
_LENGTH_WEIGHT, _ONSET_WEIGHT = 2.0, 1.0
#: Costs: starting a line without a pause or onset, a pause within a line, a second of unused voice.
_NO_PAUSE_COST, _WEAK_ONSET_COST, _INNER_PAUSE_COST, _UNUSED_VOICE_COST = 5.0, 1.0, 2.5, 1.5
#: Exponent of line length over syllable count: 1 in proportion, 0 all lines alike.
_PROPORTION = 0.6
#: Maximum length of a line, in multiples of the expected length.
_MAX_LENGTH_RATIO = 4.0
_MIN_SPACING_S = 0.1
#: A line is on time within the first distance of an onset, and not at all from the second on.
_ON_TIME_S = (0.12, 0.6)
_TINY = 1e-9


@dataclass(frozen=True)
class _Candidates:
    """Where lines may start, ``[C]`` each: frame, and the cost of starting there; the last is the end of the audio."""

    frames: Floats
    costs: Floats


def align(lines: Sequence[Line], voice: Voice) -> tuple[TimedLine, ...] | None:
    """Return the times of each line, or ``None`` when there is too little voice for the words.

    Divides the voice into lines by dynamic programming over candidate starts. Each line should have the length and onsets
    of its syllables, start after a pause and contain none; little voice should stay unused. The length of a syllable is
    estimated from the whole voice first, then from the lines found.
    """
    syllables = _even_out_syllables(np.array([len(line.syllables) for line in lines], float))
    if not len(lines) or voice.seconds < _MIN_SYLLABLE_S * syllables.sum():
        return None
    candidates = _candidate_starts(voice, len(lines))
    per_syllable_s = voice.seconds / syllables.sum()
    spans: list[tuple[int, int]] = []
    for _ in range(3):
        division = _divide(syllables, per_syllable_s, candidates, voice)
        if not division or division == spans:
            break
        spans = division
        voiced_s = np.cumsum(np.concatenate([[0.0], voice.sounding])) * FRAME_S
        lengths = np.array([voiced_s[b] - voiced_s[a] for a, b in spans])
        per_syllable_s = max(0.5 * per_syllable_s, float(np.median(lengths / syllables)))
    if not spans:
        return None
    return tuple(_time_line(line, span, voice) for line, span in zip(lines, spans, strict=True))


def _even_out_syllables(syllables: Floats) -> Floats:
    """Return syllable counts moved towards their mean, since short and long lines fill the same number of bars."""
    mean = max(1.0, float(syllables.mean())) if len(syllables) else 1.0
    return np.asarray(mean * (syllables / mean) ** _PROPORTION)


def _time_line(line: Line, span: tuple[int, int], voice: Voice) -> TimedLine:
    """Return a line from its start to where the voice last sounds before the next line."""
    voiced_frames = np.flatnonzero(voice.sounding[span[0] : span[1]] > 0.3)
    end = span[0] + int(voiced_frames[-1]) + 1 if len(voiced_frames) else span[1]
    return TimedLine(span[0] * FRAME_S, end * FRAME_S, line.text)


def _candidate_starts(voice: Voice, lines: int) -> _Candidates:
    """Return the voice's onsets as candidate starts; the clearest ones where there are many."""
    since = _silence_before(voice.sounding)
    starts = np.clip(np.rint(voice.onsets_s / FRAME_S).astype(int), 0, len(voice.sounding) - 1)
    begins = np.flatnonzero((voice.sounding[1:] > 0.3) & (voice.sounding[:-1] <= 0.3)) + 1
    strength = dict.fromkeys(begins.tolist(), 0.5)
    strength.update(zip(starts.tolist(), voice.strength.tolist(), strict=True))
    rows = []
    for at, clear in sorted(strength.items()):
        pause_s = float(since[max(0, at - 3) : at + 4].max()) * FRAME_S
        separation = float(np.clip((pause_s - _PAUSE_S[0]) / (_PAUSE_S[1] - _PAUSE_S[0]), 0.0, 1.0))
        rows.append((_NO_PAUSE_COST * (1 - separation) + _WEAK_ONSET_COST * (1 - clear), at))
    spaced_starts: list[tuple[int, float]] = []
    for cost, at in sorted(rows)[: max(600, 8 * lines)]:
        if all(abs(at - other) * FRAME_S >= _MIN_SPACING_S for other, _ in spaced_starts):
            spaced_starts.append((at, cost))
    spaced_starts.sort()
    frames = [at for at, _ in spaced_starts] + [len(voice.sounding)]
    return _Candidates(np.array(frames, float), np.array([cost for _, cost in spaced_starts] + [0.0]))


def _silence_before(sounding: Floats) -> Floats:
    """Return for each frame how many frames of silence end just before it; the first frame gets 100."""
    out, run = np.zeros(len(sounding)), 100.0
    for k, value in enumerate(sounding):
        out[k] = run
        run = run + 1 if value <= 0.3 else 0.0
    return out


def _divide(syllables: Floats, per_syllable_s: float, candidates: _Candidates, voice: Voice) -> list[tuple[int, int]]:
    """Return the start and end frame of each line; empty when there are too few candidates.

    ``best[i, c]`` is the least cost of placing i lines before candidate c, where line i, if any, starts at c or later.
    """
    count = len(candidates.frames)
    at = candidates.frames.astype(int)
    voiced_s = (np.cumsum(np.concatenate([[0.0], voice.sounding])) * FRAME_S)[at]
    hits = np.searchsorted(voice.onsets_s, at * FRAME_S - 0.5 * FRAME_S).astype(float)
    pauses = _pause_costs(at, voice.sounding)
    lengths = voiced_s[None, :] - voiced_s[:, None]  # from row to column
    onsets = hits[None, :] - hits[:, None]
    later = np.arange(count)[None, :] > np.arange(count)[:, None]
    best = np.full((len(syllables) + 1, count), np.inf)
    line_starts, first = (np.zeros((len(syllables) + 1, count), int) for _ in range(2))
    best[0] = _UNUSED_VOICE_COST * (voiced_s - voiced_s[0])
    first[0] = np.arange(count)
    for i, n in enumerate(syllables):
        expected_s = n * per_syllable_s
        length_error = np.log(np.maximum(lengths, 0.05 * expected_s) / expected_s)
        onset_error = np.log((np.maximum(onsets, 0) + 1) / (n + 1))
        cost = _LENGTH_WEIGHT * length_error**2 + _ONSET_WEIGHT * onset_error**2 + pauses + candidates.costs[:, None]
        possible = later & (lengths <= _MAX_LENGTH_RATIO * expected_s)
        cost = np.where(possible, cost + best[i][:, None], np.inf)
        line_starts[i + 1] = cost.argmin(axis=0)
        ends = cost.min(axis=0)
        # Voice between the end of a line and the next start is unused.
        best_after_gap = np.minimum.accumulate(ends - _UNUSED_VOICE_COST * voiced_s)
        best[i + 1] = best_after_gap + _UNUSED_VOICE_COST * voiced_s
        order = np.arange(count)
        first[i + 1] = np.maximum.accumulate(np.where(ends - _UNUSED_VOICE_COST * voiced_s <= best_after_gap, order, 0))
    if not np.isfinite(best[-1, -1]):
        return []
    spans, column = [], count - 1
    for i in range(len(syllables), 0, -1):
        end = int(first[i, column])
        start = int(line_starts[i, end])
        spans.append((int(at[start]), int(at[end])))
        column = start
    return spans[::-1]


def _pause_costs(at: npt.NDArray[np.int64], sounding: Floats) -> Floats:
    """Return the cost of pauses between two candidates ``[C, C]``, without the silence before the second."""
    count = len(at)
    costs = np.zeros(count)
    for c in range(count - 1):
        quiet = 0
        for value in sounding[at[c] : at[c + 1]][::-1]:
            if value > 0.3:
                break
            quiet += 1
        pause_s = quiet * FRAME_S
        costs[c] = float(np.clip((pause_s - _PAUSE_S[0]) / (_PAUSE_S[1] - _PAUSE_S[0]), 0.0, 1.0))
    total = np.concatenate([[0.0], np.cumsum(costs)])
    # From row a to column b: the pauses that end at places a+1 to b-1.
    upto = total[:count]
    inner = total[np.maximum(np.arange(count) - 1, 0)][None, :] - upto[:, None]
    return np.asarray(_INNER_PAUSE_COST * np.maximum(0.0, inner))


@dataclass(frozen=True)
class Agreement:
    """How well timed lines and a voice agree, each 0 to 1.

    ``presence``: the voice sounds during lines; ``on_time``: a syllable begins where a line does; ``pace``: the voice has
    as many onsets as the lines have syllables; ``coverage``: the voice is silent between lines. ``score`` is the geometric
    mean with weights 3, 3, 2 and 1. ``silent_lines`` are lines during which the voice hardly sounds.
    """

    score: float
    presence: float
    on_time: float
    pace: float
    coverage: float
    silent_lines: tuple[str, ...] = ()


def agreement(timed_lines: Sequence[TimedLine], lines: Sequence[Line], voice: Voice) -> Agreement:
    """Compare timed lines with the voice. Lines weigh by their syllables."""
    weights = np.array([len(line.syllables) for line in lines], float)
    rows, silent_lines = [], []
    inside = np.zeros(len(voice.sounding), bool)
    for row, line in zip(timed_lines, lines, strict=True):
        a, b = round(row.start_s / FRAME_S), max(round(row.start_s / FRAME_S) + 1, round(row.end_s / FRAME_S))
        inside[max(0, a - 6) : b + 12] = True
        part = voice.sounding[max(0, a) : b]
        presence = min(1.0, float(part.mean()) / 0.6) if len(part) else 0.0
        nearest_s = float(np.abs(voice.onsets_s - row.start_s).min(initial=np.inf))
        on_time = float(np.clip((_ON_TIME_S[1] - nearest_s) / (_ON_TIME_S[1] - _ON_TIME_S[0]), 0.0, 1.0))
        onset_count = int(((voice.onsets_s >= row.start_s - _ON_TIME_S[0]) & (voice.onsets_s < row.end_s)).sum())
        pace = min(onset_count, len(line.syllables)) / max(onset_count, len(line.syllables))
        if presence < 0.25:
            silent_lines.append(row.text)
        rows.append((presence, on_time * min(1.0, 2 * presence), pace))
    presence, on_time, pace = (float(weights @ column / weights.sum()) for column in np.array(rows).T)
    total = float(voice.sounding.sum())
    coverage = float(voice.sounding[inside].sum()) / total if total > 0 else 0.0
    parts = np.array([presence, on_time, pace, coverage])
    score = float(np.exp(np.array([3, 3, 2, 1]) @ np.log(np.maximum(parts, _TINY)) / 9))
    return Agreement(score if score > 0.001 else 0.0, presence, on_time, pace, coverage, tuple(silent_lines))


def space_lines(lines: Sequence[Line], start_s: float, end_s: float) -> tuple[TimedLine, ...]:
    """Space lines between two times by their syllables: the fallback where no voice is found."""
    shares = np.cumsum([0.0] + [len(line.syllables) + 1.0 for line in lines])
    edges = start_s + (end_s - start_s) * shares / shares[-1]
    return tuple(TimedLine(float(a), float(b), line.text) for a, b, line in zip(edges, edges[1:], lines, strict=False))
