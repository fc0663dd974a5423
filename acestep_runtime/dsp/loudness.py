"""Integrated loudness as of Recommendation ITU-R BS.1770-4, measured while audio comes in. 48 kHz only.

Letters: N samples, B gating blocks of 400 ms, each 100 ms after the one before.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio import Samples
from acestep_runtime.units import ENGINE_RATE_HZ

Floats = npt.NDArray[np.float64]

#: The two stages of the K-weighting at 48 kHz (tables 1 and 2): the effect of a head, and a high-pass; b0 b1 b2 a0 a1 a2.
K_WEIGHTING = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)
#: What silence measures: the absolute gate.
SILENT_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_STEP = ENGINE_RATE_HZ // 10


class LoudnessMeter:
    """Takes blocks of audio of any length and tells how loud all of it is. Keeps ten numbers a second."""

    def __init__(self) -> None:
        self._state: Floats | None = None
        self._left = np.zeros(0)
        self._steps: list[Floats] = []

    def hear(self, samples: Samples) -> None:
        """Take the next ``[n, C]`` samples at 48 kHz, C of 1 or 2; channels count alike (left and right)."""
        from scipy.signal import sosfilt

        if not len(samples):
            return
        sos = np.array(K_WEIGHTING)
        if self._state is None:
            self._state = np.zeros((len(sos), 2, samples.shape[1]))
        weighted, self._state = sosfilt(sos, samples.astype(np.float64), axis=0, zi=self._state)
        power = np.concatenate([self._left, (weighted**2).sum(axis=1)])
        whole = len(power) // _STEP * _STEP
        self._steps.append(power[:whole].reshape(-1, _STEP).mean(axis=1))
        self._left = power[whole:]

    def integrated_lufs(self) -> float:
        """Return the gated loudness of what was heard, `SILENT_LUFS` for silence. Under 400 ms, that of all there is."""
        steps = np.concatenate([*self._steps, np.zeros(0)])
        if len(steps) < 4:
            power = np.concatenate([np.repeat(steps, _STEP), self._left])
            blocks = np.array([power.mean()]) if len(power) else np.zeros(0)
        else:
            blocks = np.convolve(steps, np.full(4, 0.25), "valid")
        loud = blocks[_lufs(blocks) > SILENT_LUFS]
        if not len(loud):
            return SILENT_LUFS
        gate = _lufs(loud.mean()) + _RELATIVE_GATE_LU
        return float(_lufs(loud[_lufs(loud) > gate].mean()))


def loudness_lufs(blocks: Iterable[Samples]) -> float:
    """Return the integrated loudness of audio at 48 kHz that comes in blocks ``[n, C]``."""
    meter = LoudnessMeter()
    for block in blocks:
        meter.hear(block)
    return meter.integrated_lufs()


def _lufs(power: npt.ArrayLike) -> Floats:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-20)))
