"""A singer whose every syllable is known: consonants of noise, vowels of three formants. The truth for alignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000
Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

#: Frequencies of the first three formants in Hz (Peterson & Barney 1952, men): a, i, u, e, o.
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
PITCHES = (57, 59, 60, 62, 64, 60, 59, 57)


@dataclass(frozen=True)
class VocalLines:
    """A voice ``[N, 2]``, and per line when it starts and ends."""

    samples: Samples
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]


def vowel(length_s: float, midi: float, formants: tuple[int, ...], *, vibrato_cents: float = 30.0) -> Floats:
    """A sung vowel: harmonics of a gliding, wavering pitch, weighted by formants; mono, peak about 1."""
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    cents = vibrato_cents * np.sin(2 * np.pi * 5.6 * t) * np.minimum(1, t / 0.25) - 60 * np.exp(-t / 0.04)
    f0 = 440 * 2 ** ((midi - 69) / 12 + cents / 1200)
    phase = 2 * np.pi * np.cumsum(f0) / RATE_HZ
    out = np.zeros(len(t))
    for k in range(1, 26):
        hz = k * 440 * 2 ** ((midi - 69) / 12)
        gain = sum(g / (1 + ((hz - f) / (60 + 0.05 * f)) ** 2) for f, g in zip(formants, (1, 0.6, 0.3), strict=True))
        out += (gain + 0.01) / k**0.4 * np.sin(k * phase)
    edges = np.minimum(1, np.minimum(t / 0.025, t[::-1] / 0.04))
    return np.asarray(out / np.abs(out).max() * edges)


def sing(
    lines: list[tuple[float, int]],
    length_s: float,
    *,
    syllable_s: float = 0.3,
    seed: int = 0,
    vibrato_cents: float = 30.0,
) -> VocalLines:
    """Sing lines given as (start in seconds, syllables); the last syllable of each is held twice as long."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(length_s * RATE_HZ))
    ends = []
    for start_s, syllables in lines:
        at_s = start_s
        for n in range(syllables):
            held_s = syllable_s * (2.0 if n + 1 == syllables else rng.uniform(0.8, 1.2))
            hiss = 0.06 * np.diff(rng.standard_normal(round(0.05 * RATE_HZ) + 1)) * np.hanning(round(0.05 * RATE_HZ))
            sound = np.concatenate([hiss, vowel(held_s - 0.05, PITCHES[rng.integers(8)], VOWELS[rng.integers(5)],
                                                vibrato_cents=vibrato_cents)])  # fmt: skip
            at = round(at_s * RATE_HZ)
            out[at : at + len(sound)] += sound[: len(out) - at]
            at_s += held_s
        ends.append(at_s)
    stereo = np.repeat(0.25 * out[:, None], 2, axis=1).astype(np.float32)
    return VocalLines(stereo, tuple(start for start, _ in lines), tuple(ends))
