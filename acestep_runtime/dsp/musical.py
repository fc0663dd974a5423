"""Musical values: a beat grid, chords and an analysis. No computation.

Times are seconds from the start of the audio they were measured on; they may be negative or lie past its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from acestep_runtime.chords.symbols import QUALITIES
from acestep_runtime.values import PITCH_NAMES, Key

#: Semitones above the root, by chord quality.
CHORD_TONES = QUALITIES


@dataclass(frozen=True)
class Chord:
    """A chord from ``start_s`` to ``end_s``: ``root`` is a pitch class 0–11 (C = 0), ``quality`` a key of `CHORD_TONES`."""

    start_s: float
    end_s: float
    root: int
    quality: str = ""

    def __str__(self) -> str:
        return PITCH_NAMES[self.root] + self.quality


@dataclass(frozen=True)
class Grid:
    """A steady beat grid. ``first_downbeat_s`` is beat one of some bar, ``beats_per_bar`` the meter."""

    bpm: float
    first_downbeat_s: float = 0.0
    beats_per_bar: int = 4

    @property
    def beat_s(self) -> float:
        """Length of a beat in seconds."""
        return 60.0 / self.bpm

    @property
    def bar_s(self) -> float:
        """Length of a bar in seconds."""
        return self.beat_s * self.beats_per_bar

    def beat_to_s(self, beat: float) -> float:
        """Return the time of ``beat``, counted from the first downbeat (0 = that downbeat)."""
        return self.first_downbeat_s + beat * self.beat_s

    def s_to_beat(self, time_s: float) -> float:
        """Return the (fractional) beat at ``time_s``, counted from the first downbeat."""
        return (time_s - self.first_downbeat_s) / self.beat_s


@dataclass(frozen=True)
class Analysis:
    """The analysis of a recording. ``beats_s`` are the beats as played; ``grid`` is the steady grid that fits them best.

    ``loudness_db`` is the RMS level in dBFS; ``confidence`` (0–1) is that of tempo, key and meter, by name. ``steadiness``
    (0–1) says how clear and even the beat is; it does not say which of two tempi an octave apart is the right one. Where that
    is in doubt, ``other_bpm`` is the other one.
    """

    grid: Grid
    key: Key
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]
    chords: tuple[Chord, ...]
    duration_s: float
    loudness_db: float
    confidence: dict[str, float]
    caption: str = ""
    steadiness: float = 0.0
    other_bpm: float | None = None
