"""The sounds of the fx track: risers, downlifters, sweeps, impacts and air. Voices like those of voices.py, without a tune.

What a pitch does here is tint: the tones in a riser or in the air belong to the key.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.dsp.synth import Floats, Mono, band_noise, fall, harmonics, midi_to_hz, partials, seconds, shaped
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


def riser(pitches: tuple[int, ...], length_s: float, touch: float, bright: float, rng: np.random.Generator) -> Mono:
    """Noise and a tone that climb two octaves and grow to the end."""
    n = seconds(length_s)
    x = np.arange(n) / n
    noise = _moving_noise(1.0 + (3.6 + 0.8 * bright) * x, rng)
    hz = midi_to_hz(pitches[0]) * 2.0 ** (2 * x)
    tone = harmonics(2 * np.pi * np.cumsum(hz) / ENGINE_RATE_HZ, np.array([1.0, 0.5, 0.33, 0.2]))
    grown = (0.06 + 0.94 * x**2).astype(np.float32)
    return shaped((noise + np.float32(0.25 * touch) * tone) * grown, 0.02, 0.015)


def downlifter(
    pitches: tuple[int, ...], length_s: float, touch: float, bright: float, rng: np.random.Generator
) -> Mono:
    """A riser backwards: what falls away from a downbeat."""
    return riser(pitches, length_s, 0.6 * touch, bright, rng)[::-1].copy()


def sweep(pitches: tuple[int, ...], length_s: float, touch: float, bright: float, rng: np.random.Generator) -> Mono:
    """Noise that passes by: up and down again."""
    del pitches
    x = np.arange(seconds(length_s)) / seconds(length_s)
    swell = np.sin(np.pi * x) ** 2
    return shaped(_moving_noise(1.5 + (2.6 + bright + 0.6 * touch) * swell, rng) * swell.astype(np.float32), 0.02, 0.02)


def impact(pitches: tuple[int, ...], length_s: float, touch: float, bright: float, rng: np.random.Generator) -> Mono:
    """A deep stroke that falls an octave, its crack, and a dark tail."""
    del pitches
    n = seconds(min(4.0, length_s))
    t = np.arange(n) / ENGINE_RATE_HZ
    boom = np.sin(2 * np.pi * (38 * t + 38 * 0.12 * (1 - np.exp(-t / 0.12)))).astype(np.float32) * fall(n, 1.8)
    crack = band_noise(n, rng, low_hz=300, high_hz=3500 * 2.0**bright) * fall(n, 0.12)
    tail = band_noise(n, rng, low_hz=90, high_hz=1200) * fall(n, 2.6)
    return shaped(boom + np.float32(0.35 * touch) * crack + np.float32(0.16) * tail, 0.001, 0.3 * n / ENGINE_RATE_HZ)


def ambience(pitches: tuple[int, ...], length_s: float, touch: float, bright: float, rng: np.random.Generator) -> Mono:
    """Air that breathes slowly over a faint fifth of the key."""
    n = seconds(length_s + 0.4)
    t = np.arange(n) / ENGINE_RATE_HZ
    waves = 2.2 + 0.5 * bright + 0.7 * np.sin(2 * np.pi * (0.21 * t + rng.random()))
    hz = midi_to_hz(pitches[0])
    tones = partials(n, [hz, 1.5 * hz, 2.003 * hz, 3.01 * hz], [0.5, 0.35, 0.3, 0.12], 0.0, rng.uniform(0, 6, 4))
    swell = (0.75 + 0.25 * np.sin(2 * np.pi * (0.33 * t + rng.random()))).astype(np.float32)
    return shaped((_moving_noise(waves, rng) + np.float32(0.3 * touch) * tones) * swell, 0.15 * length_s, 0.4)


#: Name in style.toml → voice.
EFFECTS = {"riser": riser, "downlifter": downlifter, "sweep": sweep, "impact": impact, "ambience": ambience}
