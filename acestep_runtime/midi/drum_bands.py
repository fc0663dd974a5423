"""The bands in which drums are found: power in time and frequency, and the levels of it that the network reads.

Levels are relative to the recording, so its gain changes nothing. Letters: N samples, K frames of `HOP` samples, B = `BANDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from acestep_runtime.units import ENGINE_RATE_HZ

#: Samples between frames, 10 ms.
HOP = 480
FRAME_S = HOP / ENGINE_RATE_HZ
BANDS = 56

_FFT = 2048
#: Frames that are transformed at a time.
_CHUNK = 1024
_LOW_HZ, _HIGH_HZ = 25.0, 16_000.0
#: Below this frequency bands are evenly spaced, above it they are parts of an octave.
_KNEE_HZ = 250.0
#: The loudest frames of a recording: levels are relative to the power that this share of its frames stays below.
_LOUD = 0.99
#: Levels are 0 at this power relative to loud frames and below, and 1 at theirs.
_FLOOR = 1e-6
#: Recordings whose bands have no more power than this are silent.
_SILENCE = 1e-10

Plane = npt.NDArray[np.float32]


def band_powers(mono: npt.NDArray[np.float32], check: Callable[[], None], report: Callable[[float], None]) -> Plane:
    """Return the power ``[K, B]`` in each band of ``[N]`` samples at 48 kHz; high bands weigh more, as they are weaker.

    ``check`` is called before each block of frames, ``report`` after it with the fraction done.
    """
    from scipy.fft import rfft

    count = -(-len(mono) // HOP)
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    filters = _filters()
    power = np.zeros((count, BANDS), np.float32)
    for first in range(0, count, _CHUNK):
        check()
        last = min(count, first + _CHUNK)
        start, stop = first * HOP - _FFT // 2, (last - 1) * HOP + _FFT // 2
        part = np.nan_to_num(mono[max(0, start) : stop], posinf=0.0, neginf=0.0)
        before = max(0, -start)
        part = np.pad(part, (before, stop - start - before - len(part)))
        frames = np.lib.stride_tricks.sliding_window_view(part, _FFT)[::HOP]
        spectra = rfft(frames * window)
        power[first:last] = (np.square(spectra.real) + np.square(spectra.imag)) @ filters
        report(last / count)
    return power


def is_silent(power: Plane) -> bool:
    """Return whether a recording holds nothing that a stroke could be."""
    return not power.size or float(power.sum(axis=1).max()) <= _SILENCE


def to_levels(power: Plane) -> Plane:
    """Return powers ``[K, B]`` as levels on a scale of decibels: 1 where loud frames of the recording are, 0 at 60 dB less."""
    loud = max(_SILENCE, float(np.quantile(power.sum(axis=1), _LOUD)))
    return np.asarray(1 - np.log10(power / np.float32(loud) + np.float32(_FLOOR)) / np.log10(_FLOOR), np.float32)


@cache
def band_centres_hz() -> npt.NDArray[np.float64]:
    """Return the centre of each band, ``[B]``."""
    return _edges_hz()[1:-1]


def _edges_hz() -> npt.NDArray[np.float64]:
    low, high = np.log1p(_LOW_HZ / _KNEE_HZ), np.log1p(_HIGH_HZ / _KNEE_HZ)
    return np.asarray(_KNEE_HZ * np.expm1(np.linspace(low, high, BANDS + 2)))


@cache
def _filters() -> Plane:
    """Return triangles over the bins of a spectrum, ``[_FFT / 2 + 1, B]``, each at least two bins wide."""
    hz, edges = np.fft.rfftfreq(_FFT, 1 / ENGINE_RATE_HZ), _edges_hz()
    centres = edges[1:-1]
    bin_hz = ENGINE_RATE_HZ / _FFT
    below, above = (np.maximum(bin_hz, each) for each in (centres - edges[:-2], edges[2:] - centres))
    distance = hz[:, None] - centres
    shape = np.maximum(0, 1 - np.where(distance < 0, -distance / below, distance / above))
    # Power per band falls by about 3 dB an octave in music, though bands become wider.
    return np.asarray(shape * (centres / _KNEE_HZ + 1) / (_FFT * 300.0), np.float32)
