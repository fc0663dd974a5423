"""Sounds of the fx track: risers, downlifters, sweeps, impacts and ambience. Voices like those of voices.py, without a tune.

The pitch only tints the sound: tones in risers and ambience belong to the key.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.dsp.synth import (
    Floats,
    Mono,
    apply_envelope,
    band_noise,
    decay_envelope,
    harmonics,
    midi_to_hz,
    partials,
    sound_frames,
)
from acestep_runtime.units import ENGINE_RATE_HZ

#: Centres of the bands that a moving noise passes through, half an octave apart.
_BANDS_HZ = tuple(220.0 * 2 ** (k / 2) for k in range(12))
_LOOP = 1 << 17


def _noise_loop(hz: float, rng: np.random.Generator) -> Mono:
    """Return 2.7 s of noise an octave wide around ``hz``, RMS one, which can be repeated without a seam."""
    freq = np.fft.rfftfreq(_LOOP, 1 / ENGINE_RATE_HZ)
    inside = (freq > hz / 1.41) & (freq < hz * 1.41)
    spectrum = np.zeros(len(freq), np.complex64)
    spectrum[inside] = np.hanning(int(inside.sum())) * np.exp(2j * np.pi * rng.random(int(inside.sum())))
    noise = np.fft.irfft(spectrum, _LOOP)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)


def _moving_noise(octaves: Floats, rng: np.random.Generator) -> Mono:
    """Return noise whose band follows ``octaves`` ``[n]`` above 220 Hz: bands blended in turn."""
    out = np.zeros(len(octaves), np.float32)
    for k, hz in enumerate(_BANDS_HZ):
        share = np.sqrt(np.clip(1 - np.abs(2 * octaves - k) / 2, 0, 1)).astype(np.float32)
        if share.any():
            out += np.resize(_noise_loop(hz, rng), len(out)) * share
    return out


def riser(pitches: tuple[int, ...], length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
    """Noise and a tone that climb two octaves and grow to the end."""
    n = sound_frames(length_s)
    x = np.arange(n) / n
    noise = _moving_noise(1.0 + (3.6 + 0.8 * bright) * x, rng)
    hz = midi_to_hz(pitches[0]) * 2.0 ** (2 * x)
    tone = harmonics(2 * np.pi * np.cumsum(hz) / ENGINE_RATE_HZ, np.array([1.0, 0.5, 0.33, 0.2]))
    growth = (0.06 + 0.94 * x**2).astype(np.float32)
    return apply_envelope((noise + np.float32(0.25 * velocity) * tone) * growth, 0.02, 0.015)


def downlifter(
    pitches: tuple[int, ...], length_s: float, velocity: float, bright: float, rng: np.random.Generator
) -> Mono:
    """A reversed riser, falling away from a downbeat."""
    return riser(pitches, length_s, 0.6 * velocity, bright, rng)[::-1].copy()


def sweep(pitches: tuple[int, ...], length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
    """Filtered noise that sweeps up and down."""
    del pitches
    x = np.arange(sound_frames(length_s)) / sound_frames(length_s)
    swell = np.sin(np.pi * x) ** 2
    return apply_envelope(
        _moving_noise(1.5 + (2.6 + bright + 0.6 * velocity) * swell, rng) * swell.astype(np.float32), 0.02, 0.02
    )


def impact(pitches: tuple[int, ...], length_s: float, velocity: float, bright: float, rng: np.random.Generator) -> Mono:
    """A deep stroke that falls an octave, its crack, and a dark tail."""
    del pitches
    n = sound_frames(min(4.0, length_s))
    t = np.arange(n) / ENGINE_RATE_HZ
    boom = np.sin(2 * np.pi * (38 * t + 38 * 0.12 * (1 - np.exp(-t / 0.12)))).astype(np.float32) * decay_envelope(
        n, 1.8
    )
    crack = band_noise(n, rng, low_hz=300, high_hz=3500 * 2.0**bright) * decay_envelope(n, 0.12)
    tail = band_noise(n, rng, low_hz=90, high_hz=1200) * decay_envelope(n, 2.6)
    return apply_envelope(
        boom + np.float32(0.35 * velocity) * crack + np.float32(0.16) * tail, 0.001, 0.3 * n / ENGINE_RATE_HZ
    )


def ambience(
    pitches: tuple[int, ...], length_s: float, velocity: float, bright: float, rng: np.random.Generator
) -> Mono:
    """Slowly moving noise over a faint fifth of the key."""
    n = sound_frames(length_s + 0.4)
    t = np.arange(n) / ENGINE_RATE_HZ
    waves = 2.2 + 0.5 * bright + 0.7 * np.sin(2 * np.pi * (0.21 * t + rng.random()))
    hz = midi_to_hz(pitches[0])
    tones = partials(n, [hz, 1.5 * hz, 2.003 * hz, 3.01 * hz], [0.5, 0.35, 0.3, 0.12], 0.0, rng.uniform(0, 6, 4))
    swell = (0.75 + 0.25 * np.sin(2 * np.pi * (0.33 * t + rng.random()))).astype(np.float32)
    return apply_envelope(
        (_moving_noise(waves, rng) + np.float32(0.3 * velocity) * tones) * swell, 0.15 * length_s, 0.4
    )


#: Name in style.toml → voice.
EFFECTS = {"riser": riser, "downlifter": downlifter, "sweep": sweep, "impact": impact, "ambience": ambience}
