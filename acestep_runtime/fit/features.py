"""What is measured of one recording: onsets, pitch classes, levels, loudness.

Letters: N samples at 22.05 kHz, T frames at `FRAME_HZ`, E onsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.loudness import SILENT_LUFS, LoudnessMeter
from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.dsp import harmony
from acestep_runtime.dsp.analysis import mono_for_analysis
from acestep_runtime.dsp.memoize import memoize_by_audio
from acestep_runtime.dsp.onsets import RATE_HZ, Floats, mel_bank
from acestep_runtime.threads import run_concurrently
from acestep_runtime.units import ENGINE_RATE_HZ

#: 5 ms: the times of onsets are interpolated between frames.
HOP = 110
FRAME_HZ = RATE_HZ / HOP
#: Length of one value of `Features.levels_db`.
LEVEL_S = 0.05
#: Level of silence in dB of full scale.
SILENT_DB = -60.0

#: 23 ms: short enough that two hits 30 ms apart are two.
_FFT = 512
_BANDS = 32
_LOWEST_HZ = 60.0
#: The rise is taken over 10 ms.
_LAG = 2
#: 80 ms: about as long as soft attacks.
_SWELL = 16
#: Strong onsets of soft attacks are at most this much above the median rise (bowed strings have 5, voices and keys 50), and
#: fewer onsets do not tell.
_SOFT, _FEWEST_SOFT = 10.0, 6
#: Minimum distance of onsets in frames, on each side.
_REACH = 6
#: Least rise of an onset: in log units, and in shares of a strong one of the recording.
_FAINTEST, _FAINTEST_SHARE = 0.04, 0.12
#: An onset starts where its rise is this share of its peak.
_START_SHARE = 0.2
_BLOCK_FRAMES = 4096


@dataclass(frozen=True)
class Onsets:
    """Onsets: where their rise starts, where it is steepest, and how strong they are (a strong one has 1), ``[E]`` each.

    A hard attack has both within a few ms. In a soft one listeners place the beat somewhere between.
    """

    start_s: Floats
    peak_s: Floats
    weight: Floats

    def between(self, start_s: float, stop_s: float) -> Onsets:
        """Return those whose peak is from ``start_s`` to before ``stop_s``."""
        inside = (self.peak_s >= start_s) & (self.peak_s < stop_s)
        return Onsets(self.start_s[inside], self.peak_s[inside], self.weight[inside])

    def __len__(self) -> int:
        return len(self.peak_s)


@dataclass(frozen=True)
class Features:
    """What is measured of one recording. ``levels_db`` are RMS levels in dB of full scale, one for each `LEVEL_S`.

    ``swell`` is the rise over 80 ms, ``[T]`` at `FRAME_HZ`, of a recording whose attacks are soft, and empty for any other:
    single soft attacks are lost in beating and vibrato, and only the mean over many tells when they come.
    """

    duration_s: float
    onsets: Onsets
    swell: Floats
    pitches: harmony.Pitches
    levels_db: Floats
    loudness_lufs: float

    @property
    def is_silent(self) -> bool:
        """Whether nothing can be heard."""
        return self.loudness_lufs <= SILENT_LUFS or not len(self.levels_db) or bool(self.levels_db.max() < SILENT_DB)


@memoize_by_audio(3)
def mix_mono(samples: Samples) -> npt.NDArray[np.float32]:
    """Return ``[N, 2]`` at 48 kHz as one channel at 22.05 kHz, for all that is measured of it; see `mono_for_analysis`.

    Kept for the next take: to resample ten minutes takes as long as to measure their rhythm.
    """
    return mono_for_analysis(samples, ENGINE_RATE_HZ)


@memoize_by_audio(4)
def measure_features(samples: Samples) -> Features:
    """Measure ``[N, 2]`` at 48 kHz. What is not a number counts as 0."""
    mono = mix_mono(samples)
    (levels_db, lufs), (rhythm, pitches) = run_concurrently(
        partial(_levels, samples), lambda: (_rhythm(mono), harmony.pitch_classes(mono))
    )
    return Features(len(samples) / ENGINE_RATE_HZ, *rhythm, pitches, levels_db, lufs)


def _rhythm(mono: npt.NDArray[np.float32]) -> tuple[Onsets, Floats]:
    """Return the onsets, and the swell where they are soft."""
    loudness = _band_loudness(mono)
    curve = _rise(loudness, _LAG)
    onsets = find_onsets(curve)
    if _are_soft(curve, onsets):
        return onsets, swell_curve(loudness)
    return onsets, np.zeros(0)


def onset_curve(mono: npt.NDArray[np.float32]) -> Floats:
    """Return the rise of ``[N]`` samples at 22.05 kHz over 10 ms, ``[T]``: mean over mel bands, in log units."""
    return _rise(_band_loudness(mono), _LAG)


def swell_curve(loudness: npt.NDArray[np.float32]) -> Floats:
    """Return the rise of ``[T, bands]`` over 80 ms, with the middle of an attack at its time."""
    from scipy.ndimage import uniform_filter1d

    rise = _rise(uniform_filter1d(loudness, _SWELL // 2, axis=0, mode="nearest"), _SWELL)
    return np.concatenate([rise[_SWELL // 2 :], np.zeros(_SWELL // 2)])


def _are_soft(curve: Floats, onsets: Onsets) -> bool:
    """Whether the strong onsets hardly rise above what is between them."""
    if len(onsets) < _FEWEST_SOFT:
        return False
    at = np.clip(np.rint((onsets.peak_s + _LAG / 2 / FRAME_HZ) * FRAME_HZ).astype(int), 0, len(curve) - 1)
    return float(np.quantile(curve[at], 0.9)) < _SOFT * float(np.median(curve))


def _band_loudness(mono: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the loudness of mel bands in log units, ``[T, bands]``."""
    from scipy.fft import rfft

    centred = np.pad(mono, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(centred, _FFT)[::HOP]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    bank = mel_bank(RATE_HZ, _FFT, _BANDS, _LOWEST_HZ).T.astype(np.float32)
    blocks = (
        np.abs(rfft(frames[at : at + _BLOCK_FRAMES] * window)) @ bank for at in range(0, len(frames), _BLOCK_FRAMES)
    )
    bands = np.concatenate([np.asarray(block, np.float32) for block in blocks])
    # The level at which a band counts as sounding: mono has an RMS of 0.1.
    least = np.float32(0.05 * np.sqrt(np.mean(bands**2, axis=0).max()) + 1e-9)
    return np.asarray(np.log1p(bands / least), np.float32)


def _rise(loudness: npt.NDArray[np.float32], lag: int) -> Floats:
    """Return the rise of ``[T, bands]`` over ``lag`` frames, at least 0, mean over bands; before the start is silence.

    Each band is compared with the greatest of itself and its neighbours before, so that vibrato is no onset (Böck and Widmer
    2013).
    """
    from scipy.ndimage import maximum_filter1d

    before = maximum_filter1d(loudness, 3, axis=1, mode="nearest")[:-lag]
    rise = np.zeros(len(loudness))
    rise[lag:] = np.maximum(0.0, loudness[lag:] - before).mean(axis=1)
    rise[:lag] = loudness[:lag].mean(axis=1)
    return rise


def find_onsets(curve: Floats) -> Onsets:
    """Return the onsets of a curve ``[T]``, with times between its frames."""
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    # The rise over two frames is half a lag late.
    smooth = gaussian_filter1d(np.asarray(curve, np.float64), 1.2)
    if len(smooth) < 2 * _REACH:
        return Onsets(*(np.zeros(0) for _ in range(3)))
    peaks = np.flatnonzero(smooth[1:-1] >= maximum_filter1d(smooth, 2 * _REACH + 1)[1:-1]) + 1
    peaks = peaks[smooth[peaks] > _FAINTEST]
    if not len(peaks):
        return Onsets(*(np.zeros(0) for _ in range(3)))
    strong = float(np.quantile(smooth[peaks], 0.9))
    peaks = peaks[smooth[peaks] > _FAINTEST_SHARE * strong]
    left, middle, right = (smooth[peaks + step] for step in (-1, 0, 1))
    exact = peaks + 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-12)
    starts = np.array([_rise_start(smooth, peak) for peak in peaks])
    scale = np.minimum(1.0, smooth[peaks] / strong)
    return Onsets((starts - _LAG / 2) / FRAME_HZ, (exact - _LAG / 2) / FRAME_HZ, scale)


def _rise_start(curve: Floats, peak: int) -> float:
    """Return the frame before a peak at which the curve is `_START_SHARE` of it, or lowest."""
    level = _START_SHARE * curve[peak]
    at = int(peak)
    while at > 0 and curve[at] > level and (curve[at - 1] < curve[at] or at == peak):
        at -= 1
    if curve[at] >= level or at == peak:
        return float(at)
    return float(at + (level - curve[at]) / (curve[at + 1] - curve[at]))


def _levels(samples: Samples) -> tuple[Floats, float]:
    """Return the level of each `LEVEL_S` in dB, and the loudness of the whole."""
    meter, step = LoudnessMeter(), round(LEVEL_S * ENGINE_RATE_HZ)
    powers = []
    for block in split_blocks(samples, 64 * step):
        clean = np.nan_to_num(block, posinf=0.0, neginf=0.0)
        meter.push(clean)
        frames = np.square(clean).mean(axis=1)
        powers.append(np.add.reduceat(frames, np.arange(0, len(frames), step)) / step)
    power = np.concatenate([*powers, np.zeros(0)])
    return np.asarray(10 * np.log10(power + 1e-12), np.float64), meter.integrated_lufs()
