"""What the parts of a song of notes are for: its melody, its bass, its drums, and the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from acestep_runtime.notes import MidiSong, Note, Part

_MELODY_NAMES = re.compile(r"\b(melody|lead|vocals?|vox|voice|singer|solo|topline|melodie|gesang)\b", re.IGNORECASE)
_BASS_NAMES = re.compile(r"\b(bass|basses|contrabass|bassline)\b", re.IGNORECASE)
_BASS_PROGRAMS = range(32, 40)
#: A part plays one note at a time where no more than this share of its notes overlap the one before by more than this time.
_OVERLAPS, _OVERLAP_S = 0.1, 0.05
#: The median pitch of a melody is at least the first, that of a bass at most the second.
_MELODY_LOW, _BASS_HIGH = 55, 52
#: Notes that begin within this time are struck together.
_TOGETHER_S = 0.03
#: Chords of this many notes, at this share of the times at which notes begin, are no melody with an accompaniment.
_CHORD, _CHORD_SHARE = 3, 0.8


@dataclass(frozen=True)
class Roles:
    """The parts of a song by what they are for. ``melody`` is one note at a time, of ``melody_part``; both may be missing."""

    melody: tuple[Note, ...]
    melody_part: Part | None
    bass: Part | None
    drums: tuple[Part, ...]
    others: tuple[Part, ...]


def assign_roles(song: MidiSong) -> Roles:
    """Return the melody, the bass, the drums and the rest of a song.

    The melody is the part that is named so, else the highest that plays one note at a time, else the upper notes of the highest
    part, unless these are chords. The bass is the part that is named so or has such a program, else the lowest one.
    """
    pitched = [part for part in song.parts if not part.is_drums and part.notes]
    drums = tuple(part for part in song.parts if part.is_drums and part.notes)
    bass = _find_bass(pitched)
    rest = [part for part in pitched if part is not bass]
    found = _find_melody(rest)
    melody = () if found is None else upper_line(found.notes)
    others = tuple(part for part in rest if part is not found or not is_single_line(part.notes))
    return Roles(melody, found, bass, drums, others)


def is_single_line(notes: Sequence[Note]) -> bool:
    """Return whether notes, by start, are played one at a time."""
    overlaps = sum(later.start_s < earlier.end_s - _OVERLAP_S for earlier, later in pairwise(notes))
    return overlaps <= _OVERLAPS * len(notes)


def upper_line(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Return the highest of the notes that begin together, without those below one that still sounds; each cut at the next."""
    line: list[Note] = []
    for group in _groups(notes):
        top = max(group, key=lambda note: note.pitch)
        if line and line[-1].end_s > top.start_s + _OVERLAP_S and line[-1].pitch > top.pitch:
            continue
        if line and line[-1].end_s > top.start_s:
            last = line.pop()
            if top.start_s > last.start_s:
                line.append(Note(last.start_s, top.start_s, last.pitch, last.velocity))
        line.append(top)
    return tuple(line)


def _groups(notes: Sequence[Note]) -> list[list[Note]]:
    groups: list[list[Note]] = []
    for note in sorted(notes, key=lambda note: note.start_s):
        if groups and note.start_s - groups[-1][0].start_s < _TOGETHER_S:
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups


def _find_bass(parts: Sequence[Part]) -> Part | None:
    for part in parts:
        if _BASS_NAMES.search(part.name) or part.program in _BASS_PROGRAMS:
            return part
    low = [part for part in parts if _median_pitch(part) <= _BASS_HIGH and is_single_line(part.notes)]
    return min(low, key=_median_pitch) if low and len(parts) > 1 else None


def _find_melody(parts: Sequence[Part]) -> Part | None:
    named = [part for part in parts if _MELODY_NAMES.search(part.name)]
    single = [part for part in parts if is_single_line(part.notes) and _median_pitch(part) >= _MELODY_LOW]
    if named or single:
        return max(named or single, key=_median_pitch)
    high = [part for part in parts if _median_pitch(part) >= _MELODY_LOW and not _is_chords(part.notes)]
    return max(high, key=_median_pitch, default=None)


def _is_chords(notes: Sequence[Note]) -> bool:
    groups = _groups(notes)
    return sum(len(group) >= _CHORD for group in groups) >= _CHORD_SHARE * len(groups)


def _median_pitch(part: Part) -> float:
    return float(np.median([note.pitch for note in part.notes]))
