"""Downbeats and meter. Beats are taken as given, except for the choice between a beat and its off-beat.

Letters: U beats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acestep_runtime.dsp import harmony
from acestep_runtime.dsp.onsets import Floats, Onsets, accent_strength

#: Meters that are told from each other; 2 and 6 are parts and multiples of them.
METERS = (4, 3, 5, 7)
ODD_METERS = (5, 7)
DEFAULT_METER = 4
#: Weight of each kind of evidence for a downbeat.
_WEIGHTS = {"chord change": 1.0, "bass change": 0.6, "low onset": 0.5, "onset": 0.2, "high onset": -0.15}
#: A lead of one meter's score over the next that leaves no doubt, and one that decides between a meter and its half or double.
_SURE, _CLEAR_LEAD = 1.5, 0.4
#: Share of the confidence that stays where a bar of two beats is more likely than one of four.
_LEAST_SHARE = 0.25
#: Greatest deviation of a pattern that counts, and minimum strength of onsets on thirds, relative to those on beats.
_OUTLIER, _THIRDS = 3.0, 0.2
#: Minimum strength of onsets between beats, relative to those on beats, for the harmony to decide between them;
#: minimum ratio of harmonic change there, and minimum difference.
_AS_STRONG, _MORE_CHANGE, _LEAST_CHANGE = 0.75, 1.1, 0.01
#: Prior of chord lengths in beats; minimum excess of change on chord boundaries over change elsewhere,
#: in units of the mean change.
_CHORD_BEATS = {2: 0.92, 3: 1.0, 4: 1.0, 6: 0.96, 8: 0.92}
_CLEAR_CHANGE, _AS_CLEAR = 0.5, 0.75
#: Likelihood of beats between which the harmony changes; minimum number of beats to decide.
_OFF_BEAT, _ENOUGH_BEATS = 0.85, 16
#: Up to this lead, as a share of a sure one, the default meter is used.
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


def change_by_halves(pitches: harmony.Pitches, beats_s: Floats) -> Floats:
    """Return by how much harmony and bass change on each beat and halfway to the next, ``[2U]``."""
    halves_s = half_beats(beats_s)
    bounds_s = np.append(halves_s, 2 * halves_s[-1] - halves_s[-2] + 1e-3)
    changes = (_pitch_change(harmony.mean_per_unit(classes, bounds_s)) for classes in (pitches.full, pitches.bass))
    return np.asarray(sum(changes))


def _changes_off_beat(pitches: harmony.Pitches, beats_s: Floats) -> bool:
    """Whether the harmony changes more halfway between beats than on them, from one half of a beat to the next."""
    change = change_by_halves(pitches, beats_s)
    return bool(change[1::2].mean() > _MORE_CHANGE * change[::2].mean() + _LEAST_CHANGE)


def _middles(beats_s: Floats) -> Floats:
    return np.asarray(beats_s + np.append(np.diff(beats_s), beats_s[-1] - beats_s[-2]) / 2)


def half_beats(beats_s: Floats) -> Floats:
    """Return each beat and the time halfway to the next, ``[2U]``."""
    return np.stack([beats_s, _middles(beats_s)], axis=1).ravel()


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
    return _changes_off_beat(pitches, beats_s)


def harmonic_rhythm(pitches: harmony.Pitches, beats_s: Floats) -> float:
    """Return how likely ``beats_s`` are by the harmony, 0 to 1; 1 if it is inconclusive.

    Chords change on beats, not halfway between them (Goto 2001), and mostly last a bar, sometimes half a bar or two: so
    the harmony decides between a tempo and its half or double (metrical levels jointly: Klapuri et al. 2006).
    """
    if len(beats_s) < _ENOUGH_BEATS:
        return 1.0
    on_beats = _OFF_BEAT if _changes_off_beat(pitches, beats_s) else 1.0
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


@dataclass(frozen=True)
class Meter:
    """Beats per bar, the index (below that) of the first downbeat, and how sure the meter is (0 to 1).

    With ``in_halves`` the beats of the bar are halves of those that were measured, as in 7/8 counted in quarters.
    """

    beats: int
    downbeat: int
    confidence: float
    in_halves: bool = False


def beat_patterns(onsets: Onsets, pitches: harmony.Pitches, beats_s: Floats) -> Floats:
    """Return what happens on each beat and halfway to the next, ``[2U, 5]``: low, high and all onsets, accents, and change of
    harmony, each in standard deviations."""
    if len(beats_s) < 2:
        return np.zeros((0, 5))
    halves_s = half_beats(beats_s)
    bounds_s = np.append(halves_s, 2 * halves_s[-1] - halves_s[-2])
    curves = [onsets.near(curve, halves_s) for curve in (onsets.low, onsets.high, onsets.full, onsets.level)]
    curves.append(_pitch_change(harmony.mean_per_unit(pitches.full, bounds_s)))
    return np.clip(np.stack([_standardise(curve) for curve in curves], axis=1), -_OUTLIER, _OUTLIER)


def repetition(patterns: Floats, halves: int) -> float:
    """Return how well ``patterns`` ``[2U, K]`` repeat after ``halves`` half beats: their autocorrelation, at most 1.

    0 where there are no two spans of that length to compare.
    """
    total = float(np.mean(np.sum(patterns**2, axis=1))) if len(patterns) else 0.0
    if len(patterns) < 2 * halves or total <= 0:
        return 0.0
    return float(np.mean(np.sum(patterns[halves:] * patterns[:-halves], axis=1))) / total


def has_thirds(onsets: Onsets, beats_s: Floats) -> bool:
    """Return whether beats have three parts, each with an onset, as in 6/8; a swung beat has only the first and the third."""
    if len(beats_s) < 2:
        return False
    gaps_s = np.diff(beats_s, append=2 * beats_s[-1] - beats_s[-2])
    on, first, second, half = (
        float(onsets.near(onsets.full, beats_s + part * gaps_s).mean()) for part in (0, 1 / 3, 2 / 3, 1 / 2)
    )
    return min(first, second) > max(_THIRDS * on, half)


def find_meter(
    evidence: Floats, patterns: Floats, first_onset: int, meter: int | None = None, *, thirds: bool = False
) -> Meter:
    """Find the meter. A given ``meter`` is kept, and only its phase is searched.

    ``evidence`` is `downbeat_evidence`, ``patterns`` are `beat_patterns`, ``first_onset`` is the index of the first audible
    beat, ``thirds`` says whether beats have three parts. A meter scores by how much its downbeats stand out, and by how well
    the music repeats after a bar. The lead over the next meter is the confidence; four bars are enough to be sure.

    Two bars of two beats sound like one of four, and are called four with less confidence; beats of three parts are then
    two to a bar, as in 6/8, with as little confidence: others would count six. Two bars of three beats of which the first
    ones stand out are one of six.
    """
    if meter is not None:
        return Meter(meter, _contrast(evidence, first_onset, meter)[1], 1.0)
    contrasts = {beats: _contrast(evidence, first_onset, beats) for beats in (*METERS, 2, 6)}
    scores = {beats: contrasts[beats][0] + repetition(patterns, 2 * beats) for beats in (*METERS, 6)}
    best, *others = sorted(METERS, key=lambda beats: -scores[beats])
    if best == 3 and scores[6] > scores[3] + _CLEAR_LEAD:
        best = 6
    lead = (scores[best] - max(scores[other] for other in others)) / _SURE
    confidence = float(np.clip(lead, 0.0, 1.0) * np.clip(len(evidence) / (4 * best), 0.0, 1.0))
    if lead <= _DOUBTFUL or len(evidence) < 2 * best:
        confidence = confidence if best == DEFAULT_METER and len(evidence) >= 2 * best else 0.0
        best = DEFAULT_METER
    if best == 4 and confidence > 0:
        ahead = contrasts[4][0] - contrasts[2][0]
        if thirds and ahead < 0:
            return Meter(2, contrasts[2][1], confidence * _LEAST_SHARE)
        confidence *= float(np.clip(0.5 + ahead / _CLEAR_LEAD, _LEAST_SHARE, 1.0))
    in_halves = best in ODD_METERS and repetition(patterns, best) > _AS_CLEAR * repetition(patterns, 2 * best)
    return Meter(best, contrasts[best][1], confidence, in_halves)


def _contrast(evidence: Floats, first_onset: int, beats: int) -> tuple[float, int]:
    """Return by how much the first beats of bars stand out from the others, and the index of the first one."""
    by_phase = []
    for phase in range(beats):
        here = np.arange(len(evidence)) % beats == phase
        contrast = float(evidence[here].mean() - evidence[~here].mean()) if 0 < here.sum() < len(here) else 0.0
        by_phase.append(contrast + _FIRST_ONSET * (phase == first_onset % beats))
    best = int(np.argmax(by_phase))
    return by_phase[best], best
