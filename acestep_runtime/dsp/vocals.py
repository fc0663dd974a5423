"""Voice detection: voice activity over time, and syllable onsets. `alignment` matches them with words.

Letters: N samples, K frames of `FRAME_S`, F bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio import convert
from acestep_runtime.audio.mono import channels_for_analysis, turn_channels
from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp import masks, melody
from acestep_runtime.dsp.masks import BIN_HZ, FRAME_S

Floats = npt.NDArray[np.float64]
Plane = npt.NDArray[np.float32]

#: Rate of the analysed audio: half that of `masks`, with half its frame, so that bins and frames are the same.
RATE_HZ = 24_000
_FFT, _HOP = 2048, 512
#: Higher bins say little about a voice.
_TOP_BIN = round(6000 / BIN_HZ)
_CORE_FRAMES, _CONTEXT_FRAMES = 480, 48
#: Level of a voice below its loud parts, in dB: certainly none, certainly voice.
_SOFT_DB = (-30.0, -18.0)
#: Share of the level between 100 Hz and 5 kHz of a voice in a mix: certainly none, certainly voice.
_SHARE = (0.03, 0.12)
#: Share of the power on one harmonic series of a solo sound: certainly not, certainly solo.
_SOLO_SHARE = (0.55, 0.8)
#: Bands that separate vowels: the first formant, the second, the third with consonants.
_BANDS_HZ = ((100, 900), (900, 2200), (2200, 6000))
_TINY = 1e-12
#: Rise of the voice level, in dB over two frames, that begins a syllable.
_RISE_DB = 3.0
_SYLLABLE_S = 0.11


@dataclass(frozen=True)
class Voice:
    """A detected voice: ``sounding`` ``[K]``, 0 to 1, the voice activity, and ``onsets_s``, the syllable onsets,
    with their ``strength`` (0 to 1, a start after a pause is 1)."""

    sounding: Floats
    onsets_s: Floats
    strength: Floats

    @property
    def seconds(self) -> float:
        """Seconds of voice."""
        return float(self.sounding.sum()) * FRAME_S


@dataclass(frozen=True)
class Curves:
    """Per frame: the voice power in three bands ``[K, 3]``, its share of the level, and how solo it is (0–1)."""

    bands: Floats
    share: Floats
    alone: Floats


def detect_voice(samples: Samples, rate_hz: int) -> Voice:
    """Detect the voice in ``samples`` ``[N, 2]``: along the sung melody in a mix, or any harmonic sound that is solo."""
    return voice_from_curves([part for _, part in analyse_parts(samples, rate_hz)])


def analyse_parts(samples: Samples, rate_hz: int) -> Iterator[tuple[float, Curves]]:
    """Analyse in parts of ten seconds for `detect_voice`; yields the fraction done and a part for `voice_from_curves`."""
    low = samples if rate_hz == RATE_HZ else convert.resample(np.ascontiguousarray(samples), rate_hz, RATE_HZ)
    upright = channels_for_analysis(low)
    frames = len(low) // _HOP + 1
    for start in range(0, frames, _CORE_FRAMES):
        stop = min(frames, start + _CORE_FRAMES)
        first, last = max(0, start - _CONTEXT_FRAMES), min(frames, stop + _CONTEXT_FRAMES)
        spectra = turn_channels(_spectra(low, first, last), upright)
        yield stop / frames, _measure_curves(spectra, slice(start - first, stop - first))


def _spectra(low: Samples, first: int, last: int) -> npt.NDArray[np.complex64]:
    """Return the spectra ``[2, K, F]`` of the frames whose middles are at ``first``·HOP and on."""
    from scipy.fft import rfft

    at, length = first * _HOP - _FFT // 2, (last - first - 1) * _HOP + _FFT
    part = low[max(0, at) : at + length]
    before = max(0, -at)
    padded = np.pad(part, ((before, length - before - len(part)), (0, 0))).T
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT, axis=1)[:, ::_HOP]
    window = np.sin(np.pi * np.arange(_FFT) / _FFT).astype(np.float32)
    return np.ascontiguousarray(rfft(frames * window, axis=-1)[..., :_TOP_BIN].astype(np.complex64))


def _measure_curves(spectra: npt.NDArray[np.complex64], core: slice) -> Curves:
    """Measure the frames ``core`` of spectra ``[2, K, F]``; the others are context."""
    cues = masks.measure_cues(spectra)
    mask = masks.soft_masks(cues, ("vocals",))["vocals"][core]
    power = (np.abs(spectra) ** 2).sum(axis=0)
    harmonic = _harmonic_share(np.sqrt(power))[core]
    power = power[core]
    hz = np.arange(power.shape[1]) * BIN_HZ
    body = (hz > 100) & (hz < 5000)
    alone = _ramp(harmonic, *_SOLO_SHARE)
    voice_power = np.maximum(mask**2, alone[:, None].astype(np.float32)) * power
    share = np.sqrt(voice_power[:, body].sum(axis=1) / np.maximum(power[:, body].sum(axis=1), _TINY))
    bands = [voice_power[:, (hz >= low) & (hz < high)].sum(axis=1, dtype=np.float64) for low, high in _BANDS_HZ]
    return Curves(np.column_stack(bands), np.asarray(share, np.float64), alone)


def _harmonic_share(level: Plane) -> Floats:
    """Return the share of each frame's power on one harmonic series, beyond that of noise."""
    pitches = melody.candidate_pitches()
    path = melody.pitch_salience(level, pitches, BIN_HZ).argmax(axis=1)
    hz = (np.arange(level.shape[1]) * BIN_HZ).astype(np.float32)
    f0 = pitches[path].astype(np.float32)[:, None]
    away = np.abs(hz / f0 - np.maximum(np.rint(hz / f0), np.float32(1))) * f0
    comb = away < 18 + 0.012 * hz
    power = level**2
    chance = comb[:, hz > 100].mean(axis=1)
    share = (power * comb).sum(axis=1) / np.maximum(power.sum(axis=1), _TINY)
    return np.asarray((share - chance) / np.maximum(1 - chance, 0.2), np.float64)


