"""Downbeats and meter. Beats are taken as given, except for the choice between a beat and its off-beat.

Letters: U beats.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.dsp import harmony
from acestep_runtime.dsp.onsets import Floats, Onsets, accent_strength

METERS = (4, 3)
DEFAULT_METER = 4
#: Weight of each kind of evidence for a downbeat.
_WEIGHTS = {"chord change": 1.0, "bass change": 0.6, "low onset": 0.5, "onset": 0.2, "high onset": -0.15}
#: A downbeat score that leaves no doubt, in standard deviations of the evidence.
_SURE = 1.5
#: Minimum strength of onsets between beats, relative to those on beats, for the harmony to decide between them;
#: minimum ratio of harmonic change there, and minimum difference.
_AS_STRONG, _MORE_CHANGE, _LEAST_CHANGE = 0.75, 1.1, 0.01
#: Prior of chord lengths in beats; minimum excess of change on chord boundaries over change elsewhere,
#: in units of the mean change.
_CHORD_BEATS = {2: 0.92, 3: 1.0, 4: 1.0, 6: 0.96, 8: 0.92}
_CLEAR_CHANGE, _AS_CLEAR = 0.5, 0.75
#: Likelihood of beats between which the harmony changes; minimum number of beats to decide.
_OFF_BEAT, _ENOUGH_BEATS = 0.85, 16
#: Up to this confidence the default meter is used.
_DOUBTFUL = 0.2
#: Bonus, in standard deviations, for a first bar that begins with the first onset.
_FIRST_ONSET = 0.25


def _standardise(values: Floats) -> Floats:
    """Centre and scale to unit deviation, without amplifying differences below a tenth of the greatest value."""
    spread = max(float(values.std()), 0.1 * float(np.abs(values).max(initial=0.0)))
    return (values - values.mean()) / spread if spread > 1e-6 else np.zeros_like(values)


def _pitch_change(classes: Floats) -> Floats:
    """Return 1 minus the cosine between the pitch classes before and after each unit's start, ``[U]``.

    The first unit has no predecessor and gets the mean.
    """
    unit = classes / np.maximum(1e-9, np.linalg.norm(classes, axis=1, keepdims=True))
    change = 1.0 - np.sum(unit[1:] * unit[:-1], axis=1)
    change[np.linalg.norm(unit[1:], axis=1) * np.linalg.norm(unit[:-1], axis=1) < 0.5] = 0.0
    return np.concatenate([[change.mean() if len(change) else 0.0], change])


def downbeat_evidence(onsets: Onsets, pitches: harmony.Pitches, beats_s: Floats, end_s: float) -> Floats:
    """Return the evidence for each beat ``[U]`` being a downbeat, in standard deviations."""
    bounds_s = np.append(beats_s, max(end_s, beats_s[-1] + 1e-3))
    signs = {
        "chord change": _pitch_change(harmony.mean_per_unit(pitches.full, bounds_s)),
        "bass change": _pitch_change(harmony.mean_per_unit(pitches.bass, bounds_s)),
        "low onset": onsets.near(onsets.low, beats_s),
        "onset": onsets.near(onsets.full, beats_s),
        "high onset": onsets.near(onsets.high, beats_s),
    }
    return np.asarray(sum(weight * _standardise(signs[name]) for name, weight in _WEIGHTS.items()))


def _changes_off_beat(pitches: harmony.Pitches, beats_s: Floats, middles_s: Floats) -> bool:
    """Whether the harmony changes more halfway between beats than on them, from one half of a beat to the next."""
    bounds_s = np.append(np.stack([beats_s, middles_s], axis=1).ravel(), 2 * middles_s[-1] - beats_s[-1] + 1e-3)
    change = np.asarray(
        sum(_pitch_change(harmony.mean_per_unit(classes, bounds_s)) for classes in (pitches.full, pitches.bass))
    )
    return bool(change[1::2].mean() > _MORE_CHANGE * change[::2].mean() + _LEAST_CHANGE)


def _middles(beats_s: Floats) -> Floats:
    return np.asarray(beats_s + np.append(np.diff(beats_s), beats_s[-1] - beats_s[-2]) / 2)


def is_half_beat_off(onsets: Onsets, pitches: harmony.Pitches, beats_s: Floats) -> bool:
    """Return whether the true beats lie halfway between ``beats_s``: onsets are as strong there, and the harmony changes.

    Onsets do not separate beat and off-beat where hi-hats and stabs answer every kick, as in dance music.
    Chords change on beats (Goto 2001).
    """
    if len(beats_s) < _ENOUGH_BEATS:
        return False
    middles_s = _middles(beats_s)
    strength = accent_strength(onsets)
    if onsets.near(strength, middles_s).mean() < _AS_STRONG * onsets.near(strength, beats_s).mean():
        return False
    return _changes_off_beat(pitches, beats_s, middles_s)


def harmonic_rhythm(pitches: harmony.Pitches, beats_s: Floats) -> float:
    """Return how likely ``beats_s`` are by the harmony, 0 to 1; 1 if it is inconclusive.

    Chords change on beats, not halfway between them (Goto 2001), and mostly last a bar, sometimes half a bar or two: so
    the harmony decides between a tempo and its half or double (metrical levels jointly: Klapuri et al. 2006).
    """
    if len(beats_s) < _ENOUGH_BEATS:
        return 1.0
    on_beats = _OFF_BEAT if _changes_off_beat(pitches, beats_s, _middles(beats_s)) else 1.0
    change = _pitch_change(harmony.mean_per_unit(pitches.full, beats_s))
    place = np.arange(len(change))
    contrasts = {}
    for beats in _CHORD_BEATS:
        means = [float(change[place % beats == phase].mean()) for phase in range(beats)]
        best = int(np.argmax(means))
        contrasts[beats] = means[best] - float(change[place % beats != best].mean())
    greatest = max(contrasts.values())
    if greatest < _CLEAR_CHANGE * max(1e-9, float(change.mean())):
        return on_beats
    # Multiples of the chord length stand out more still: take the shortest that is nearly as clear.
    return on_beats * next(usual for beats, usual in _CHORD_BEATS.items() if contrasts[beats] > _AS_CLEAR * greatest)


def find_meter(evidence: Floats, first_onset: int, meter: int | None = None) -> tuple[int, int, float]:
    """Return beats per bar, the index (below that) of the first downbeat, and how sure the meter is (0 to 1).

    ``evidence`` is `downbeat_evidence`, ``first_onset`` the index of the first audible beat. A given ``meter`` is kept.
    Otherwise the choice is between 3 and 4; 2 and 6 are used only when given, since a bar of 2 or
    6 sounds like half or two of them.
    """
    scores: dict[int, tuple[float, int]] = {}
    for beats in METERS if meter is None else (meter,):
        by_phase = []
        for phase in range(beats):
            here = np.arange(len(evidence)) % beats == phase
            contrast = float(evidence[here].mean() - evidence[~here].mean()) if 0 < here.sum() < len(here) else 0.0
            by_phase.append(contrast + _FIRST_ONSET * (phase == first_onset % beats))
        best = int(np.argmax(by_phase))
        scores[beats] = (by_phase[best], best)
    if meter is not None:
        return meter, scores[meter][1], 1.0
    ranked = sorted(scores, key=lambda beats: -scores[beats][0])
    lead = scores[ranked[0]][0] - scores[ranked[1]][0]
    enough = len(evidence) >= 2 * max(METERS)
    confidence = float(np.clip(lead / _SURE, 0.0, 1.0)) if enough else 0.0
    best_meter = ranked[0] if confidence > _DOUBTFUL else DEFAULT_METER
    return best_meter, scores[best_meter][1], confidence
