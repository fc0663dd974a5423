"""The singing voice: glottal pulses through the formants of a vowel, and the noise of its consonant.

A *syllable* is a sound: an onset, "t" (plosive), "s" (fricative), "n" (nasal) or nothing, then a vowel,
one of a e i o u or "m" (humming): "a", "ta", "nm". singing.py turns lyrics into such syllables.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from acestep_runtime.dsp.synth import (
    Floats,
    Mono,
    apply_envelope,
    band_noise,
    decay_envelope,
    midi_to_hz,
    normalise_level,
    sound_frames,
)
from acestep_runtime.units import ENGINE_RATE_HZ

VOWELS = "aeioum"
ONSETS = ("", "t", "s", "n")

#: F1 to F3 in Hz, averages of Peterson and Barney, Control Methods Used in a Study of the Vowels, 1952 (hod, head, heed,
#: hawed, who'd); the murmur of a closed mouth after Fujimura, Analysis of Nasal Consonants, 1962.
_FORMANTS = {
    "female": {"a": (850, 1220, 2810), "e": (610, 2330, 2990), "i": (310, 2790, 3310), "o": (590, 920, 2710),
               "u": (370, 950, 2670), "m": (290, 1100, 2500)},
    "male": {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410),
             "u": (300, 870, 2240), "m": (250, 1000, 2200)},
}  # fmt: skip
#: F4 and F5, and all bandwidths, of Klatt, Software for a Cascade/Parallel Formant Synthesizer, 1980; a woman's vocal
#: tract is shorter by a sixth.
_UPPER = {"female": (3900, 4500), "male": (3300, 3850)}
_BANDWIDTHS = (70, 90, 140, 220, 260)
_MURMUR_BANDWIDTHS = (90, 350, 500, 600, 700)
#: Points of a stored period: nearest-point reading has an error below −75 dB, at the same cost for any pitch.
_CYCLE = 16_384
#: Frames between pitch updates.
_STEP = 64
_TOP_HZ = 9000.0
_VIBRATO_CENTS, _SCOOP_CENTS, _JITTER_CENTS = 32.0, 45.0, 4.0
#: Onset noise: length in seconds, band, level against the vowel, and the vowel's delay.
_NOISES = {
    "t": (0.030, 1400.0, 5200.0, 0.30, 0.022),
    "s": (0.085, 3800.0, 9500.0, 0.20, 0.038),
}


@lru_cache(maxsize=128)
def _vowel_cycle(voice_type: str, vowel: str, hz: float, tilt: float) -> Mono:
    """Return one period of a vowel, ``[_CYCLE]``, with an RMS of one.

    The source falls by 5 dB an octave (11 for the flow of the glottis, less 6 for the radiation from the lips), and by
    ``tilt`` times 6 more above 500 Hz; the tract is a cascade of resonators (Klatt 1980). A high note lifts the first
    formant above its fundamental, as singers do (Sundberg, The Science of the Singing Voice, 1987).
    """
    k = np.arange(1, max(2, int(_TOP_HZ / hz)) + 1)
    f = k * hz
    source = k**-0.8 / (1 + (f / 500.0) ** 2) ** (0.5 * tilt)
    first, *others = _FORMANTS[voice_type][vowel]
    widths = _MURMUR_BANDWIDTHS if vowel == "m" else _BANDWIDTHS
    tract = np.ones(len(k), np.complex128)
    for centre, width in zip((max(first, 1.02 * hz), *others, *_UPPER[voice_type]), widths, strict=True):
        tract *= centre**2 / (centre**2 - f**2 + 1j * f * width)
    spectrum = np.zeros(_CYCLE // 2 + 1, np.complex128)
    spectrum[1 : len(k) + 1] = source * tract
    wave = np.fft.irfft(spectrum, _CYCLE)
    return np.asarray(wave / np.sqrt(np.mean(wave**2)), np.float32)


def _glottal_phase(n: int, hz: float, rng: np.random.Generator) -> Floats:
    """Return the phase of a sung note in points of a period, ``[n]``.

    The pitch rises from just below, wavers a little, and gets a late vibrato.
    """
    t = np.arange(-(-n // _STEP)) * (_STEP / ENGINE_RATE_HZ)
    knots = rng.standard_normal(int(t[-1] * 12) + 2)
    wander = _JITTER_CENTS * np.interp(t * 12, np.arange(len(knots)), knots)
    wave = np.sin(2 * np.pi * rng.uniform(5.1, 5.8) * t)
    cents = wander + _VIBRATO_CENTS * np.clip(t / 0.3 - 0.8, 0.0, 1.0) * wave - _SCOOP_CENTS * np.exp(-t / 0.022)
    step = hz * 2.0 ** (cents / 1200.0) * (_CYCLE / ENGINE_RATE_HZ)
    return np.asarray(np.cumsum(np.repeat(step, _STEP)[:n]), np.float64)


def _read_cycle(period: Mono, turns: Floats) -> Mono:
    return np.asarray(period[turns.astype(np.int64) & (_CYCLE - 1)], np.float32)


def _sing_pitch(
    voice_type: str, syllable: str, hz: float, n: int, velocity: float, bright: float, rng: np.random.Generator
) -> Mono:
    """Sing one pitch: the vowel opens from a softer sound, from a murmur after a nasal."""
    onset, vowel = syllable[:-1], syllable[-1]
    turns = _glottal_phase(n, hz, rng)
    tilt = max(0.0, 0.5 - 0.5 * velocity - 0.35 * bright)
    out = _read_cycle(_vowel_cycle(voice_type, vowel, round(hz, 3), round(tilt, 3)), turns)
    nasal = onset == "n"
    head = min(n, sound_frames(0.09))
    soft = _read_cycle(
        _vowel_cycle(voice_type, "m" if nasal else vowel, round(hz, 3), round(tilt + 0.7, 3)), turns[:head]
    )
    opening = np.clip(np.arange(head) / head * 1.5 - (0.5 if nasal else 0.0), 0.0, 1.0)
    mouth = (0.5 - 0.5 * np.cos(np.pi * opening)).astype(np.float32)
    soft *= np.float32(0.55 if nasal else 0.9)
    out[:head] = soft + mouth * (out[:head] - soft)
    return out


def sing_note(voice_type: str, syllable: str, pitches: tuple[int, ...], length_s: float, velocity: float, bright: float,
              rng: np.random.Generator, cents: tuple[float, ...] = (0.0,)) -> Mono:  # fmt: skip
    """Sing a syllable on every pitch at once, with one voice for each detuning in ``cents``.

    ``voice_type`` is "female", "male", or "" for the one in range. The vowel begins at most 40 ms after the note.
    """
    n = sound_frames(length_s + 0.09)
    onset = syllable[:-1]
    noise_s, low_hz, high_hz, level, vowel_s = _NOISES.get(onset, (0.0, 0.0, 0.0, 0.0, 0.0))
    late = min(round(vowel_s * ENGINE_RATE_HZ), n // 4)
    voices = [(pitch, off) for pitch in pitches for off in cents]
    out = np.zeros(n, np.float32)
    for pitch, off in voices:
        singer = voice_type or ("female" if pitch >= 57 else "male")
        hz = midi_to_hz(pitch + off / 100)
        out[late:] += _sing_pitch(singer, syllable, hz, n - late, velocity, bright, rng)
    if syllable[-1] != "m":
        breath = np.diff(rng.standard_normal(n - late + 1, np.float32))
        out[late:] += breath * np.float32((0.008 + 0.010 * (1 - velocity)) * np.sqrt(len(voices)))
    out[late:] = apply_envelope(out[late:], min(0.012 if onset == "t" else 0.03, 0.3 * length_s), 0.08)
    out = normalise_level(out)
    if level:
        burst = min(sound_frames(noise_s), n // 2)
        noise = band_noise(burst, rng, low_hz=low_hz, high_hz=high_hz)
        hiss = decay_envelope(burst, 0.05) if onset == "t" else np.hanning(burst + 2)[1:-1].astype(np.float32)
        out[:burst] += apply_envelope(noise * hiss, 0.002, 0.01) * np.float32(0.2 * level)
    return out
