"""Tracking the sung melody in a spectrogram, and masking the voice along its harmonics.

Letters: K frames, F bins, P candidate pitches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

LOW_HZ, HIGH_HZ = 100.0, 900.0
_PER_SEMITONE = 4
_HARMONICS = 10
#: Fall of a harmonic's weight to the next, after Salamon & Gómez (2012).
_FALL = 0.8
#: Cost of a step of one candidate, in units of the frame's greatest salience.
_STEP_COST = 0.04
_REACH = 6
#: Half width of a harmonic: the lobe of the window, plus vibrato, which grows with frequency.
_LOBE_HZ, _VIBRATO = 14.0, 0.011
#: A voice wavers: share of its energy from 600 Hz up that is not steady. Held keys and pads stay below the first.
_WAVER = (0.10, 0.30)
#: Share of the frame's level that the voice's harmonics must have.
_PRESENCE = (0.08, 0.2)
#: Share of the sung energy that lies in the comb, beyond the share of the spectrum that the comb covers.
_PITCH_SHARE = (0.08, 0.2)
_TINY = 1e-12


def voice_mask(vocal_level: Plane, level: Plane, residual: Plane, bin_hz: float) -> Plane:
    """Return 0 to 1 for each point ``[K, F]``: how likely it is part of a voice.

    ``sung_level`` is the level that may be voice (centred, not percussive, not sustained), ``level`` the total,
    ``residual`` the share of the power that is neither steady nor percussive.
    """
    pitches = candidate_pitches()
    salience = pitch_salience(vocal_level, pitches, bin_hz)
    path = track_pitch(salience)
    f0 = pitches[path].astype(np.float32)
    comb = _comb(f0, vocal_level.shape[1], bin_hz)
    hz = np.arange(vocal_level.shape[1]) * bin_hz
    body, upper = (hz > LOW_HZ) & (hz < 5000), (hz > 600) & (hz < 5000)
    power = level**2
    waver = _share(comb[:, upper] * residual[:, upper] * power[:, upper], comb[:, upper] * power[:, upper])
    presence = _share(comb[:, body] * vocal_level[:, body] ** 2, power[:, body])
    # Noise fills the comb as it fills the gaps: what counts is how much more of the sung energy the comb holds.
    pitch_share = _share(comb[:, body] * vocal_level[:, body] ** 2, vocal_level[:, body] ** 2) - comb[:, body].mean(
        axis=1
    )
    voiced = (
        _ramp(_smooth(waver), *_WAVER)
        * _ramp(_smooth(presence), *_PRESENCE)
        * _ramp(_smooth(pitch_share), *_PITCH_SHARE)
    )
    return np.asarray(comb * voiced[:, None].astype(np.float32))


def candidate_pitches() -> npt.NDArray[np.float64]:
    """Return the candidate pitches in Hz, ``[P]``."""
    steps = int(12 * _PER_SEMITONE * np.log2(HIGH_HZ / LOW_HZ))
    return np.asarray(LOW_HZ * 2 ** (np.arange(steps + 1) / (12 * _PER_SEMITONE)))


def pitch_salience(level: Plane, pitches: npt.NDArray[np.float64], bin_hz: float) -> Plane:
    """Sum the compressed level at each candidate's harmonics, less that halfway between them; ``[K, P]``."""
    compressed = np.sqrt(level)
    out = np.zeros((len(level), len(pitches)), np.float32)
    for harmonic in range(1, _HARMONICS + 1):
        for multiple, sign in ((harmonic, 1.0), (harmonic - 0.5, -0.5)):
            at = pitches * multiple / bin_hz
            inside = at < level.shape[1] - 1
            gain = (sign * _FALL ** (harmonic - 1) * inside).astype(np.float32)
            out += compressed[:, np.where(inside, np.rint(at), 0).astype(int)] * gain
    return np.maximum(out, np.float32(0))


def track_pitch(salience: Plane) -> npt.NDArray[np.int64]:
    """Return the smoothest strong path through ``[K, P]`` (Viterbi; steps of up to `_REACH` candidates, or a jump)."""
    score = salience / np.maximum(salience.max(axis=1, keepdims=True), np.float32(_TINY))
    steps = np.arange(-_REACH, _REACH + 1)
    cost = _STEP_COST * np.abs(steps)
    jump = cost[-1] * 3
    width = score.shape[1]
    back = np.zeros(score.shape, np.int64)
    total = score[0].astype(np.float64)
    for k in range(1, len(score)):
        padded = np.pad(total, _REACH, constant_values=-np.inf)
        near = np.lib.stride_tricks.sliding_window_view(padded, len(steps)) - cost
        choice = near.argmax(axis=1)
        best = near[np.arange(width), choice]
        top = int(total.argmax())
        is_jump = total[top] - jump > best
        back[k] = np.where(is_jump, top, np.arange(width) + steps[choice])
        total = np.where(is_jump, total[top] - jump, best) + score[k]
    return trace_back(total, back)


def trace_back(total: npt.NDArray[np.float64], back: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the best path ``[K]`` from the scores of its ends ``[P]`` and what came before each candidate ``[K, P]``."""
    path = np.empty(len(back), np.int64)
    path[-1] = int(total.argmax())
    for k in range(len(back) - 1, 0, -1):
        path[k - 1] = back[k, path[k]]
    return path


def _comb(f0: Plane, bins: int, bin_hz: float) -> Plane:
    """Return a Gaussian around every harmonic of ``f0`` ``[K]``, ``[K, F]``."""
    hz = (np.arange(bins) * bin_hz).astype(np.float32)
    ratio = hz / f0[:, None]
    away = np.abs(ratio - np.maximum(np.rint(ratio), np.float32(1))) * f0[:, None]
    return np.asarray(np.exp(-0.5 * (away / (_LOBE_HZ + _VIBRATO * hz)) ** 2), np.float32)


def _share(part: Plane, whole: Plane) -> npt.NDArray[np.float64]:
    total = whole.sum(axis=1, dtype=np.float64)
    return np.asarray(part.sum(axis=1, dtype=np.float64) / np.maximum(total, _TINY * max(_TINY, float(total.max()))))


def _smooth(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(curve, 9, mode="nearest"))


def _ramp(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0))
