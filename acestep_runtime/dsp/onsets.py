"""Onset strength over time. `tempo` and `meter` derive the rhythm from it.

Letters: T frames at `FRAME_HZ`.

librosa has all of this, but it compiles when first called, which costs half a minute on a fresh machine and
seconds in every new process; the same methods are a few lines of numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.memoize import memoize_by_audio

Floats = npt.NDArray[np.float64]

#: Rate of the audio that is analysed.
RATE_HZ = 22_050
HOP = 256
FRAME_HZ = RATE_HZ / HOP

_FFT = 1024
_BANDS = 48
_LOWEST_HZ = 30.0
#: Minimum peak of the mean rise over all bands, in log units, of an onset.
_FAINTEST_ONSET = 0.08


@dataclass(frozen=True)
class Onsets:
    """Onset strength over time, ``[T]`` each.

    ``full`` is the mean over all bands in log units: soft and loud onsets count alike. ``level`` is the rise of the
    RMS level: it marks accents. ``low`` (below 150 Hz) and ``high`` (above 2 kHz) are rises of the band's level
    relative to the greatest level of the whole, so that a kick outweighs the low end of a snare.
    """

    full: Floats
    level: Floats
    low: Floats
    high: Floats

    def near(self, curve: Floats, times_s: Floats) -> Floats:
        """Return the strongest value of ``curve`` within two frames of each time, 0 outside the audio."""
        at = np.rint(times_s * FRAME_HZ).astype(int)[:, None] + np.arange(-2, 3)
        inside = (at >= 0) & (at < len(curve))
        return np.asarray(np.where(inside, curve[np.clip(at, 0, len(curve) - 1)], 0.0).max(axis=1))


def mel_bank(rate_hz: int, fft: int, bands: int, lowest_hz: float) -> Floats:
    """Return triangular filters of height 1, evenly spaced in mel, ``[bands, fft // 2 + 1]``.

    The mel scale is the one of Slaney's Auditory Toolbox (1998): linear up to 1 kHz (15 mel), logarithmic above
    (27 mel for a factor of 6.4).
    """
    knee_hz, knee_mel, mel_per_factor = 1000.0, 15.0, 27.0 / np.log(6.4)

    def hz_to_mel(hz: float) -> float:
        return hz * knee_mel / knee_hz if hz < knee_hz else knee_mel + mel_per_factor * float(np.log(hz / knee_hz))

    mels = np.linspace(hz_to_mel(lowest_hz), hz_to_mel(rate_hz / 2), bands + 2)
    edges_hz = np.where(
        mels < knee_mel, mels * knee_hz / knee_mel, knee_hz * np.exp((mels - knee_mel) / mel_per_factor)
    )
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    bins_hz = np.linspace(0.0, rate_hz / 2, fft // 2 + 1)
    rising, falling = (bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)
    return np.asarray(np.clip(np.minimum(rising, falling), 0.0, None))


@memoize_by_audio(4)
def onset_strength(mono: npt.NDArray[np.float32]) -> Onsets:
    """Return the half-wave rectified flux of a log mel spectrogram of ``[N]`` samples at `RATE_HZ` (Böck 2012)."""
    from scipy.fft import rfft  # half of numpy's time on batches of float32

    centred = np.pad(mono, _FFT // 2)
    if len(centred) < _FFT + HOP:
        return Onsets(*(np.zeros(1) for _ in range(4)))
    frames = np.lib.stride_tricks.sliding_window_view(centred, _FFT)[::HOP]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    bank = mel_bank(RATE_HZ, _FFT, _BANDS, _LOWEST_HZ)
    spectra = (np.abs(rfft(frames[i : i + 2048] * window)) for i in range(0, len(frames), 2048))
    parts = [(part @ bank.T, np.sqrt(np.mean(part**2, axis=1))) for part in spectra]
    bands, level = (np.concatenate(part) for part in zip(*parts, strict=True))
    centre_hz = np.linspace(0, RATE_HZ / 2, _FFT // 2 + 1)[bank.argmax(axis=1)]
    greatest = max(1e-9, float(bands.sum(axis=1).max()))
    low, high = (_rise(bands[:, inside].sum(axis=1) / greatest) for inside in (centre_hz < 150, centre_hz > 2000))
    loudness = np.log1p(bands / (0.05 * np.sqrt(np.mean(bands**2, axis=0).max()) + 1e-9))
    return Onsets(_rise(loudness).mean(axis=1), _rise(level), low, high)


def _rise(level: Floats) -> Floats:
    """Return the rise of the level over two frames (23 ms), at least 0; the level before the start is 0."""
    before = np.concatenate([np.zeros_like(level[:2]), level[:-2]])
    return np.asarray(np.maximum(0.0, level - before))


def normalise_onsets(curve: Floats) -> Floats:
    """Subtract the local mean (1 s) and scale to unit RMS."""
    from scipy.ndimage import uniform_filter1d

    above = np.maximum(0.0, curve - uniform_filter1d(curve, round(FRAME_HZ), mode="nearest"))
    return np.asarray(above / max(1e-9, float(np.sqrt(np.mean(above**2)))))


def accent_strength(onsets: Onsets) -> Floats:
    """Return the accent of each frame, from all curves: kicks and backbeats weigh more than equal stabs."""
    bands = normalise_onsets(onsets.low) + normalise_onsets(onsets.high)
    return np.asarray(normalise_onsets(onsets.full) + normalise_onsets(onsets.level) + 0.5 * bands)


def count_onsets(onsets: Onsets) -> int:
    """Return the number of clear peaks of the full-band curve."""
    curve = onsets.full
    threshold = max(_FAINTEST_ONSET, 0.25 * float(np.quantile(curve, 0.999)))
    peak = (curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:]) & (curve[1:-1] > threshold)
    return int(peak.sum())
