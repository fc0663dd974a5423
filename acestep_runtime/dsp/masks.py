"""Assigning points of the spectrogram to instruments: measured cues, and a table of each instrument's properties.

Letters: K frames of `HOP` samples at 48 kHz, F = `FFT`/2 + 1 bins. Power planes are ``[K, F]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp import melody
from acestep_runtime.units import ENGINE_RATE_HZ

Plane = npt.NDArray[np.float32]

FFT = 4096
HOP = 1024
BIN_HZ = ENGINE_RATE_HZ / FFT
FRAME_S = HOP / ENGINE_RATE_HZ

#: A harmonic note sounds at least twice this long, unless the beat is known to be short.
SUSTAIN_S = 0.235
_STEADY_S = 1.0
_PERCUSSIVE_HZ = 260.0
_THUMP_HZ = 200.0
#: Stereo position or envelope alone rule out no instrument.
_MIN_CUE = np.float32(0.1)
_TINY = np.float32(1e-20)


@dataclass(frozen=True)
class Evidence:
    """Spectral properties of an instrument.

    It plays between ``low_hz`` and ``high_hz`` and claims ``harmonic``, ``percussive``, ``thump`` (drum-like below
    200 Hz), ``residual`` (neither steady nor struck) and ``voice`` (along the sung melody) energy with these weights.
    ``centre`` and ``steady`` are exponents: above 0 for centred and for held notes, below 0 for wide and for decaying.
    """

    low_hz: float
    high_hz: float
    harmonic: float = 0.0
    percussive: float = 0.0
    thump: float = 0.0
    residual: float = 0.0
    voice: float = 0.0
    centre: float = 0.0
    steady: float = 0.0


#: Drums, bass and vocals have strong cues; the other instruments share the remainder, approximately.
EVIDENCE = {
    "vocals": Evidence(100, 9000, residual=0.04, voice=4.0, centre=1.5),
    "backing_vocals": Evidence(180, 8000, residual=0.12, voice=0.5, centre=-1.5),
    "drums": Evidence(20, 24000, percussive=2.0, thump=1.5, residual=0.35, centre=0.3),
    "bass": Evidence(25, 220, harmonic=2.0, residual=0.15, centre=0.5),
    "guitar": Evidence(160, 5000, harmonic=0.30, residual=0.25, percussive=0.02, centre=-0.7, steady=-0.5),
    "keyboard": Evidence(120, 6000, harmonic=0.30, residual=0.20, percussive=0.02, steady=-0.5),
    "percussion": Evidence(350, 16000, percussive=0.25, centre=-1.5),
    "strings": Evidence(220, 7000, harmonic=0.30, centre=-1.0, steady=0.7),
    "synth": Evidence(150, 12000, harmonic=0.30, residual=0.05, centre=-0.4, steady=0.7),
    "fx": Evidence(20, 24000, residual=0.04, harmonic=0.01, centre=-0.5),
    "brass": Evidence(180, 4000, harmonic=0.15, residual=0.08, centre=0.7, steady=0.3),
    "woodwinds": Evidence(300, 4500, harmonic=0.12, residual=0.08, centre=0.7, steady=0.4),
}


@dataclass(frozen=True)
class Cues:
    """Measured cues at each point, ``[K, F]``, each 0 to 1. The four components of the energy add up to one."""

    harmonic: Plane
    percussive: Plane
    thump: Plane
    residual: Plane
    centre: Plane
    steady: Plane
    voice: Plane


def _median(plane: Plane, size: int, axis: int) -> Plane:
    """Return the running median along one axis. In one dimension scipy's filter is ten times as fast as in two."""
    from scipy.ndimage import median_filter

    size |= 1
    axis_last = np.moveaxis(plane, axis, -1)
    edges = ((0, 0), (size // 2, size // 2))
    padded = np.ascontiguousarray(np.pad(axis_last, edges, mode="edge"))
    smooth = median_filter(padded.ravel(), size=size, mode="nearest").reshape(padded.shape)
    return np.asarray(np.moveaxis(smooth[:, size // 2 : padded.shape[1] - size // 2], -1, axis))


def measure_cues(spectra: npt.NDArray[np.complex64], sustain_s: float = SUSTAIN_S) -> Cues:
    """Measure the cues of ``spectra`` ``[2, K, F]``.

    Harmonic and percussive energy are medians along time and along frequency (Fitzgerald 2010); the residual is what
    neither explains (Driedger 2014). A centred source raises mid over side power by its own power, a wide or panned one
    raises both alike: their difference is the power at the centre.
    """
    from scipy.ndimage import uniform_filter

    left, right = spectra
    mid = np.abs(left + right) ** 2 / 4
    side = np.abs(left - right) ** 2 / 4
    power = mid + side + _TINY
    level = np.sqrt(power)
    across_time = _median(level, round(sustain_s / FRAME_S), 0) ** 2
    across_hz = _median(level, round(_PERCUSSIVE_HZ / BIN_HZ), 1) ** 2
    sustained = np.minimum(_median(level, round(_STEADY_S / FRAME_S), 0) ** 2, power)
    rest = np.maximum(power - across_time - across_hz, np.float32(0))
    total = across_time + across_hz + rest + _TINY
    harmonic, percussive, rest = across_time / total, across_hz / total, rest / total
    low = (1 / (1 + (np.arange(power.shape[1]) * BIN_HZ / _THUMP_HZ) ** 8)).astype(np.float32)
    # Running sums may fall below zero by a rounding.
    mid, side = (np.maximum(uniform_filter(plane, 3), np.float32(0)) for plane in (mid, side))
    centre = np.maximum(mid - side, np.float32(0)) / (mid + side + _TINY)
    vocal_level = level * np.sqrt(centre * np.maximum(1 - percussive, np.float32(0))) - np.sqrt(sustained)
    voice = melody.voice_mask(np.maximum(vocal_level, np.float32(0)), level, rest, BIN_HZ)
    return Cues(harmonic, percussive, rest * low, rest * (1 - low), centre, sustained / power, voice)


def _band(low_hz: float, high_hz: float, bins: int) -> Plane:
    hz = np.arange(bins) * BIN_HZ + 1e-3
    return np.asarray(1 / ((1 + (low_hz / hz) ** 6) * (1 + (hz / high_hz) ** 6)), np.float32)


def _cue_preference(cue: Plane, exponent: float) -> Plane | np.float32:
    if exponent == 0:
        return np.float32(1)
    side = cue if exponent > 0 else 1 - cue
    return np.maximum(side, _MIN_CUE) ** np.float32(abs(exponent))


def claim_strength(cues: Cues, evidence: Evidence) -> Plane:
    """Return how strongly an instrument claims each point, ``[K, F]``."""
    claim = sum(
        np.float32(gain) * getattr(cues, part)
        for part in ("harmonic", "percussive", "thump", "residual", "voice")
        if (gain := getattr(evidence, part)) > 0
    )
    band = _band(evidence.low_hz, evidence.high_hz, cues.centre.shape[1])
    return np.asarray(
        claim * band * _cue_preference(cues.centre, evidence.centre) * _cue_preference(cues.steady, evidence.steady)
    )


def soft_masks(cues: Cues, names: tuple[str, ...]) -> dict[str, Plane]:
    """Return the masks ``[K, F]`` of ``names``: each instrument's claim over that of all twelve.

    A mask depends only on the music, not on which other masks are requested; all twelve add up to one.
    """
    claims = {}
    total = np.full(cues.centre.shape, 1e-6, np.float32)
    for name, evidence in EVIDENCE.items():
        claim = claim_strength(cues, evidence)
        total += claim
        if name in names:
            claims[name] = claim
    return {name: claim / total for name, claim in claims.items()}
