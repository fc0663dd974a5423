"""Which line is sung when: lyrics laid on a voice, and how well lines and voice agree. The voice is heard in `vocals`.

Letters: L lines, C places where a line may begin, K frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.masks import FRAME_S
from acestep_runtime.dsp.vocals import Floats, Voice
from acestep_runtime.lyrics.lrc import TimedLine
from acestep_runtime.lyrics.text import Line

#: Less voice than this, in seconds a syllable, cannot be these lyrics.
_LEAST_S = 0.06
#: A pause this long parts lines; a shorter one may be a breath or a consonant.
_PAUSE_S = (0.08, 0.5)
#: What a line costs by how far its length (natural log of seconds sung) and its onsets are from those expected.
_LENGTH_WEIGHT, _ONSET_WEIGHT = 2.0, 1.0
#: What it costs to begin a line without a pause or an onset, to pause within one, and to leave a second of voice over.
_ABRUPT, _WEAK, _BROKEN, _LEFT_OVER = 5.0, 1.0, 2.5, 1.5
#: How a line's length goes with its syllables: 1 in proportion, 0 all alike.
_PROPORTION = 0.6
#: A line is sung at no more than this many times the usual length.
_LONGEST = 4.0
_SPACING_S = 0.1
#: A line begins within the first of these of an onset; from the second on it does not.
_ON_TIME_S = (0.12, 0.6)
_TINY = 1e-9


@dataclass(frozen=True)
class _Places:
    """Where lines may begin, ``[C]`` each: frame, cost of beginning there; the last is the end of the audio."""

    frames: Floats
    costs: Floats


def align(lines: Sequence[Line], voice: Voice) -> tuple[TimedLine, ...] | None:
    """Return when each line is sung, or ``None`` when too little voice is heard for so many words.

    The best division of the voice into lines (dynamic programming over the places where a line may begin): each as long
    as its syllables, with as many onsets, begun after a pause and not broken by one, little voice left over. How long a
    syllable is, is estimated from all the voice first, then from the lines found.
    """
    syllables = _evened(np.array([len(line.syllables) for line in lines], float))
    if not len(lines) or voice.seconds < _LEAST_S * syllables.sum():
        return None
    places = _places(voice, len(lines))
    per_syllable_s = voice.seconds / syllables.sum()
    spans: list[tuple[int, int]] = []
    for _ in range(3):
        found = _divide(syllables, per_syllable_s, places, voice)
        if not found or found == spans:
            break
        spans = found
        sung = np.cumsum(np.concatenate([[0.0], voice.sounding])) * FRAME_S
        lengths = np.array([sung[b] - sung[a] for a, b in spans])
        per_syllable_s = max(0.5 * per_syllable_s, float(np.median(lengths / syllables)))
    if not spans:
        return None
    return tuple(_timed(line, span, voice) for line, span in zip(lines, spans, strict=True))


def _evened(syllables: Floats) -> Floats:
    """Return syllables brought towards their mean, since lines of few and of many fill the same bars."""
    mean = max(1.0, float(syllables.mean())) if len(syllables) else 1.0
    return np.asarray(mean * (syllables / mean) ** _PROPORTION)


def _timed(line: Line, span: tuple[int, int], voice: Voice) -> TimedLine:
    """Return a line from where its place is to where the voice last sounds before the next."""
    heard = np.flatnonzero(voice.sounding[span[0] : span[1]] > 0.3)
    end = span[0] + int(heard[-1]) + 1 if len(heard) else span[1]
    return TimedLine(span[0] * FRAME_S, end * FRAME_S, line.text)


def _places(voice: Voice, lines: int) -> _Places:
    """Return the onsets of the voice as places, thinned to the clearest where there are many."""
    since = _silent_before(voice.sounding)
    starts = np.clip(np.rint(voice.onsets_s / FRAME_S).astype(int), 0, len(voice.sounding) - 1)
    begins = np.flatnonzero((voice.sounding[1:] > 0.3) & (voice.sounding[:-1] <= 0.3)) + 1
    strength = dict.fromkeys(begins.tolist(), 0.5)
    strength.update(zip(starts.tolist(), voice.strength.tolist(), strict=True))
    rows = []
    for at, clear in sorted(strength.items()):
        pause_s = float(since[max(0, at - 3) : at + 4].max()) * FRAME_S
        parted = float(np.clip((pause_s - _PAUSE_S[0]) / (_PAUSE_S[1] - _PAUSE_S[0]), 0.0, 1.0))
        rows.append((_ABRUPT * (1 - parted) + _WEAK * (1 - clear), at))
    kept: list[tuple[int, float]] = []
    for cost, at in sorted(rows)[: max(600, 8 * lines)]:
        if all(abs(at - other) * FRAME_S >= _SPACING_S for other, _ in kept):
            kept.append((at, cost))
    kept.sort()
    frames = [at for at, _ in kept] + [len(voice.sounding)]
    return _Places(np.array(frames, float), np.array([cost for _, cost in kept] + [0.0]))


def _silent_before(sounding: Floats) -> Floats:
    """Return for each frame how many frames of silence end just before it; before the first there is a lot."""
    out, run = np.zeros(len(sounding)), 100.0
    for k, value in enumerate(sounding):
        out[k] = run
        run = run + 1 if value <= 0.3 else 0.0
    return out


def _divide(syllables: Floats, per_syllable_s: float, places: _Places, voice: Voice) -> list[tuple[int, int]]:
    """Return the frames from and to which each line is sung; empty when there are too few places.

    ``best[i, c]`` is the least cost of having sung i lines before place c, where line i, if any, begins at c or later.
    """
    count = len(places.frames)
    at = places.frames.astype(int)
    sung = (np.cumsum(np.concatenate([[0.0], voice.sounding])) * FRAME_S)[at]
    hits = np.searchsorted(voice.onsets_s, at * FRAME_S - 0.5 * FRAME_S).astype(float)
    pauses = _broken(at, voice.sounding)
    lengths = sung[None, :] - sung[:, None]  # from row to column
    onsets = hits[None, :] - hits[:, None]
    later = np.arange(count)[None, :] > np.arange(count)[:, None]
    best = np.full((len(syllables) + 1, count), np.inf)
    came, first = (np.zeros((len(syllables) + 1, count), int) for _ in range(2))
    best[0] = _LEFT_OVER * (sung - sung[0])
    first[0] = np.arange(count)
    for i, n in enumerate(syllables):
        expected_s = n * per_syllable_s
        off = np.log(np.maximum(lengths, 0.05 * expected_s) / expected_s)
        missed = np.log((np.maximum(onsets, 0) + 1) / (n + 1))
        cost = _LENGTH_WEIGHT * off**2 + _ONSET_WEIGHT * missed**2 + pauses + places.costs[:, None]
        possible = later & (lengths <= _LONGEST * expected_s)
        cost = np.where(possible, cost + best[i][:, None], np.inf)
        came[i + 1] = cost.argmin(axis=0)
        ends = cost.min(axis=0)
        # What is sung between the end of a line and the next place chosen is left over.
        skipped = np.minimum.accumulate(ends - _LEFT_OVER * sung)
        best[i + 1] = skipped + _LEFT_OVER * sung
        order = np.arange(count)
        first[i + 1] = np.maximum.accumulate(np.where(ends - _LEFT_OVER * sung <= skipped, order, 0))
    if not np.isfinite(best[-1, -1]):
        return []
    spans, column = [], count - 1
    for i in range(len(syllables), 0, -1):
        end = int(first[i, column])
        start = int(came[i, end])
        spans.append((int(at[start]), int(at[end])))
        column = start
    return spans[::-1]


def _broken(at: npt.NDArray[np.int64], sounding: Floats) -> Floats:
    """Return what the pauses between two places cost ``[C, C]``, the silence before the second place left out."""
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
    return np.asarray(_BROKEN * np.maximum(0.0, inner))


@dataclass(frozen=True)
class Agreement:
    """How well timed lines and a voice agree, each 0 to 1.

    ``present``: somebody sings while lines last; ``begun``: a syllable begins where a line does; ``paced``: as many
    syllables begin as there are; ``covered``: nobody sings between the lines. ``score`` is the geometric mean with
    weights 3, 3, 2 and 1. ``lost`` are the lines during which hardly anybody sings.
    """

    score: float
    present: float
    begun: float
    paced: float
    covered: float
    lost: tuple[str, ...] = ()


def agreement(timed: Sequence[TimedLine], lines: Sequence[Line], voice: Voice) -> Agreement:
    """Compare lines with known times with the voice that is heard. Longer lines count for more, by syllables."""
    weights = np.array([len(line.syllables) for line in lines], float)
    rows, lost = [], []
    inside = np.zeros(len(voice.sounding), bool)
    for row, line in zip(timed, lines, strict=True):
        a, b = round(row.start_s / FRAME_S), max(round(row.start_s / FRAME_S) + 1, round(row.end_s / FRAME_S))
        inside[max(0, a - 6) : b + 12] = True
        part = voice.sounding[max(0, a) : b]
        present = min(1.0, float(part.mean()) / 0.6) if len(part) else 0.0
        nearest_s = float(np.abs(voice.onsets_s - row.start_s).min(initial=np.inf))
        begun = float(np.clip((_ON_TIME_S[1] - nearest_s) / (_ON_TIME_S[1] - _ON_TIME_S[0]), 0.0, 1.0))
        heard = int(((voice.onsets_s >= row.start_s - _ON_TIME_S[0]) & (voice.onsets_s < row.end_s)).sum())
        paced = min(heard, len(line.syllables)) / max(heard, len(line.syllables))
        if present < 0.25:
            lost.append(row.text)
        rows.append((present, begun * min(1.0, 2 * present), paced))
    present, begun, paced = (float(weights @ column / weights.sum()) for column in np.array(rows).T)
    total = float(voice.sounding.sum())
    covered = float(voice.sounding[inside].sum()) / total if total > 0 else 0.0
    parts = np.array([present, begun, paced, covered])
    score = float(np.exp(np.array([3, 3, 2, 1]) @ np.log(np.maximum(parts, _TINY)) / 9))
    return Agreement(score if score > 0.001 else 0.0, present, begun, paced, covered, tuple(lost))


def spread(lines: Sequence[Line], start_s: float, end_s: float) -> tuple[TimedLine, ...]:
    """Space lines over a stretch of time by their syllables: where nobody is heard and nothing better is known."""
    shares = np.cumsum([0.0] + [len(line.syllables) + 1.0 for line in lines])
    edges = start_s + (end_s - start_s) * shares / shares[-1]
    return tuple(TimedLine(float(a), float(b), line.text) for a, b, line in zip(edges, edges[1:], lines, strict=False))
