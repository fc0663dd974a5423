"""A song as notes: what reading a MIDI file gives and what writing one takes. All times are seconds from the song's start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One note: MIDI `pitch` 0 to 127 (60 is middle C), `velocity` 1 to 127; `start_s` is before `end_s`."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """The notes of one instrument, by start. `program` counts General MIDI instruments from 0; drums have none."""

    name: str
    notes: tuple[Note, ...]
    program: int = 0
    is_drums: bool = False


@dataclass(frozen=True)
class Tempo:
    """Quarter notes a minute, from `start_s` to the next tempo."""

    start_s: float
    bpm: float


@dataclass(frozen=True)
class Meter:
    """`beats` notes of 1/`unit` a bar, from `start_s` to the next meter."""

    start_s: float
    beats: int
    unit: int


@dataclass(frozen=True)
class MidiSong:
    """Parts with their tempos and meters, each with an entry at 0. `end_s` is the length; 0: as long as the notes."""

    parts: tuple[Part, ...]
    tempos: tuple[Tempo, ...] = (Tempo(0, 120),)
    meters: tuple[Meter, ...] = (Meter(0, 4, 4),)
    end_s: float = 0.0
