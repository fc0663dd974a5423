"""What the result shares with the source, sample by sample: a copy of it, or a stem that is in it.

Letters: N samples, B blocks, F bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.onsets import RATE_HZ, Floats

Mono = npt.NDArray[np.float32]

#: Furthest lag that is looked for, in seconds: a copy may be late.
REACH_S = 0.5
#: Bands that are compared on their own, in Hz.
BANDS_HZ = (40.0, 300.0, 2000.0, 8000.0)
#: A band with less of the result's power is not judged.
_LEAST_SHARE = 0.02
_BLOCK = 1 << 16
_FINE_BLOCK = 1 << 12


@dataclass(frozen=True)
class Copy:
    """``lag_s`` is the lag at which result and source are most alike; late is positive. ``sharpness`` is how much more alike
    they are there than at all other lags (6 and more is a find, noise has 4 to 5). ``correlation`` ``[3]`` is the correlation
    of each of `BANDS_HZ` at that lag, ``gain`` ``[3]`` the level at which the result is in the source, ``share`` ``[3]`` the
    share of the result's power there."""

    lag_s: float
    sharpness: float
    correlation: Floats
    gain: Floats
    share: Floats

    @property
    def share_of_copy(self) -> float:
        """The share of the result's power that is a copy of the source, 0 to 1."""
        return float(self.share @ np.maximum(0.0, self.correlation) ** 2)

    @property
    def inside_share(self) -> float:
        """How much of the result is in the source: 1 where it is one of the parts that add up to it, 0 where none of it is."""
        return float(self.share @ np.clip(self.gain, 0.0, 1.0))


def compare_samples(source: Mono, result: Mono) -> Copy:
    """Compare two recordings ``[N]`` at 22.05 kHz."""
    lag, sharpness = _best_lag(source, result)
    length = min(len(source), len(result)) - abs(lag)
    ours, theirs = result[max(0, lag) :][:length], source[max(0, -lag) :][:length]
    return Copy(lag / RATE_HZ, sharpness, *_compare_bands(theirs, ours))


def _best_lag(source: Mono, result: Mono) -> tuple[int, float]:
    """Return the lag in samples of the greatest correlation, and its height in standard deviations of all lags.

    The spectra are levelled half way to white, so that a loud bass does not decide alone.
    """
    from scipy.fft import irfft, rfft

    reach = round(REACH_S * RATE_HZ)
    size = 2 * _BLOCK
    cross: npt.NDArray[np.complex128] = np.zeros(size // 2 + 1, np.complex128)
    power = np.zeros(size // 2 + 1)
    for at in range(0, len(result), _BLOCK):
        ours = rfft(result[at : at + _BLOCK], size)
        wide = source[max(0, at - reach) : at + _BLOCK + reach]
        theirs = rfft(np.pad(wide, (max(0, reach - at), 0)), size)
        cross += ours * np.conj(theirs)
        power += np.abs(ours) * np.abs(theirs)
    smooth = np.convolve(power, np.ones(257) / 257, "same")
    correlation = irfft(cross / np.sqrt(smooth + 1e-9 * float(power.max()) + 1e-20), size)
    # The source of a block begins ``reach`` before it.
    lags = np.arange(-reach, reach + 1)
    values = correlation[(lags - reach) % size]
    best = int(np.abs(values).argmax())
    return int(lags[best]), float(abs(values[best]) / max(1e-20, float(np.sqrt(np.mean(values**2)))))


def _compare_bands(source: Mono, result: Mono) -> tuple[Floats, Floats, Floats]:
    """Return correlation, gain and share of power of each band."""
    from scipy.fft import rfft

    edges = np.rint(np.array(BANDS_HZ) * _FINE_BLOCK / RATE_HZ).astype(int)
    sums = np.zeros((3, len(edges) - 1))
    window = np.hanning(_FINE_BLOCK).astype(np.float32)
    for at in range(0, max(1, len(result) - _FINE_BLOCK + 1), 64 * _FINE_BLOCK):
        ours, theirs = (rfft(_frames(x[at : at + 64 * _FINE_BLOCK]) * window) for x in (result, source))
        for row, product in enumerate((ours * np.conj(theirs), np.abs(ours) ** 2, np.abs(theirs) ** 2)):
            total = product.real.sum(axis=0)
            sums[row] += [float(total[low:high].sum()) for low, high in pairwise(edges)]
    both, own, other = sums
    share = own / max(1e-20, float(own.sum()))
    share = np.where(share >= _LEAST_SHARE, share, 0.0)
    return both / np.sqrt(own * other + 1e-20), both / (own + 1e-20), share / max(1e-9, float(share.sum()))


def _frames(part: Mono) -> Mono:
    whole = max(1, len(part) // _FINE_BLOCK)
    return np.resize(np.pad(part, (0, max(0, _FINE_BLOCK - len(part)))), (whole, _FINE_BLOCK))
