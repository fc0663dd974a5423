"""Standard MIDI Files for tests, written by mido."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import mido

from acestep_runtime.notes import MidiSong, Note, Part

TICKS = 480
#: C, A minor, F and G, a bar of 4/4 each.
CHORDS = ((60, 64, 67), (57, 60, 64), (53, 57, 60), (55, 59, 62))


def file_of(*tracks: Iterable[tuple[float, Any]], kind: int = 1, ticks: int = TICKS) -> bytes:
    """Return a file of tracks: each a list of (quarter note from the start, message of mido), in any order."""
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    for events in tracks:
        track, now = mido.MidiTrack(), 0
        for quarter, message in sorted(events, key=lambda event: event[0]):
            at = round(quarter * ticks)
            track.append(message.copy(time=at - now))
            now = at
        file.tracks.append(track)
    held = io.BytesIO()
    file.save(file=held)
    return held.getvalue()


def strike(
    start: float, end: float, pitch: int, velocity: int = 100, channel: int = 0
) -> list[tuple[float, Any]]:  # fmt: skip
    """Return the events of a note between two quarter notes."""
    return [
        (start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (end, mido.Message("note_off", note=pitch, velocity=0, channel=channel)),
    ]


def tempo(quarter: float, bpm: float) -> tuple[float, Any]:
    """Return a change of tempo."""
    return quarter, mido.MetaMessage("set_tempo", tempo=round(60e6 / bpm))


def meter(quarter: float, beats: int, unit: int) -> tuple[float, Any]:
    """Return a change of meter."""
    return quarter, mido.MetaMessage("time_signature", numerator=beats, denominator=unit)


def name(text: str) -> tuple[float, Any]:
    """Return the name of a track."""
    return 0.0, mido.MetaMessage("track_name", name=text)


def program(number: int, channel: int = 0) -> tuple[float, Any]:
    """Return a program at the start."""
    return 0.0, mido.Message("program_change", program=number, channel=channel)


def band(bars: int = 4, *changes: tuple[float, Any], melody: Sequence[int] = (72, 76, 79, 76)) -> bytes:
    """Return a file of a flute, strings, a bass and drums in 4/4, on `CHORDS`; ``changes`` are those of tempo and meter."""
    lead: list[tuple[float, Any]] = [name("Lead"), program(73)]
    pad: list[tuple[float, Any]] = [name("Pad"), program(48, 1)]
    bass: list[tuple[float, Any]] = [name("Bass"), program(33, 2)]
    drums: list[tuple[float, Any]] = [name("Kit")]
    for bar in range(bars):
        chord = CHORDS[bar % len(CHORDS)]
        for beat, step in enumerate(melody):
            lead += strike(4 * bar + beat, 4 * bar + beat + 0.9, step + chord[0] - 60)
            drums += strike(4 * bar + beat, 4 * bar + beat + 0.25, 36 if beat % 2 == 0 else 38, 110, 9)
        for pitch in chord:
            pad += strike(4 * bar, 4 * bar + 4, pitch, 80, 1)
        bass += strike(4 * bar, 4 * bar + 3.9, chord[0] - 24, 96, 2)
    return file_of(list(changes) or [tempo(0, 120)], lead, pad, bass, drums)


def song_of(*notes: tuple[float, float, int], program: int = 0, is_drums: bool = False) -> MidiSong:
    """Return a song of one part: each note from, to in seconds, and its pitch."""
    part = Part("part", tuple(Note(start_s, end_s, pitch, 100) for start_s, end_s, pitch in notes), program, is_drums)
    return MidiSong((part,), end_s=max(end_s for _, end_s, _ in notes))
