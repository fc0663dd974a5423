"""Notes for tests: songs as values, their sound as sums of harmonics or strokes, and how well notes are found again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.drums import strike
from acestep_runtime.notes import Note
from acestep_runtime.units import ENGINE_RATE_HZ

Planes = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
#: Piece of the draft engine's kits → its General MIDI note.
PIECES = {"kick": 36, "snare": 38, "hat": 42, "open": 46, "crash": 49, "ride": 51, "tom2": 47}


def posteriors(seed: int, frames: int = 900) -> Planes:
    """Return what sounds and what begins, ``[frames, 88]``: notes with noise, in steps that any machine has exactly."""
    rng = np.random.default_rng(seed)
    sounds, begins = (rng.integers(0, 200, (frames, 88)) for _ in range(2))
    for _ in range(frames // 12):
        start, length, pitch = int(rng.integers(0, frames - 10)), int(rng.integers(4, 90)), int(rng.integers(0, 88))
        stop = min(frames, start + length)
        sounds[start:stop, pitch] = rng.integers(250, 1000, stop - start)
        begins[start, pitch] = rng.integers(300, 1000)
        if pitch:
            sounds[start:stop, pitch - 1] = np.maximum(
                sounds[start:stop, pitch - 1], rng.integers(150, 400, stop - start)
            )
    return (sounds / 1024).astype(np.float32), (begins / 1024).astype(np.float32)


def play(notes: Iterable[Note], seconds: float) -> npt.NDArray[np.float32]:
    """Return notes as tones with six harmonics that die away, ``[N, 2]`` at 48 kHz."""
    out = np.zeros(round(seconds * ENGINE_RATE_HZ))
    for note in notes:
        first, stop = round(note.start_s * ENGINE_RATE_HZ), round(note.end_s * ENGINE_RATE_HZ)
        time = np.arange(stop - first) / ENGINE_RATE_HZ
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        tone = sum(0.6**number * np.sin(2 * np.pi * hz * (number + 1) * time) for number in range(6))
        ends = np.minimum(1, np.minimum(time / 0.004, (time[-1] - time) / 0.02))
        out[first:stop] += note.velocity / 127 * tone * np.exp(-1.5 * time) * ends
    return np.repeat(0.2 * out[:, None], 2, axis=1).astype(np.float32)


def drum(strokes: Sequence[tuple[float, str]], seconds: float, kit: str = "acoustic") -> npt.NDArray[np.float32]:
    """Return strokes, each a time and a piece of a kit of the draft engine, ``[N, 2]`` at 48 kHz."""
    rng = np.random.default_rng(3)
    out = np.zeros(round(seconds * ENGINE_RATE_HZ))
    for start_s, piece in strokes:
        sound = strike(kit, piece, rng)
        at = round(start_s * ENGINE_RATE_HZ)
        sound = sound[: len(out) - at]
        out[at : at + len(sound)] += 0.5 * sound
    return np.repeat(out[:, None], 2, axis=1).astype(np.float32)


def f_measure(found: Sequence[tuple[float, int]], wanted: Sequence[tuple[float, int]], within_s: float = 0.05) -> float:
    """Return the F measure of onsets (time, pitch), each matched once: the nearest in time of the same pitch goes first."""
    pairs = sorted(
        (abs(a[0] - b[0]), i, j)
        for i, a in enumerate(found)
        for j, b in enumerate(wanted)
        if a[1] == b[1] and abs(a[0] - b[0]) <= within_s
    )
    used: tuple[set[int], set[int]] = set(), set()
    for _, i, j in pairs:
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
    return 2 * len(used[0]) / max(1, len(found) + len(wanted))


def onsets(notes: Iterable[Note]) -> list[tuple[float, int]]:
    """Return the notes as (start, pitch)."""
    return [(note.start_s, note.pitch) for note in notes]
