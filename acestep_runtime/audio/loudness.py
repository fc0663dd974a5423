"""Integrated loudness by Recommendation ITU-R BS.1770-4, measured while audio comes in.

Letters: N samples, B gating blocks of 400 ms, each 100 ms after the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.samples import Samples
from acestep_runtime.units import ENGINE_RATE_HZ, ms_to_frames

Floats = npt.NDArray[np.float64]

#: The two stages of the K-weighting as analogue filters, from which the Recommendation's tables for 48 kHz follow (De Man,
#: Evaluation of Implementations of the EBU R128 Loudness Measurement, 2018): the effect of a head, and a high-pass.
_HEAD_HZ, _HEAD_DB, _HEAD_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_LOW_HZ, _LOW_Q = 38.13547087602444, 0.5003270373238773
#: Loudness of silence: the absolute gate.
SILENT_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
#: Distance of the gating blocks.
STEP_MS = 100.0
#: For equal loudness nothing is turned down by more: beside something next to silent, all else would vanish.
MAX_EQUAL_DB = 15.0


def k_weighting(rate_hz: int) -> Floats:
    """Return the K-weighting at a sample rate as second-order sections, rows of b0 b1 b2 1 a1 a2."""
    k = np.tan(np.pi * _HEAD_HZ / rate_hz)
    high = 10 ** (_HEAD_DB / 20)
    middle = high**0.4996667741545416
    whole = 1 + k / _HEAD_Q + k * k
    head = ((high + middle * k / _HEAD_Q + k * k) / whole, 2 * (k * k - high) / whole,
            (high - middle * k / _HEAD_Q + k * k) / whole, 1.0, 2 * (k * k - 1) / whole,
            (1 - k / _HEAD_Q + k * k) / whole)  # fmt: skip
    k = np.tan(np.pi * _LOW_HZ / rate_hz)
    whole = 1 + k / _LOW_Q + k * k
    return np.array([head, (1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / whole, (1 - k / _LOW_Q + k * k) / whole)])


class LoudnessMeter:
    """Measures the integrated loudness of audio in blocks of any length. Stores ten numbers a second."""

    def __init__(self, rate_hz: int = ENGINE_RATE_HZ) -> None:
        self._sos, self._step = k_weighting(rate_hz), ms_to_frames(STEP_MS, rate_hz)
        self._state: Floats | None = None
        self._left = np.zeros(0)
        self._steps: list[Floats] = []

    def push(self, samples: Samples) -> None:
        """Take the next ``[n, C]`` samples, C of 1 or 2; left and right count alike."""
        from scipy.signal import sosfilt

        if not len(samples):
            return
        if self._state is None:
            self._state = np.zeros((len(self._sos), 2, samples.shape[1]))
        weighted, self._state = sosfilt(self._sos, samples.astype(np.float64), axis=0, zi=self._state)
        power = np.concatenate([self._left, (weighted**2).sum(axis=1)])
        whole = len(power) // self._step * self._step
        self._steps.append(power[:whole].reshape(-1, self._step).mean(axis=1))
        self._left = power[whole:]

    def step_powers(self) -> Floats:
        """Return the weighted power, both channels together, of each whole step of `STEP_MS` so far."""
        return np.concatenate([*self._steps, np.zeros(0)])

    def integrated_lufs(self) -> float:
        """Return the gated loudness so far, `SILENT_LUFS` for silence; below 400 ms, the ungated one."""
        steps = self.step_powers()
        if len(steps) < 4:
            power = np.concatenate([np.repeat(steps, self._step), self._left])
            blocks = np.array([power.mean()]) if len(power) else np.zeros(0)
        else:
            blocks = np.convolve(steps, np.full(4, 0.25), "valid")
        loud = blocks[power_to_lufs(blocks) > SILENT_LUFS]
        if not len(loud):
            return SILENT_LUFS
        gate = power_to_lufs(loud.mean()) + _RELATIVE_GATE_LU
        return float(power_to_lufs(loud[power_to_lufs(loud) > gate].mean()))


def loudness_lufs(blocks: Iterable[Samples], rate_hz: int = ENGINE_RATE_HZ) -> float:
    """Return the integrated loudness of audio that comes in blocks ``[n, C]``."""
    meter = LoudnessMeter(rate_hz)
    for block in blocks:
        meter.push(block)
    return meter.integrated_lufs()


def equal_levels_db(loudness: Sequence[float]) -> list[float]:
    """Return the level, 0 dB or below, of each recording at which all are equally loud; ``loudness`` is in LUFS.

    The louder ones are turned down to the quietest that is not `MAX_EQUAL_DB` below the loudest. Nothing is turned up, so
    nothing clips; what is silent or far below stays as it is.
    """
    loudest = max((lufs for lufs in loudness if lufs > SILENT_LUFS), default=SILENT_LUFS)
    near = [lufs for lufs in loudness if lufs > SILENT_LUFS and lufs >= loudest - MAX_EQUAL_DB]
    quietest = min(near, default=loudest)
    return [min(0.0, quietest - lufs) if lufs > SILENT_LUFS else 0.0 for lufs in loudness]


def power_to_lufs(power: npt.ArrayLike) -> Floats:
    """Return the loudness of a weighted power, both channels together."""
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-20)))
