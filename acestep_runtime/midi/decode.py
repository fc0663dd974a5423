"""From posteriors of pitches to notes: several at a time, or one at a time.

The first is the method of Basic Pitch (Bittner et al. 2022, section 3.3): notes grow from their onsets, last to first, and take
what they explain with them; then what is left grows in both directions from its strongest frames, as Melodia does with pitches.

Letters: K frames, P semitones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.melody import Plane, trace_back


@dataclass(frozen=True)
class Thresholds:
    """What counts as a note: posteriors 0 to 1, lengths in frames, and the lowest and highest semitone (index 0 to P − 1)."""

    onset: float = 0.5
    sound: float = 0.3
    #: A note is longer than this.
    min_frames: int = 11
    #: A note ends where it is below ``sound`` for this number of frames.
    gap_frames: int = 11
    low: int = 0
    high: int = 87


@dataclass(frozen=True)
class Span:
    """A note as frames ``first`` to ``stop`` (exclusive) of semitone ``pitch``, with its mean posterior as ``strength``."""

    first: int
    stop: int
    pitch: int
    strength: float


#: Frames of a column that are looked at first for the end of a note, about 3 s.
_LOOK_FRAMES = 256
#: Frames over which a rise of what sounds counts as an onset.
_RISES = (1, 2)


def find_notes(sounds: Plane, begins: Plane, limits: Thresholds | None = None) -> list[Span]:
    """Return the notes of posteriors ``[K, P]``, by start and pitch."""
    limits = limits or Thresholds()
    inside = np.zeros(sounds.shape[1], bool)
    inside[limits.low : limits.high + 1] = True
    sounds, begins = np.where(inside, sounds, np.float32(0)), np.where(inside, begins, np.float32(0))
    if len(sounds) < 3:
        return []
    rest = sounds.copy()
    found = [
        *_grow_from_onsets(sounds, add_rises(sounds, begins), rest, limits),
        *_grow_from_peaks(sounds, rest, limits),
    ]
    return sorted(found, key=lambda span: (span.first, span.pitch))


def add_rises(sounds: Plane, begins: Plane) -> Plane:
    """Return onset posteriors raised where what sounds rises: by the least rise over one and two frames, scaled to them."""
    rises = [sounds - np.pad(sounds, ((step, 0), (0, 0)))[: len(sounds)] for step in _RISES]
    rise = np.maximum(np.minimum.reduce(rises), 0)
    rise[: max(_RISES)] = 0
    greatest = float(rise.max(initial=0.0))
    if greatest <= 0:
        return begins
    return np.asarray(np.maximum(begins, rise * (begins.max(initial=0.0) / greatest)))


def _grow_from_onsets(sounds: Plane, onsets: Plane, rest: Plane, limits: Thresholds) -> Iterator[Span]:
    """Yield the notes that begin at peaks of the onsets, and clear them from ``rest``."""
    inner = onsets[1:-1]
    is_peak = (inner > onsets[:-2]) & (inner > onsets[2:]) & (inner >= limits.onset)
    places = np.argwhere(is_peak)[::-1]
    last = len(sounds) - 1
    for frame, pitch in ((int(k) + 1, int(p)) for k, p in places):
        if frame >= last:
            continue
        stop = _run(rest[frame + 1 : last, pitch], limits)[0] + frame + 1
        if stop - frame <= limits.min_frames:
            continue
        _clear(rest, frame, stop, pitch)
        yield Span(frame, stop, pitch, float(sounds[frame:stop, pitch].mean()))


def _run(column: npt.NDArray[np.float32], limits: Thresholds) -> tuple[int, int]:
    """Return how many frames of a column belong to a note, and how many were looked at.

    The note goes on to where ``gap_frames`` of them, or all up to the end, are below ``sound``; those do not belong to it.
    """
    size = _LOOK_FRAMES
    while True:  # notes are short beside a song: its rest is not looked at for each
        length, looked = _run_within(column[:size] < limits.sound, limits.gap_frames)
        if looked < size or size >= len(column):
            return length, looked
        size *= 4


def _run_within(is_silent: npt.NDArray[np.bool_], gap: int) -> tuple[int, int]:
    """Return the length of a run before the silence that ends it, and how many frames were looked at."""
    silent = np.flatnonzero(is_silent)
    looked = len(is_silent)
    if len(silent) >= gap:
        whole = np.flatnonzero(silent[gap - 1 :] - silent[: len(silent) - gap + 1] == gap - 1)
        if len(whole):
            looked = int(silent[whole[0] + gap - 1]) + 1
    sounding = np.flatnonzero(~is_silent[:looked])
    return (int(sounding[-1]) + 1 if len(sounding) else 0), looked


def _clear(rest: Plane, first: int, stop: int, pitch: int) -> None:
    """Clear a stretch of a semitone and its neighbours, which hold the same note."""
    rest[first:stop, max(0, pitch - 1) : pitch + 2] = 0


def _grow_from_peaks(sounds: Plane, rest: Plane, limits: Thresholds) -> Iterator[Span]:
    """Yield the notes that grow from the strongest frames of ``rest``, and clear them from it."""
    candidates = np.argwhere(rest > limits.sound)
    order = np.argsort(-rest[candidates[:, 0], candidates[:, 1]], kind="stable")
    last = len(sounds) - 1
    for middle, pitch in candidates[order].tolist():
        if rest[middle, pitch] <= limits.sound:
            continue  # an earlier note took it
        rest[middle, pitch] = 0
        after, looked_after = _run(rest[middle + 1 : last, pitch], limits)
        before, looked_before = _run(rest[1:middle, pitch][::-1], limits)
        _clear(rest, middle + 1, middle + 1 + looked_after, pitch)
        _clear(rest, max(1, middle - looked_before), middle, pitch)
        first, stop = middle - before, middle + after
        if stop - first > limits.min_frames:
            yield Span(first, stop, pitch, float(sounds[first:stop, pitch].mean()))


#: Cost of a change of note, or to and from silence, in units of a clear note's posterior in one frame.
_CHANGE_COST = 1.2
#: What silence scores in a frame.
_SILENCE = 0.25


def find_line(sounds: Plane, begins: Plane, limits: Thresholds | None = None) -> list[Span]:
    """Return one note at a time: the best path through ``[K, P]`` with a cost for each change, cut where it begins again."""
    limits = limits or Thresholds()
    if len(sounds) < 3:
        return []
    inside = sounds[:, limits.low : limits.high + 1]
    score = np.column_stack((inside, np.full(len(inside), _SILENCE, np.float32))).astype(np.float64)
    path = _best_path(score)
    onsets = add_rises(sounds, begins)[:, limits.low : limits.high + 1]
    spans = []
    for start, stop in pairwise([0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]):
        pitch = int(path[start])
        if pitch == inside.shape[1]:
            continue
        cuts = [start, *(start + k for k in _restarts(onsets[start:stop, pitch], limits)), stop]
        for first, end in pairwise(cuts):
            if end - first > limits.min_frames // 2:
                spans.append(Span(first, end, pitch + limits.low, float(inside[first:end, pitch].mean())))
    return spans


def _best_path(score: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the best state of each frame of ``[K, S]``."""
    back = np.zeros(score.shape, np.int32)
    total, own = score[0].copy(), np.arange(score.shape[1])
    for k in range(1, len(score)):
        best = int(total.argmax())
        jump = total[best] - _CHANGE_COST
        stays = total >= jump
        back[k] = np.where(stays, own, best)
        total = np.where(stays, total, jump) + score[k]
    return trace_back(total, back)


def _restarts(onsets: npt.NDArray[np.float32], limits: Thresholds) -> list[int]:
    """Return the frames inside a note at which it begins again."""
    if len(onsets) < 3:
        return []
    inner = onsets[1:-1]
    places = np.flatnonzero((inner > onsets[:-2]) & (inner >= onsets[2:]) & (inner >= limits.onset)) + 1
    least = limits.min_frames // 2
    restarts: list[int] = []
    for place in places.tolist():
        if place - (restarts[-1] if restarts else 0) > least and len(onsets) - place > least:
            restarts.append(place)
    return restarts
