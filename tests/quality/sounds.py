"""Playing notes in numpy: drums, plucked and bowed strings, keys, and a voice with formants, vibrato and consonants.

Sounds are float64 ``[N]`` at 48 kHz; a note is (start_s, length_s, MIDI pitch, velocity).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from .score import CLOSED_HAT, CRASH, KICK, OPEN_HAT, RIDE, SNARE, STICK, TOM

RATE_HZ = 48_000
Floats = npt.NDArray[np.float64]
TimedNote = tuple[float, float, int, int]

#: First three formants in Hz of sung vowels (after Peterson & Barney 1952, men's and women's values in between).
VOWELS = ((790, 1150, 2600), (570, 1950, 2600), (310, 2500, 3100), (600, 880, 2500), (370, 950, 2400))
_FORMANT_WIDTHS, _FORMANT_GAINS = (110.0, 140.0, 220.0), (1.0, 0.6, 0.3)


def hz(midi: float) -> float:
    return float(440.0 * 2 ** ((midi - 69) / 12))


def _mix(notes: Sequence[TimedNote], frames: int, sound: Callable[[int, float], Floats]) -> Floats:
    """Add up notes; ``sound`` makes one of a pitch and a length in seconds, and is asked once for each of a kind."""
    out, made = np.zeros(frames), {}
    for start_s, length_s, pitch, velocity in notes:
        kind = (pitch, round(length_s, 4))
        if kind not in made:
            made[kind] = sound(*kind)
        _put(out, made[kind] * (velocity / 100), start_s)
    return out


def _put(out: Floats, sound: Floats, at_s: float) -> None:
    at = round(at_s * RATE_HZ)
    n = max(0, min(len(sound), len(out) - at))
    out[at : at + n] += sound[:n]


def _edges(n: int, attack_s: float, release_s: float) -> Floats:
    t = np.arange(n) / RATE_HZ
    return np.clip(np.minimum((t + 1e-4) / attack_s, t[::-1] / release_s), 0.0, 1.0)


def _apply_highpass(noise: Floats, times: int) -> Floats:
    for _ in range(times):
        noise = np.diff(noise, prepend=0.0)
    return noise


def _strike(pitch: int, rng: np.random.Generator) -> Floats:
    long_s = {CRASH: 1.2, OPEN_HAT: 0.4, RIDE: 0.5}.get(pitch, 0.3)
    t = np.arange(round(long_s * RATE_HZ)) / RATE_HZ
    noise = rng.standard_normal(len(t))
    if pitch == KICK:
        body = np.sin(2 * np.pi * (52 * t + 4.5 * (1 - np.exp(-t / 0.028)))) * np.exp(-t / 0.09)
        return 0.9 * body + 0.08 * noise * np.exp(-t / 0.004)
    if pitch == SNARE:
        tone = np.sin(2 * np.pi * 185 * t) + 0.6 * np.sin(2 * np.pi * 330 * t)
        return 0.3 * tone * np.exp(-t / 0.05) + 0.35 * _apply_highpass(noise, 1) * np.exp(-t / 0.07)
    if pitch == TOM:
        return 0.7 * np.sin(2 * np.pi * (105 * t + 1.5 * (1 - np.exp(-t / 0.05)))) * np.exp(-t / 0.12)
    if pitch == STICK:
        return 0.5 * (np.sin(2 * np.pi * 820 * t) + np.sin(2 * np.pi * 1730 * t)) * np.exp(-t / 0.012)
    decay_s = {CLOSED_HAT: 0.03, OPEN_HAT: 0.15, RIDE: 0.18, CRASH: 0.4}[pitch]
    metal = sum(np.sign(np.sin(2 * np.pi * f * t + p)) for f, p in
                zip((2100, 3170, 4220, 5390, 6530), rng.uniform(0, 6.28, 5), strict=True))  # fmt: skip
    return 0.12 * (_apply_highpass(noise, 2) + 0.25 * _apply_highpass(np.asarray(metal), 1)) * np.exp(-t / decay_s)


def drums(notes: Sequence[TimedNote], frames: int, rng: np.random.Generator) -> Floats:
    """Play the General MIDI drums that scores use, ``[frames, 2]``: hats to the right, toms and cymbals to the left."""
    sides = {CLOSED_HAT: 0.35, OPEN_HAT: 0.35, RIDE: -0.4, CRASH: -0.3, TOM: -0.3}
    out = np.zeros((frames, 2))
    for pitch in sorted({note[2] for note in notes}):
        strokes = [_strike(pitch, rng) for _ in range(4)]
        mono = np.zeros(frames)
        for number, (start_s, _, _, velocity) in enumerate(note for note in notes if note[2] == pitch):
            _put(mono, strokes[number % 4] * (velocity / 100) ** 1.5, start_s)
        out += pan(mono, sides.get(pitch, 0.0))
    return out


def _tone(
    pitch: int, length_s: float, harmonics: int, fall: float, decay_s: float, tilt: float, attack_s: float
) -> Floats:
    """A note whose harmonics fall as h^-fall; the higher the harmonic, the sooner it decays (by ``tilt``)."""
    n = round((length_s + 0.08) * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    f = hz(pitch)
    out = np.zeros(n)
    for h in range(1, harmonics + 1):
        if h * f < 16_000:
            stretched = h * f * np.sqrt(1 + 0.00008 * h * h)
            out += np.sin(2 * np.pi * stretched * t + 0.7 * h) / h**fall * np.exp(-t * (1 / decay_s + h * tilt))
    return out * _edges(n, attack_s, 0.08)


def bass(notes: Sequence[TimedNote], frames: int, _rng: np.random.Generator) -> Floats:
    return _mix(notes, frames, lambda pitch, s: _tone(pitch, s, 9, 1.3, 1.5, 0.35, 0.006))


def keys(notes: Sequence[TimedNote], frames: int, _rng: np.random.Generator) -> Floats:
    return _mix(notes, frames, lambda pitch, s: _tone(pitch, s, 10, 1.5, 1.2, 0.3, 0.004))


def guitar(notes: Sequence[TimedNote], frames: int, _rng: np.random.Generator) -> Floats:
    return _mix(notes, frames, lambda pitch, s: _tone(pitch, s, 14, 0.9, 0.7, 0.5, 0.003))


def synth(notes: Sequence[TimedNote], frames: int, _rng: np.random.Generator) -> Floats:
    return _mix(notes, frames, lambda pitch, s: _tone(pitch, s, 18, 1.0, 20.0, 0.01, 0.01))


def strings(notes: Sequence[TimedNote], frames: int, rng: np.random.Generator) -> Floats:
    """Three players on each note, a little out of tune with each other."""

    def sound(pitch: int, length_s: float) -> Floats:
        n = round((length_s + 0.15) * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        out = np.zeros(n)
        for _ in range(3):
            f = hz(pitch + rng.normal(0, 0.06)) * (1 + 0.003 * np.sin(2 * np.pi * rng.uniform(4.5, 6) * t))
            phase = 2 * np.pi * (np.cumsum(f) / RATE_HZ + rng.random())
            out += sum(np.sin(h * phase) / h**1.2 for h in range(1, 11))
        return out * _edges(n, 0.12, 0.15)

    return _mix(notes, frames, sound)


def voice(notes: Sequence[TimedNote], frames: int, rng: np.random.Generator) -> Floats:
    """Sing a vowel to each note: glides from the note before, vibrato once settled, breath, a consonant now and then."""
    whole, before = np.zeros(frames), 0.0
    for note in notes:
        n = round(note[1] * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        glide = np.clip(before - note[2], -4, 4) * np.exp(-t / 0.035) if before else -1.0 * np.exp(-t / 0.05)
        vibrato = 0.35 * np.sin(2 * np.pi * (5.4 + rng.normal(0, 0.2)) * t) * np.clip((t - 0.15) / 0.2, 0, 1)
        drift = 0.08 * np.cumsum(rng.standard_normal(n)) / np.sqrt(RATE_HZ)
        f = 440.0 * 2 ** ((note[2] + glide + vibrato + drift - 69) / 12)
        phase = 2 * np.pi * np.cumsum(f) / RATE_HZ
        here, there = (np.array(VOWELS[int(rng.integers(len(VOWELS)))], float) for _ in range(2))
        blend = np.clip(t / max(0.2, note[1]), 0, 1)
        out = np.zeros(n)
        for h in range(1, 33):
            if h * hz(note[2]) > 9000:
                break
            level = np.full(n, 0.02)
            for k, (width, gain) in enumerate(zip(_FORMANT_WIDTHS, _FORMANT_GAINS, strict=True)):
                centre = here[k] + (there[k] - here[k]) * blend
                level += gain / (1 + ((h * f - centre) / width) ** 2)
            out += np.sin(h * phase) * level / h**0.5
        out += 0.02 * _apply_highpass(rng.standard_normal(n), 1)
        out *= note[3] / 100 * _edges(n, 0.03, 0.06)
        if rng.random() < 0.5:
            burst = min(n, round(0.06 * RATE_HZ))
            out[:burst] += 0.25 * _apply_highpass(rng.standard_normal(burst), 1) * np.hanning(burst)
        _put(whole, out, note[0])
        before = note[2]
    return whole


PLAYERS = {"bass": bass, "keys": keys, "guitar": guitar, "synth": synth, "strings": strings, "vocals": voice}


def pan(mono: Floats, side: float) -> Floats:
    """Place a sound between left (−1) and right (1) at constant power, ``[N, 2]``."""
    angle = (side + 1) * np.pi / 4
    return np.stack([mono * np.cos(angle), mono * np.sin(angle)], axis=1) * np.sqrt(2)


def in_room(sound: Floats, seconds: float, share: float, rng: np.random.Generator) -> Floats:
    """Add the tail of a diffuse room, decaying by 60 dB in ``seconds``, to ``[N, 2]``."""
    from scipy.signal import oaconvolve

    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal((len(t), 2)) * np.exp(-6.9 * t / seconds)[:, None]
    tail /= np.sqrt((tail**2).sum(axis=0))
    return sound + share * oaconvolve(sound, tail, axes=0)[: len(sound)]
