"""The songs of the quality measurements: a mix, its true stems, and its true properties.

Half of them may be used to choose constants of the engine ("tuning"); the other half is only ever measured on
("held out"). Odd ones are played in numpy, even ones by FluidSynth where it is installed, but for the voice.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import fluid, score, sounds
from .sounds import RATE_HZ

Samples = npt.NDArray[np.float32]

_LEAST_S = 30.0
#: Levels in dB RMS of the stems, and how far each may be from it.
_LEVELS_DB = {"drums": -19.0, "bass": -20.0, "vocals": -19.0, "keys": -24.0, "guitar": -24.0, "synth": -25.0,
              "strings": -26.0}  # fmt: skip
_SPREAD_DB = 2.0
_SIDES = {"keys": -0.35, "guitar": 0.45, "synth": 0.3, "strings": -0.2}
#: Standard deviation of the players' timing.
_JITTER_S = 0.004


@dataclass(frozen=True)
class Plan:
    """One line of the table of songs."""

    genre: str
    bpm: float
    key: str
    meter: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.genre} {self.bpm:g}"


TUNING = (
    Plan("pop", 120, "C major", 4, 1),
    Plan("rock", 140, "E minor", 4, 2),
    Plan("ballad", 66, "G major", 4, 3),
    Plan("waltz", 90, "D major", 3, 4),
    Plan("house", 126, "A minor", 4, 5),
    Plan("funk", 104, "D minor", 4, 6),
    Plan("metal", 180, "B minor", 4, 9),
    Plan("jazz waltz", 150, "Bb major", 3, 10),
)
HELD_OUT = (
    Plan("pop", 93, "C# major", 4, 31),
    Plan("swing", 148, "Eb major", 4, 32),
    Plan("ballad", 60, "Bb minor", 4, 33),
    Plan("waltz", 168, "D minor", 3, 34),
    Plan("house", 129, "C minor", 4, 35),
    Plan("funk", 110, "F# minor", 4, 36),
    Plan("slow waltz", 92, "E major", 3, 37),
    Plan("reggae", 74, "A minor", 4, 38),
)
SONGS = TUNING + HELD_OUT


@dataclass(frozen=True)
class Song:
    """A mix ``[N, 2]`` at 48 kHz, the stems that add up to it, and the truth.

    ``chords`` are (root, quality) by beat, ``notes`` what each player plays.
    """

    plan: Plan
    renderer: str
    mix: Samples
    stems: dict[str, Samples]
    beats_s: npt.NDArray[np.float64]
    chords: tuple[tuple[int, str], ...]
    notes: dict[str, tuple[sounds.TimedNote, ...]]

    @property
    def beat_s(self) -> float:
        return 60.0 / self.plan.bpm

    @property
    def grid(self) -> tuple[float, ...]:
        """The parts of a beat at which players play: sixteenths, or triplets where the song swings."""
        swing = score.GENRES[self.plan.genre].swing
        return (0, 0.25, 0.5, 0.75) if swing == 0.5 else (0, 1 - swing, swing)


def make(plan: Plan, *, least_s: float = _LEAST_S, renderer: str = "") -> Song:
    """Write and play a song of at least ``least_s`` seconds and whole groups of eight bars, bar one after a short rest."""
    from acestep_runtime.values import Key

    rng = np.random.default_rng(plan.seed)
    key = Key.parse(plan.key)
    beat_s = 60.0 / plan.bpm
    bars = max(4, 4 * int(np.ceil(least_s / (4 * plan.meter * beat_s))))
    composed = score.write(plan.genre, key.tonic, key.mode, plan.meter, bars, rng)
    start_s = float(rng.uniform(0.05, 0.6))
    beats_s = start_s + beat_s * np.arange(bars * plan.meter)
    frames = round((beats_s[-1] + beat_s + 0.8) * RATE_HZ)
    renderer = renderer or ("fluidsynth" if plan.seed % 2 == 0 and fluid.font() else "numpy")
    stems, notes_by_part = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, notes in composed.parts.items():
            timed_notes = [_time_note(note, composed.swing, start_s, beat_s, rng) for note in notes]
            notes_by_part[name] = tuple(timed_notes)
            if renderer == "fluidsynth" and name != "vocals":
                program = None if name == "drums" else composed.programs[name]
                sound = fluid.play(timed_notes, program, _SIDES.get(name, 0.0), frames, Path(folder))
            elif name == "drums":
                sound = sounds.drums(timed_notes, frames, rng)
            else:
                sound = sounds.pan(sounds.PLAYERS[name](timed_notes, frames, rng), _SIDES.get(name, 0.0))
            if renderer == "numpy" or name == "vocals":
                sound = sounds.in_room(sound, 0.9, 0.02 if name == "bass" else 0.18, rng)
            level_db = _LEVELS_DB[name] + rng.uniform(-_SPREAD_DB, _SPREAD_DB)
            stems[name] = sound * 10 ** (level_db / 20) / max(1e-9, float(np.sqrt(np.mean(sound**2))))
    total = sum(stems.values())
    gain = 0.9 / float(np.abs(total).max())
    exact = {name: (stem * gain).astype(np.float32) for name, stem in stems.items()}
    mix = np.sum(list(exact.values()), axis=0, dtype=np.float64).astype(np.float32)
    return Song(plan, renderer, mix, exact, beats_s, composed.chords, notes_by_part)


def _time_note(
    note: score.ScoreNote, swing: float, start_s: float, beat_s: float, rng: np.random.Generator
) -> sounds.TimedNote:
    beat = note.beat + (swing - 0.5 if note.beat % 1 == 0.5 else 0.0)
    jitter_s = float(np.clip(rng.normal(0, _JITTER_S), -2 * _JITTER_S, 2 * _JITTER_S))
    return max(0.0, start_s + beat * beat_s + jitter_s), note.length * beat_s, note.pitch, note.velocity
