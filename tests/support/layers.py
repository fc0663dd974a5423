"""Layers for `signals.song` with a known place in time and pitch: a walking bass, and soft chords."""

from __future__ import annotations

import numpy as np

from tests.support import signals
from tests.support.signals import Samples

RATE_HZ = 48_000
BPM = 120.0


def walking_bass(
    bars: int = 8, *, bpm: float = BPM, late_s: float = 0.0, semitones: float = 0.0, frames: int | None = None
) -> Samples:
    """Root, fifth, octave and fifth of each chord of `signals.PROGRESSION`, a note a beat; beat b is at 60·b/bpm + late_s."""
    frames = round(bars * 4 * 60 / BPM * RATE_HZ) if frames is None else frames
    out = np.zeros((frames, 2), np.float32)
    for beat in range(bars * 4):
        root = signals.PROGRESSION[beat // 4 % 4][0]
        pitch = root + (0, 7, 12, 7)[beat % 4] + semitones
        note = signals.chord((pitch,), 0.8 * 60 / bpm)  # type: ignore[arg-type]
        at = round((beat * 60 / bpm + late_s) * RATE_HZ)
        first, last = max(0, at), min(frames, at + len(note))
        if last > first:
            out[first:last] += note[first - at : last - at]
    return out


def soft_chords(bars: int = 8, *, late_s: float = 0.0, attack_s: float = 0.1) -> Samples:
    """The chords of `signals.PROGRESSION`, one a bar, that rise over ``attack_s`` and end over as long."""
    frames = round(bars * 4 * 60 / BPM * RATE_HZ)
    out = np.zeros((frames, 2), np.float32)
    rng = np.random.default_rng(3)
    for bar in range(bars):
        length = round(4 * 60 / BPM * RATE_HZ)
        t = np.arange(length + round(attack_s * RATE_HZ)) / RATE_HZ
        edge = np.clip(np.minimum(t, t[::-1]) / attack_s, 0, 1)
        mono = np.zeros(len(t))
        for pitch in signals.PROGRESSION[bar % 4][1:]:
            for _ in range(3):  # players a little apart, so that the sound beats
                hz = 440 * 2 ** ((pitch - 69 + rng.normal(0, 0.06)) / 12)
                vibrato = 0.003 * np.sin(2 * np.pi * rng.uniform(4.5, 6) * t)
                phase = 2 * np.pi * (np.cumsum(hz * (1 + vibrato)) / RATE_HZ + rng.random())
                mono += sum(np.sin(n * phase) / n**1.2 for n in range(1, 9))
        at = round((bar * 4 * 60 / BPM + late_s) * RATE_HZ)
        part = (0.03 * mono * edge)[max(0, -at) : max(0, frames - at)]
        out[max(0, at) : max(0, at) + len(part)] += part[:, None].astype(np.float32)
    return out
