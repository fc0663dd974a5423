"""Test audio, synthesised with a known truth, or decoded: float32 ``[N, channels]`` with full scale ±1."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]

#: libsndfile's name of each encoding.
SUBTYPES = {"float32": "FLOAT", "pcm24": "PCM_24", "pcm16": "PCM_16"}


def _spread(mono: npt.NDArray[np.float64], channels: int) -> Samples:
    return np.repeat(mono[:, None], channels, axis=1).astype(np.float32)


def sine(hz: float, duration_s: float, *, rate_hz: int = 48_000, peak: float = 0.5, channels: int = 2) -> Samples:
    """A sine that starts at phase 0, equal in all channels. Its RMS is peak/√2."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    return _spread(peak * np.sin(2 * np.pi * hz * t), channels)


def noise(duration_s: float, *, rate_hz: int = 48_000, rms: float = 0.1, channels: int = 2, seed: int = 0) -> Samples:
    """White Gaussian noise, independent between channels."""
    frames = round(duration_s * rate_hz)
    return (rms * np.random.default_rng(seed).standard_normal((frames, channels))).astype(np.float32)


def clicks(
    times_s: npt.ArrayLike, duration_s: float, *, rate_hz: int = 48_000, peak: float = 0.8, channels: int = 2
) -> Samples:
    """A 1 kHz burst with a 5 ms decay, starting exactly at round(time·rate) for each time."""
    mono = np.zeros(round(duration_s * rate_hz))
    t = np.arange(round(0.03 * rate_hz)) / rate_hz
    burst = peak * np.cos(2 * np.pi * 1000 * t) * np.exp(-t / 0.005)
    for time_s in np.atleast_1d(np.asarray(times_s, dtype=float)):
        at = round(time_s * rate_hz)
        if 0 <= at < len(mono):
            mono[at : at + len(burst)] += burst[: len(mono) - at]
    return _spread(mono, channels)


def chord(
    pitches_midi: tuple[int, ...], duration_s: float, *, rate_hz: int = 48_000, peak: float = 0.3, channels: int = 2
) -> Samples:
    """Equal-tempered pitches (69 = 440 Hz), five harmonics falling as 1/n, with a slow decay and 5 ms edges."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    mono = np.zeros_like(t)
    for pitch in pitches_midi:
        hz = 440.0 * 2 ** ((pitch - 69) / 12)
        mono += sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, 6) if hz * n < rate_hz / 2)
    edge = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.005)
    mono *= edge * np.exp(-t / 2.0)
    return _spread(mono * peak / max(1e-9, np.abs(mono).max()), channels)


#: C, G, A minor, F: MIDI pitches from bass to top, one chord a bar.
PROGRESSION = ((36, 60, 64, 67), (43, 59, 62, 67), (45, 57, 60, 64), (41, 57, 60, 65))


def song(**how: Any) -> Samples:
    """Return `_song`, which takes its time, of one's own: made once for the same arguments."""
    return _song(**how).copy()


@functools.lru_cache(maxsize=32)
def _song(
    *,
    bpm: float = 120.0,
    bars: int = 8,
    beats_per_bar: int = 4,
    rate_hz: int = 48_000,
    progression: tuple[tuple[int, ...], ...] = PROGRESSION,
    seed: int = 0,
) -> Samples:
    """A stereo song: one chord a bar, kick on the odd beats, snare on the even ones, hi-hat on every eighth.

    Beat b is at exactly 60·b/bpm seconds and bar one starts at 0. The default is in C major.
    """
    rng = np.random.default_rng(seed)
    beat_s = 60.0 / bpm
    out = np.zeros((round(bars * beats_per_bar * beat_s * rate_hz), 2), np.float32)

    def add(sound: npt.NDArray[np.float32], at_s: float) -> None:
        at = round(at_s * rate_hz)
        out[at : at + len(sound)] += sound[: len(out) - at]

    t = np.arange(round(0.2 * rate_hz)) / rate_hz
    kick = _spread(0.5 * np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.06), 2)
    snare = _spread(0.25 * rng.standard_normal(len(t)) * np.exp(-t / 0.04), 2)
    hat = _spread(0.08 * np.diff(rng.standard_normal(len(t) + 1)) * np.exp(-t / 0.015), 2)
    for bar in range(bars):
        pitches = progression[bar % len(progression)]
        add(chord(pitches, beats_per_bar * beat_s, rate_hz=rate_hz), bar * beats_per_bar * beat_s)
        for beat in range(beats_per_bar):
            beat_at_s = (bar * beats_per_bar + beat) * beat_s
            add(kick if beat % 2 == 0 else snare, beat_at_s)
            add(hat, beat_at_s)
            add(hat, beat_at_s + beat_s / 2)
    return out


def decode_chunk(data: bytes, encoding: str, channels: int) -> Samples:
    """The samples of a data chunk, as libsndfile reads them; all of its bytes are whole frames."""
    sample_bytes = int(encoding[-2:]) // 8
    assert len(data) % (sample_bytes * channels) == 0, f"{len(data)} bytes are no whole frames"
    samples, _ = soundfile.read(io.BytesIO(data), samplerate=48_000, channels=channels, subtype=SUBTYPES[encoding],
                                format="RAW", endian="LITTLE", dtype="float32", always_2d=True)  # fmt: skip
    return samples
