"""Metrics, each by a published definition and none with the engine's own analysis.

Letters: N frames, C channels, B beats. Sounds are ``[N, C]`` at 48 kHz with full scale ±1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .sounds import RATE_HZ, Floats

#: K-weighting at 48 kHz: the shelf and the high-pass of ITU-R BS.1770-4, tables 1 and 2, as (b, a).
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0

Sound = npt.NDArray[np.floating]


def si_sdr_db(estimate: Sound, truth: Sound) -> float:
    """Scale-invariant signal to distortion ratio (Le Roux et al. 2019) over all channels together, in dB."""
    e, r = estimate.astype(np.float64).ravel(), truth.astype(np.float64).ravel()
    target = (e @ r) / max(1e-20, float(r @ r)) * r
    noise = e - target
    return float(10 * np.log10(max(1e-20, float(target @ target)) / max(1e-20, float(noise @ noise))))


def error_db(parts: list[Sound], whole: Sound) -> float:
    """Energy of what a sum lacks of the whole, relative to the whole, in dB; −200 where nothing is missing."""
    rest = sum(part.astype(np.float64) for part in parts) - whole.astype(np.float64)
    return float(10 * np.log10(max(1e-20, float(np.sum(rest**2)) / float(np.sum(whole.astype(np.float64) ** 2)))))


def change_under_db(source: Sound, added: Sound, mix: Sound) -> float:
    """Energy in the mix that is neither the source as it was nor what was added, relative to the mix, in dB.

    What was added may have a gain of its own from 0 to 1 at every frame, equal in all channels, as a limiter gives it.
    """
    rest, new = mix.astype(np.float64) - source, added.astype(np.float64)
    gain = np.clip((rest * new).sum(axis=1) / np.maximum((new**2).sum(axis=1), 1e-20), 0.0, 1.0)
    return error_db([source, gain[:, None] * new], mix)


def loudness_lufs(samples: Sound) -> float:
    """Integrated loudness (ITU-R BS.1770-4) of one or two channels, gated; −70 for silence."""
    from scipy.signal import lfilter

    weighted = samples.astype(np.float64)
    for b, a in (_SHELF, _HIGH_PASS):
        weighted = lfilter(b, a, weighted, axis=0)
    block, step = round(0.4 * RATE_HZ), round(0.1 * RATE_HZ)
    total = np.concatenate([[0.0], np.cumsum((weighted**2).sum(axis=1))])
    starts = np.arange(0, max(1, len(weighted) - block + 1), step)
    power = (total[np.minimum(starts + block, len(weighted))] - total[starts]) / min(block, len(weighted))
    loud = power[_lufs(power) > _ABSOLUTE_GATE_LUFS]
    if not len(loud):
        return _ABSOLUTE_GATE_LUFS
    loud = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE_LU]
    return float(_lufs(loud.mean()))


def _lufs(power: Floats) -> Floats:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-20)))


def jumps(samples: Sound) -> Floats:
    """The greatest step of any channel from each sample to the next, ``[N - 1]``."""
    return np.asarray(np.abs(np.diff(samples.astype(np.float64), axis=0)).max(axis=1))


def onset_curve(samples: Sound) -> tuple[Floats, float]:
    """How fast the log magnitude rises (spectral flux, Dixon 2006), and its rate in Hz; frame k is centred at k/rate."""
    size, hop = 1024, 240
    mono = np.pad(samples.astype(np.float64).mean(axis=1), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    # Bands of an octave third or so would do; 40 linear-to-log bands keep a bass note from drowning in bins of air.
    edges = np.unique(np.rint(np.geomspace(1, size // 2, 41)).astype(int))
    power = np.concatenate([
        np.add.reduceat(np.abs(np.fft.rfft(frames[at : at + 2000] * np.hanning(size))) ** 2, edges, axis=1)
        for at in range(0, len(frames), 2000)
    ])  # fmt: skip
    level = np.log10(power / max(1e-20, float(power.max())) + 1e-6)
    rise = np.maximum(0.0, level[2:] - level[:-2]).mean(axis=1)
    return np.concatenate([[0.0], rise, [0.0]]), RATE_HZ / hop


def onsets_s(samples: Sound) -> Floats:
    """Times of the clear peaks of the onset curve, at least 50 ms apart, to a fraction of a frame."""
    from scipy.signal import find_peaks

    curve, rate_hz = onset_curve(samples)
    if curve.max() < 0.02:
        return np.zeros(0)
    at, _ = find_peaks(curve, height=0.25 * float(np.quantile(curve, 0.995)), distance=round(0.05 * rate_hz),
                       prominence=0.1 * float(curve.max()))  # fmt: skip
    a, b, c = curve[at - 1], curve[at], curve[at + 1]
    return np.asarray((at + 0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-12)) / rate_hz)


def grid_errors_s(times_s: Floats, beats_s: Floats, grid: Sequence[float] = (0, 0.25, 0.5, 0.75)) -> Floats:
    """Signed distance in seconds of each time within the beats to the nearest place of ``grid``, which are parts of a beat."""
    inside = times_s[(times_s > beats_s[0] - 0.05) & (times_s < beats_s[-1] + 0.05)]
    beat_s = float(np.median(np.diff(beats_s)))
    part = (inside - beats_s[0]) / beat_s % 1
    errors = part[:, None] - np.array([*grid, 1 + grid[0]])
    nearest = np.abs(errors).argmin(axis=1)
    return np.asarray(errors[np.arange(len(errors)), nearest] * beat_s)


def onset_f_measure(found_s: Floats, true_s: Floats, window_s: float = 0.05) -> float:
    """F-measure of onsets matched one to one within ±50 ms, the window of MIREX; 0 where either has none."""
    hits, j = 0, 0
    for time_s in found_s:
        while j < len(true_s) and true_s[j] < time_s - window_s:
            j += 1
        if j < len(true_s) and true_s[j] <= time_s + window_s:
            hits, j = hits + 1, j + 1
    return 2 * hits / (len(found_s) + len(true_s)) if len(found_s) + len(true_s) else 0.0


def beat_chroma(samples: Sound, beats_s: Floats) -> Floats:
    """Pitch classes (Fujishima 1999) of each span between beats, ``[B - 1, 12]``: magnitude from 100 Hz to 2 kHz."""
    size, hop = 8192, 2048
    mono = np.pad(samples.astype(np.float64).mean(axis=1), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    bin_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    used = (bin_hz >= 100) & (bin_hz <= 2000)
    classes = np.rint(69 + 12 * np.log2(bin_hz[used] / 440)).astype(int) % 12
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(size)))[:, used]
    chroma = magnitude @ np.eye(12)[classes]
    edges = np.clip(np.rint(beats_s * RATE_HZ / hop).astype(int), 0, len(chroma))
    return np.array([chroma[a : max(a + 1, b)].sum(axis=0) for a, b in pairwise(edges)])


def chroma_similarity(one: Sound, other: Sound, beats_s: Floats) -> float:
    """Mean cosine of the beat-synchronous pitch classes, each less its mean: 1 for the same harmony, about 0 by chance."""
    a, b = (beat_chroma(sound, beats_s) for sound in (one, other))
    a, b = (c - c.mean(axis=1, keepdims=True) for c in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    sounding = norms > 1e-9
    return float(((a * b).sum(axis=1)[sounding] / norms[sounding]).mean()) if sounding.any() else 0.0


def fundamental_hz(samples: Sound, at_s: float, length_s: float, low_hz: float = 28.0, high_hz: float = 300.0) -> float:
    """The fundamental of a low note (YIN, de Cheveigné & Kawahara 2002) in ``length_s`` from ``at_s`` on; 0 for none."""
    from scipy.signal import resample_poly

    part = samples[round(at_s * RATE_HZ) : round((at_s + length_s) * RATE_HZ)].astype(np.float64).mean(axis=1)
    if len(part) < 0.04 * RATE_HZ or np.sqrt(np.mean(part**2)) < 1e-3:
        return 0.0
    low = resample_poly(part, 1, 12)
    rate_hz = RATE_HZ / 12
    longest = min(int(rate_hz / low_hz), len(low) // 2)
    window = len(low) - longest
    difference = np.array([np.sum((low[:window] - low[lag : lag + window]) ** 2) for lag in range(longest)])
    lags = np.arange(longest)
    normal = np.ones(longest)
    normal[1:] = difference[1:] * lags[1:] / np.maximum(1e-12, np.cumsum(difference[1:]))
    first = int(rate_hz / high_hz)
    dips = [lag for lag in range(first, longest - 1) if normal[lag] < 0.2 and normal[lag] <= normal[lag + 1]]
    if not dips:
        return 0.0
    lag = dips[0]
    a, b, c = normal[lag - 1], normal[lag], normal[lag + 1]
    return float(rate_hz / (lag + 0.5 * (a - c) / max(1e-12, a - 2 * b + c)))


def pitch_class(hz: float) -> int:
    """The nearest pitch class, C = 0."""
    return round(69 + 12 * float(np.log2(hz / 440))) % 12
