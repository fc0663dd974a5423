"""What the result plays, against the source: tuning, key and chords. Only for pitched sounds.

Letters: U units of time (half bars), 12 pitch classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acestep_runtime.certainty import is_reported
from acestep_runtime.dsp.harmony import Pitches, mean_per_unit
from acestep_runtime.dsp.musical import Analysis
from acestep_runtime.dsp.onsets import Floats
from acestep_runtime.dsp.progressions import SCALES, chord_tones
from acestep_runtime.fit.parts import ramp

#: Least tonal share and closeness to a tuning of what has pitch (see `harmony.Pitches`).
_TONAL, _IN_TUNE = 0.01, 0.3
#: Units shorter than this are joined.
_SHORTEST_UNIT_S = 0.7
#: Weights of the source's pitch classes, its chords and its scale in what is expected.
_PITCHES, _CHORDS, _SCALE = 1.0, 0.7, 0.35
#: Lead of another key over the source's at which it is noticed, and at which it is certain.
_OTHER_KEY = (0.04, 0.18)
#: Likeness to what is expected of a wrong chord, and of a right one.
_LIKE = (0.0, 0.3)
#: Cents that nobody minds, and the further ones that halve the part.
_FREE_CENTS, _HALF_CENTS = 12.0, 18.0


@dataclass(frozen=True)
class Tonality:
    """``cents`` is how much higher the result is than the source, in any key, −600 to 600; ``fine_cents`` the same to the
    nearest semitone, −50 to 50, ``None`` where a tuning cannot be told; ``lead`` is how much better another key than that of
    the source suits it (0 where none does), ``likeness`` its likeness to what the source leads to expect, −1 to 1."""

    cents: float
    fine_cents: float | None
    lead: float
    likeness: float

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the fit: tuning, key and chords."""
        parts = {"key": 1 - ramp(self.lead, *_OTHER_KEY), "chords": 0.2 + 0.8 * ramp(self.likeness, *_LIKE)}
        if self.fine_cents is not None:
            parts["tuning"] = 1 / (1 + (max(0.0, abs(self.fine_cents) - _FREE_CENTS) / _HALF_CENTS) ** 2)
        return parts


def measure_tonality(
    analysis: Analysis, source: Pitches, result: Pitches, start_s: float, length_s: float
) -> Tonality | None:
    """Return how the result's pitches fit those of the source; ``None`` without pitch.

    Both are of the ``length_s`` seconds from ``start_s`` on, in the time of the analysis.
    """
    if not (_is_pitched(source) and _is_pitched(result)):
        return None
    bounds_s = _units(analysis, start_s, length_s)
    if len(bounds_s) < 3:
        return None
    expected = _classes_to_expect(analysis, source, bounds_s, start_s)
    played, level = mean_per_unit(result.full, bounds_s), mean_per_unit(result.level, bounds_s)
    weight = np.minimum(level / max(1e-9, float(np.quantile(level, 0.8))), 1.0) * np.linalg.norm(expected, axis=1)
    if weight.sum() < 2:
        return None
    played = _centre(played)
    likeness = np.array([(played * np.roll(expected, turn, axis=1)).sum(axis=1) @ weight for turn in range(12)])
    likeness /= weight.sum()
    turn = int(likeness.argmax())
    lead = float(likeness[turn] - likeness[0])
    fine = (result.tuning - source.tuning + 0.5) % 1.0 - 0.5
    semitones = turn if lead > _OTHER_KEY[0] else 0
    cents = (100 * (semitones + fine) + 600) % 1200 - 600
    return Tonality(float(cents), 100 * float(fine), lead, float(likeness[0]))


def _is_pitched(pitches: Pitches) -> bool:
    return pitches.tonal >= _TONAL and pitches.in_tune >= _IN_TUNE


def _units(analysis: Analysis, start_s: float, length_s: float) -> Floats:
    """Return the bounds of the units in seconds from ``start_s`` on: half bars, or short bars; seconds without bars."""
    bars_s = np.asarray(analysis.downbeats_s) - start_s
    if len(bars_s) < 2 or not is_reported("beats", analysis.confidence):
        return np.arange(0.0, length_s + 1e-6, 1.0)
    if float(np.median(np.diff(bars_s))) >= 2 * _SHORTEST_UNIT_S:
        bars_s = np.sort(np.concatenate([bars_s, (bars_s[1:] + bars_s[:-1]) / 2]))
    inside = bars_s[(bars_s > 0.3) & (bars_s < length_s - 0.3)]
    return np.concatenate([[0.0], inside, [length_s]])


def _classes_to_expect(analysis: Analysis, source: Pitches, bounds_s: Floats, start_s: float) -> Floats:
    """Return what the source leads to expect, ``[U, 12]``, each row with mean 0."""
    expected = _PITCHES * _centre(mean_per_unit(source.full, bounds_s))
    if is_reported("key", analysis.confidence):
        chords = np.zeros_like(expected)
        for chord in analysis.chords:
            tones = np.zeros(12)
            tones[list(chord_tones((chord.root, chord.quality)))] = 1.0
            tones[chord.root] += 0.5
            shared_s = np.minimum(bounds_s[1:], chord.end_s - start_s) - np.maximum(
                bounds_s[:-1], chord.start_s - start_s
            )
            chords += np.maximum(0.0, shared_s)[:, None] * tones
        scale = np.zeros(12)
        scale[[(analysis.key.tonic + step) % 12 for step in SCALES[analysis.key.mode]]] = 1.0
        expected = expected + _CHORDS * _centre(chords) + _SCALE * _centre(scale[None])
    return _centre(expected)


def _centre(rows: Floats) -> Floats:
    """Return rows with mean 0 and length 1; a row without variation is 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(1e-9, np.linalg.norm(centred, axis=1, keepdims=True)))
