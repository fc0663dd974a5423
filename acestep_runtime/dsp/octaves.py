"""The beat among tempi an octave apart: a pulse, half of it, or twice of it.

Onsets alone do not tell a slow song with busy hi-hats from a fast one. Bars and chords do: they mostly last three or four
beats. What repeats after four of the faster beats is a bar of these; what repeats only after eight is a bar of the slower ones.
Each sign says something about the odds. Their weights come from a logistic regression, so the odds are also a measure of doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from acestep_runtime.certainty import LIMITS
from acestep_runtime.dsp import harmony, meter, tempo
from acestep_runtime.dsp.onsets import Floats, Onsets, count_onsets

#: Usual lengths of bars in beats, each with its handicap: six beats are mostly two bars of three. Usual lengths of chords.
_BARS = {**dict.fromkeys(meter.METERS, 0.0), 6: 0.2}
_CHORDS = (4, 3)
#: Minimum number of beats of the slower tempo to tell.
_ENOUGH_BEATS = 6
#: Log odds that the faster of two tempi is the beat: without any sign, and for each sign of `find_signs`. They were fitted on
#: songs of the tuning half of `make quality`, songs of the draft engine and of the suite at 60 to 180 bpm, and clicks.
_BASE = 0.0
_WEIGHTS = {"fast": -3.0, "onsets": 0.85, "covered": 2.7, "bars": 6.7, "chords": 3.7}
#: Greatest lead of bars that counts: no sign alone outweighs all others.
_CLEAR_BARS = 0.5
#: Log odds that the given pulse is the beat, rather than one of the others: it was chosen by its accents.
_GIVEN = 1.0
#: Probability from which on an octave is sure, and one that leaves no doubt.
_SURE = (0.8, 0.9)
#: An onset counts in full from this share of the usual strength on.
_FAINT = 0.25


@dataclass(frozen=True)
class Octave:
    """The likeliest pulse, its probability, and the tempo of the next likely one in bpm, if there is another."""

    pulse: tempo.Pulse
    probability: float = 1.0
    other_bpm: float | None = None

    @property
    def confidence(self) -> float:
        """How certain the octave is, as a confidence of `acestep_runtime.certainty`: never less than "perhaps"."""
        perhaps, sure = LIMITS["tempo"]
        return float(np.clip(np.interp(self.probability, (0.0, *_SURE), (0.0, sure, 1.0)), perhaps, 1.0))


def find_octave(onsets: Onsets, pitches: harmony.Pitches, pulse: tempo.Pulse, duration_s: float) -> Octave:
    """Return the likeliest of a pulse, the one with half and the one with twice as many beats, within `tempo.BPM_RANGE`."""
    if pulse.confidence == 0 or len(pulse.beats_s) < _ENOUGH_BEATS:
        return Octave(pulse)
    evidence = meter.downbeat_evidence(onsets, pitches, pulse.beats_s, duration_s)
    slower = tempo.join_beats(pulse, duration_s, int(evidence[1::2].mean() > evidence[::2].mean()))
    faster = tempo.halve_beats(pulse, duration_s)
    lowest, highest = tempo.BPM_RANGE
    pulses = [(_GIVEN, pulse)]
    if 60.0 / slower.period_s >= lowest and len(slower.beats_s) >= _ENOUGH_BEATS:
        pulses.append((-log_odds(find_signs(onsets, pitches, slower, duration_s)), slower))
    if 60.0 / faster.period_s <= highest and len(pulse.beats_s) >= _ENOUGH_BEATS:
        pulses.append((log_odds(find_signs(onsets, pitches, pulse, duration_s)), faster))
    pulses.sort(key=lambda each: -each[0])
    probability = 1.0 / sum(float(np.exp(odds - pulses[0][0])) for odds, _ in pulses)
    return Octave(pulses[0][1], probability, 60.0 / pulses[1][1].period_s if len(pulses) > 1 else None)


def log_odds(signs: Mapping[str, float]) -> float:
    """Return the log odds that the faster beat is the beat."""
    return _BASE + sum(weight * signs[name] for name, weight in _WEIGHTS.items())


def find_signs(onsets: Onsets, pitches: harmony.Pitches, slower: tempo.Pulse, duration_s: float) -> dict[str, float]:
    """Return the signs that the beat is twice as fast as ``slower``.

    "fast" is how fast that is, in octaves above `tempo.DEFAULT_BPM`. "onsets" is the number of onsets to a faster beat, in
    octaves. "covered" is the share of the added beats that have an onset. "bars" is how much better the music repeats after a
    bar of faster beats than after one of slower beats. "chords" says which of these bars the chords last.
    """
    halves_s = meter.half_beats(slower.beats_s)
    patterns = meter.beat_patterns(onsets, pitches, slower.beats_s)
    variety = min(1.0, float(np.mean(patterns**2)))  # equal strokes repeat after any number of beats
    change = meter.change_by_halves(pitches, slower.beats_s)
    near = onsets.near(onsets.full, halves_s)
    usual = max(1e-9, _FAINT * float(np.quantile(near, 0.8)))
    return {
        "fast": float(np.log2(120.0 / slower.period_s / tempo.DEFAULT_BPM)),
        "onsets": float(np.log2(max(1, count_onsets(onsets)) / duration_s * slower.period_s / 2)),
        "covered": float(np.minimum(1.0, near[1::2] / usual).mean()),
        "bars": variety * _lead(lambda beats: meter.repetition(patterns, beats)),
        "chords": max((_change_between(change, 2 * beats) for beats in _CHORDS), key=abs),
    }


def _lead(repetition: Callable[[int], float]) -> float:
    """Return how much better music repeats after a bar of faster beats than after one of slower beats."""
    faster, slower = (max(repetition(n * beats) - less for beats, less in _BARS.items()) for n in (1, 2))
    return float(np.clip(faster - slower, -_CLEAR_BARS, _CLEAR_BARS))


def _change_between(change: Floats, beats: int) -> float:
    """Return whether the harmony also changes halfway between changes that are ``beats`` apart: 0.5 if so, -0.5 if not.

    0 where nothing is to be said: there are too few beats, or no beats stand out at which the harmony changes.
    """
    if len(change) < 2 * beats:
        return 0.0
    means = np.array([float(change[first::beats].mean()) for first in range(beats)])
    best = int(means.argmax())
    middle = (best + beats // 2) % beats
    elsewhere = float(np.delete(means, [best, middle]).mean())
    rise = float(means[best]) - elsewhere
    if rise <= 0:
        return 0.0
    clear = min(1.0, rise / (2 * float(means.mean())))
    return clear * float(np.clip((means[middle] - elsewhere) / rise - 0.5, -0.5, 0.5))
