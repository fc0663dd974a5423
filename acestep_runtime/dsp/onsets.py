"""How suddenly sound grows over time. What rhythm it makes is left to `tempo` and `meter`.

Letters: T frames at `FRAME_HZ`.

librosa has an onset curve too, but it is compiled when first called, which costs half a minute on a fresh machine; the
same method is a few lines of numpy, so only librosa's filter bank is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Rate of the audio that is analysed.
RATE_HZ = 22_050
HOP = 256
FRAME_HZ = RATE_HZ / HOP

_FFT = 1024
_BANDS = 48
#: Mean rise over all bands, in log units, that a curve must reach somewhere to hold an onset at all.
_FAINTEST_ONSET = 0.08


@dataclass(frozen=True)
class Onsets:
    """Onset strength over time, ``[T]`` each.

    ``full`` is in log units, the mean over all bands: it hears soft and loud onsets alike. ``level`` is the rise of the
    RMS level: it hears which are accents. ``low`` (below 150 Hz) and ``high`` (above 2 kHz) are rises of the band's level
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


def onset_strength(mono: npt.NDArray[np.float32]) -> Onsets:
    """Return the half-wave rectified flux of a log mel spectrogram of ``[N]`` samples at `RATE_HZ` (Böck 2012)."""
    from librosa.filters import mel

    centred = np.pad(mono, _FFT // 2)
    if len(centred) < _FFT + HOP:
        return Onsets(*(np.zeros(1) for _ in range(4)))
    frames = np.lib.stride_tricks.sliding_window_view(centred, _FFT)[::HOP]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    bank = mel(sr=RATE_HZ, n_fft=_FFT, n_mels=_BANDS, fmin=30.0, norm=None)
    spectra = (np.abs(np.fft.rfft(frames[i : i + 2048] * window)) for i in range(0, len(frames), 2048))
    parts = [(part @ bank.T, np.sqrt(np.mean(part**2, axis=1))) for part in spectra]
    bands, level = (np.concatenate(part) for part in zip(*parts, strict=True))
    centre_hz = np.linspace(0, RATE_HZ / 2, _FFT // 2 + 1)[bank.argmax(axis=1)]
    greatest = max(1e-9, float(bands.sum(axis=1).max()))
    low, high = (_rise(bands[:, inside].sum(axis=1) / greatest) for inside in (centre_hz < 150, centre_hz > 2000))
    loudness = np.log1p(bands / (0.05 * np.sqrt(np.mean(bands**2, axis=0).max()) + 1e-9))
    return Onsets(_rise(loudness).mean(axis=1), _rise(level), low, high)


def _rise(level: Floats) -> Floats:
    """Return how much the level grew over two frames (23 ms), never below 0; before the start it was 0."""
    before = np.concatenate([np.zeros_like(level[:2]), level[:-2]])
    return np.asarray(np.maximum(0.0, level - before))


def salient(curve: Floats) -> Floats:
    """Subtract the local mean (1 s) and scale to unit RMS."""
    from scipy.ndimage import uniform_filter1d

    above = np.maximum(0.0, curve - uniform_filter1d(curve, round(FRAME_HZ), mode="nearest"))
    return np.asarray(above / max(1e-9, float(np.sqrt(np.mean(above**2)))))


def count_onsets(onsets: Onsets) -> int:
    """Return how many clear peaks the full-band curve has."""
    curve = onsets.full
    threshold = max(_FAINTEST_ONSET, 0.25 * float(np.quantile(curve, 0.999)))
    peak = (curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:]) & (curve[1:-1] > threshold)
    return int(peak.sum())
