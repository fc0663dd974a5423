"""The true chords of a song, beat by beat, from its notes. What the engine hears is compared with these.

Notes are weighed by how long they sound in a beat and how hard they are played. A triad gains by its own pitch classes and
by its root in the bass, and loses by all others; the best path over the beats changes chord rather at a bar than within one
(Viterbi 1967). A beat has a chord only where the notes leave no doubt: a fifth without a third has none.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: A root (C = 0) and "" for a major or "m" for a minor triad; None where no triad is clear.
Chord = tuple[int, str] | None

TRIADS = tuple((root, quality) for quality in ("", "m") for root in range(12))
_THIRD = {"": 4, "m": 3}
_BASS_GAIN, _OUTSIDE_LOSS = 0.35, 0.9
#: What a change of chord costs: at a bar, in the middle of one, at another beat.
_CHANGE_COSTS = (0.15, 0.3, 0.6)
#: A chord is clear where its tones have this share of all weight and every other triad this much less, where its root, third
#: and fifth have these shares, and where a beat holds this weight of notes.
_CLEAR_SHARE, _CLEAR_MARGIN, _LEAST_TONES, _LEAST_WEIGHT = 0.8, 0.12, (0.1, 0.08, 0.05), 0.4


def weigh_beats(notes: Iterable[tuple[float, float, int, int]], beats_s: Floats) -> tuple[Floats, Floats]:
    """Return the weight of each pitch class in each span between beats, ``[B - 1, 12]``, and that of the lowest notes.

    ``notes`` are (start_s, end_s, pitch, velocity). A weight of 1 is one note at full velocity for a whole beat.
    """
    count = max(0, len(beats_s) - 1)
    weights, bass = np.zeros((count, 12)), np.zeros((count, 12))
    lowest: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for start_s, end_s, pitch, velocity in notes:
        first = max(0, int(np.searchsorted(beats_s, start_s, side="right")) - 1)
        for beat in range(first, count):
            overlap_s = min(end_s, beats_s[beat + 1]) - max(start_s, beats_s[beat])
            if overlap_s <= 0:
                break
            weight = overlap_s / (beats_s[beat + 1] - beats_s[beat]) * velocity / 127
            weights[beat, pitch % 12] += weight
            lowest[beat].append((pitch, weight))
    for beat, sounding in enumerate(lowest):
        if sounding:
            bottom = min(pitch for pitch, weight in sounding if weight >= 0.1 * max(w for _, w in sounding))
            for pitch, weight in sounding:
                if pitch <= bottom + 3:
                    bass[beat, pitch % 12] += weight
    return weights, bass


def name_chords(
    notes: Iterable[tuple[float, float, int, int]], beats_s: Floats, bar_places: npt.NDArray[np.int64], meter: int
) -> tuple[Chord, ...]:
    """Return the chord of each span between beats. ``bar_places`` says for each beat the how-manieth of its bar it is, from 0.

    ``notes`` are those of pitched players, as in `weigh_beats`; ``meter`` is the number of beats in a bar.
    """
    weights, bass = weigh_beats(notes, beats_s)
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    tones = np.array(
        [[(pc - root) % 12 in (0, _THIRD[quality], 7) for pc in range(12)] for root, quality in TRIADS], float
    )
    share = weights / total @ tones.T
    roots = np.array([root for root, _ in TRIADS])
    low = bass / np.maximum(bass.sum(axis=1, keepdims=True), 1e-9)
    thirds = np.array([(root + _THIRD[quality]) % 12 for root, quality in TRIADS])
    part = weights / total
    gains = share - _OUTSIDE_LOSS * (1 - share) + _BASS_GAIN * low[:, roots] + 0.3 * np.sqrt(part[:, thirds])
    gains[weights.sum(axis=1) < 0.05] = 0.0
    path = _best_path(gains, bar_places, meter)
    return tuple(_clear_chords(path, weights, tones))


def _best_path(gains: Floats, bar_places: npt.NDArray[np.int64], meter: int) -> list[int]:
    if not len(gains):
        return []
    best, came_from = gains[0], []
    for beat in range(1, len(gains)):
        place = int(bar_places[beat])
        middle = meter % 2 == 0 and place == meter // 2
        cost = _CHANGE_COSTS[0 if place == 0 else 1 if middle else 2]
        top = int(np.argmax(best))
        stay = best >= best[top] - cost
        came_from.append(np.where(stay, np.arange(len(best)), top))
        best = np.where(stay, best, best[top] - cost) + gains[beat]
    path = [int(np.argmax(best))]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return path[::-1]


def _clear_chords(path: list[int], weights: Floats, tones: Floats) -> list[Chord]:
    """Return the chords of a path, judged stretch by stretch; a beat keeps it where half of its own notes belong to it."""
    chords: list[Chord] = []
    begin = 0
    for end in range(1, len(path) + 1):
        if end < len(path) and path[end] == path[begin]:
            continue
        root, quality = TRIADS[path[begin]]
        stretch = weights[begin:end].sum(axis=0)
        share = stretch / max(1e-9, float(stretch.sum()))
        all_shares = tones @ share
        others = np.delete(all_shares, path[begin])
        clear = all_shares[path[begin]] >= max(_CLEAR_SHARE, others.max() + _CLEAR_MARGIN) and all(
            share[(root + step) % 12] >= least
            for step, least in zip((0, _THIRD[quality], 7), _LEAST_TONES, strict=True)
        )
        for beat in range(begin, end):
            total = float(weights[beat].sum())
            own = total >= _LEAST_WEIGHT and weights[beat] @ tones[path[begin]] >= 0.5 * total
            chords.append((root, quality) if clear and own else None)
        begin = end
    return chords