def voice_from_curves(parts: Sequence[Curves]) -> Voice:
    """Return the voice from the parts of `analyse_parts`, in order. Levels are relative to the whole."""
    from scipy.ndimage import median_filter

    bands, share, alone = (
        np.concatenate(curve) for curve in zip(*((p.bands, p.share, p.alone) for p in parts), strict=True)
    )
    power = bands.sum(axis=1)
    loud = float(np.quantile(power, 0.95))
    if loud < _TINY:
        return Voice(np.zeros(len(power)), np.zeros(0), np.zeros(0))
    level_db = 10 * np.log10(power / loud + 1e-9)
    presence = np.maximum(_ramp(share, *_SHARE), alone)
    sounding = median_filter(_ramp(level_db, *_SOFT_DB) * presence, size=5, mode="nearest")
    onsets, strength = _onsets(bands / loud, sounding)
    return Voice(sounding, onsets * FRAME_S, strength)


def _ramp(values: Floats, low: float, high: float) -> Floats:
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0))


def _onsets(bands: Floats, sounding: Floats) -> tuple[Floats, Floats]:
    """Return the frames where the voice rises in some band, and how clearly; at least `_SYLLABLE_S` apart."""
    floor = 10 ** (_SOFT_DB[0] / 10)
    db = 10 * np.log10(bands + floor)
    rise = np.zeros(len(db))
    rise[2:] = np.maximum(0.0, db[2:] - db[:-2]).max(axis=1)
    after = np.array([sounding[k : k + 6].max(initial=0.0) for k in range(len(sounding))])
    strength = rise * after
    gap = max(1, round(_SYLLABLE_S / FRAME_S))
    peaks: list[int] = []
    for k in np.argsort(-strength, kind="stable"):
        if strength[k] < _RISE_DB:
            break
        if all(abs(int(k) - other) >= gap for other in peaks):
            peaks.append(int(k))
    at = np.array(sorted(peaks), int)
    return at.astype(np.float64), np.minimum(1.0, strength[at] / 15.0)
