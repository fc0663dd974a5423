"""A small band whose players are known one by one: the ground truth for analysis and separation.

All sounds are float64 ``[N]`` or ``[N, 2]`` at 48 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000
Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

#: C, G, A minor, F: root of the bass and the three notes above, MIDI.
CHORDS = ((36, 48, 52, 55), (43, 47, 50, 55), (45, 48, 52, 57), (41, 48, 53, 57))
MELODY = (60, 62, 64, 60, 67, 64, 62, 60, 59, 62, 64, 67, 65, 64, 62, 60)


def hz(midi: float) -> float:
    return float(440.0 * 2 ** ((midi - 69) / 12))


def _put(out: Floats, sound: Floats, at_s: float) -> None:
    at = round(at_s * RATE_HZ)
    n = min(len(sound), len(out) - at)
    if n > 0:
        out[at : at + n] += sound[:n]


def _edges(n: int, s: float) -> Floats:
    t = np.arange(n) / RATE_HZ
    return np.minimum(1.0, np.minimum(t, t[::-1]) / s)


def drums(beats: int, beat_s: float, rng: np.random.Generator) -> Floats:
    """Kick on even beats, snare on odd ones, hi-hat on eighths."""
    out = np.zeros(round(beats * beat_s * RATE_HZ))
    t = np.arange(round(0.3 * RATE_HZ)) / RATE_HZ
    kick = 0.6 * np.sin(2 * np.pi * (48 * t + 5 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.08)
    snare = 0.25 * rng.standard_normal(len(t)) * np.exp(-t / 0.05)
    snare += 0.2 * np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.06)
    hat = 0.1 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.02)
    for beat in range(beats):
        _put(out, snare if beat % 2 else kick, beat * beat_s)
        _put(out, hat, beat * beat_s)
        _put(out, hat, (beat + 0.5) * beat_s)
    return out


def bass(beats: int, beat_s: float) -> Floats:
    """Eighths and quarters on the root, six harmonics."""
    out = np.zeros(round(beats * beat_s * RATE_HZ))
    for eighth in range(2 * beats):
        if eighth % 8 in (1, 5):
            continue
        f = hz(CHORDS[(eighth // 8) % 4][0])
        n = round(beat_s * (1.0 if eighth % 8 in (0, 4) else 0.5) * 0.95 * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        note = sum(np.sin(2 * np.pi * f * h * t) / h**1.5 for h in range(1, 7))
        _put(out, 0.25 * note * _edges(n, 0.008) * np.exp(-t / 1.2), eighth * beat_s / 2)
    return out


def voice(beats: int, beat_s: float) -> Floats:
    """A tune with vibrato (5.5 Hz, ±40 cents) and three formants; the last beat of a bar is held over."""
    out = np.zeros(round(beats * beat_s * RATE_HZ))
    for beat in range(beats):
        if beat % 4 == 3:
            continue
        n = round(beat_s * (1.9 if beat % 4 == 2 else 0.95) * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        f = hz(MELODY[beat % 16]) * 2 ** (0.4 / 12 * np.sin(2 * np.pi * 5.5 * t) * np.minimum(1, t / 0.15))
        phase = 2 * np.pi * np.cumsum(f) / RATE_HZ
        note = np.zeros(n)
        for h in range(1, 16):
            formants = sum(g * np.exp(-(((h * f - c) / w) ** 2)) for c, w, g in
                           ((700, 200, 2.0), (1200, 200, 1.5), (2800, 300, 1.0)))  # fmt: skip
            note += np.sin(h * phase) / h * (1 + formants)
        _put(out, 0.12 * note * _edges(n, 0.03), beat * beat_s)
    return out


def pad(beats: int, beat_s: float, rng: np.random.Generator) -> Floats:
    """Held chords, detuned by ±0.2 % and with phases of their own in each channel, ``[N, 2]``."""
    out = np.zeros((round(beats * beat_s * RATE_HZ), 2))
    n = round(4 * beat_s * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    for bar in range(beats // 4):
        for channel in (0, 1):
            sound = np.zeros(n)
            for midi in CHORDS[bar % 4][1:]:
                f = hz(midi + 12) * (1.002 if channel else 0.998)
                sound += sum(np.sin(2 * np.pi * (f * h * t + rng.random())) / h**1.2 for h in range(1, 8))
            _put(out[:, channel], 0.05 * sound * _edges(n, 0.05), bar * 4 * beat_s)
    return out


@dataclass(frozen=True)
class Band:
    """A mix ``[N, 2]`` and the players it is the sum of."""

    mix: Samples
    players: dict[str, Samples]


def play(*, bpm: float = 120.0, bars: int = 2, seed: int = 0, wide: bool = True, singing: bool = True) -> Band:
    """Drums, bass and vocals in the centre, a pad to both sides (or, unless ``wide``, in the centre too)."""
    rng = np.random.default_rng(seed)
    beats, beat_s = 4 * bars, 60.0 / bpm
    chords = pad(beats, beat_s, rng)
    tracks = {
        "drums": drums(beats, beat_s, rng),
        "bass": bass(beats, beat_s),
        "vocals": voice(beats, beat_s) if singing else np.zeros(len(chords)),
        "other": chords if wide else chords.mean(axis=1),
    }
    players = {
        name: (0.7 * (x if x.ndim == 2 else np.repeat(x[:, None], 2, axis=1))).astype(np.float32)
        for name, x in tracks.items()
    }
    return Band(np.sum(list(players.values()), axis=0, dtype=np.float32), players)


def si_sdr_db(estimate: Samples, truth: Samples) -> float:
    """Scale-invariant signal to distortion ratio (Le Roux 2019), in dB."""
    e, r = estimate.astype(np.float64).ravel(), truth.astype(np.float64).ravel()
    target = (e @ r) / (r @ r) * r
    return float(10 * np.log10((target @ target) / max(1e-20, float((e - target) @ (e - target)))))


def energy_db(samples: Samples, reference: Samples) -> float:
    """Energy of one sound relative to another, in dB."""
    ratio = np.sum(samples.astype(np.float64) ** 2) / np.sum(reference.astype(np.float64) ** 2)
    return float(10 * np.log10(ratio + 1e-20))
