"""Chords, key and swing of a song of notes, by its beats. Measured audio is the matter of `dsp.harmony`.

Letters: U beats, 12 pitch classes from C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.dsp.harmony import best_path, key_of_classes
from acestep_runtime.dsp.musical import CHORD_TONES
from acestep_runtime.dsp.progressions import SCALES, ChordSymbol, tonic_triad
from acestep_runtime.midi.beats import BarSpan, TempoMap
from acestep_runtime.notes import MidiSong, Part
from acestep_runtime.values import Key

Floats = npt.NDArray[np.float64]

#: How much the notes of a melody count, and those of the whole bar in each of its beats.
_MELODY_WEIGHT, _BAR_WEIGHT = 0.5, 0.2
#: Bonus of a chord whose root is the lowest note, and handicap for each tone of it that does not sound, or is not of the key.
_BASS_BONUS, _MISSING, _OUT_OF_KEY = 0.25, 0.12, 0.03
#: A note may be the lowest of a beat that it fills to more than this share.
_BASS_SHARE = 0.2
#: A tone sounds from this share of a beat's notes on.
_SOUNDS = 0.04
#: The qualities that are told apart in notes, of all that charts may name, and the handicap of each.
_HANDICAPS = {"": 0.0, "m": 0.0, "7": 0.03, "maj7": 0.03, "m7": 0.03, "sus4": 0.06, "dim": 0.05}
#: Cost of a change of chord on a downbeat, in the middle of a bar, and elsewhere.
_CHANGE_COSTS = (0.04, 0.12, 0.25)
#: Notes of the second half of a beat lie here; as many are needed to hear a swing, which lies within the last.
_OFFBEATS, _LEAST_OFFBEATS, _SWING = (0.4, 0.78), 8, (0.5, 0.67)


@dataclass(frozen=True)
class NoteHarmony:
    """The key, and the chord of each beat of each bar. ``sounds``: whether any pitched note sounds in a bar."""

    key: Key
    bars: tuple[tuple[ChordSymbol, ...], ...]
    sounds: tuple[bool, ...]


def find_harmony(
    song: MidiSong, bars: Sequence[BarSpan], tempos: TempoMap, melody: Part | None, key: Key | None = None
) -> NoteHarmony:
    """Return the chords of a song by its notes; those of the ``melody`` count less. ``key`` is its key, where that is known.

    The best path weighs how well chords fit the notes of each beat against the cost of changing.
    """
    starts = np.array([bar.start + beat * 4 / bar.unit for bar in bars for beat in range(bar.beats)] + [bars[-1].stop])
    owner = np.array([number for number, bar in enumerate(bars) for _ in range(bar.beats)])
    full, bass = _weigh_notes(song, starts, tempos, melody)
    key = key or key_of_classes(full.sum(axis=0))
    of_bar = np.array([full[owner == number].sum(axis=0) for number in range(len(bars))])
    silent = full.sum(axis=1) <= 0
    full = full + _BAR_WEIGHT * of_bar[owner]
    names, fit = _chord_fit(full, bass, key)
    fit[silent] = 0.0
    places = [(beat, bar.beats) for bar in bars for beat in range(bar.beats)]
    kinds = [0 if beat == 0 else 1 if 2 * beat == beats else 2 for beat, beats in places]
    path = best_path(fit, np.array([_CHANGE_COSTS[kind] for kind in kinds]))
    chords = [names[state] for state in path] if not silent.all() else [tonic_triad(key)] * len(path)
    rows, at = [], 0
    for bar in bars:
        rows.append(tuple(chords[at : at + bar.beats]))
        at += bar.beats
    return NoteHarmony(key, tuple(rows), tuple(bool(row.any()) for row in of_bar))


def _weigh_notes(song: MidiSong, starts: Floats, tempos: TempoMap, melody: Part | None) -> tuple[Floats, Floats]:
    """Return how much each pitch class sounds in each beat ``[U, 12]``, and which is the lowest, as 1 or 0."""
    beats = len(starts) - 1
    full, lowest = np.zeros((beats, 12)), np.full(beats, 128)
    stops, lengths = starts[1:], np.diff(starts)
    for part in song.parts:
        if part.is_drums:
            continue
        weight = _MELODY_WEIGHT if part is melody else 1.0
        for note in part.notes:
            begin, end = tempos.s_to_quarter(note.start_s), tempos.s_to_quarter(note.end_s)
            first = max(0, int(np.searchsorted(starts, begin + 1e-6, side="right")) - 1)
            last = min(beats, int(np.searchsorted(starts, end - 1e-6)))
            if first >= last:
                continue
            beats_of_note = slice(first, last)
            share = np.minimum(end, stops[beats_of_note]) - np.maximum(begin, starts[beats_of_note])
            share /= lengths[beats_of_note]
            full[beats_of_note, note.pitch % 12] += weight * share * (0.3 + note.velocity / 127)
            if part is not melody:
                low = lowest[beats_of_note]
                np.minimum(low, note.pitch, out=low, where=share > _BASS_SHARE)
    bass = np.zeros((beats, 12))
    has_bass = np.flatnonzero(lowest < 128)
    bass[has_bass, lowest[has_bass] % 12] = 1.0
    return full, bass


def _chord_fit(full: Floats, bass: Floats, key: Key) -> tuple[list[ChordSymbol], Floats]:
    """Return all chords, and how well each fits the notes of each beat ``[U, chords]``."""
    names: list[ChordSymbol] = [(root, quality) for quality in _HANDICAPS for root in range(12)]
    tones = np.zeros((len(names), 12))
    for row, (root, quality) in zip(tones, names, strict=True):
        row[[(root + tone) % 12 for tone in CHORD_TONES[quality]]] = 1.0
    share = full / np.maximum(full.sum(axis=1, keepdims=True), 1e-9)
    absent = (share < _SOUNDS).astype(float) @ tones.T
    scale = np.zeros(12)
    scale[[(key.tonic + step) % 12 for step in SCALES[key.mode]]] = 1.0
    handicap = np.array([_HANDICAPS[quality] for _, quality in names]) + _OUT_OF_KEY * (tones @ (1.0 - scale))
    roots = bass[:, [root for root, _ in names]]
    return names, share @ tones.T + _BASS_BONUS * roots - _MISSING * absent - handicap


def find_swing(song: MidiSong, tempos: TempoMap) -> float | None:
    """Return where in a beat its second half falls, 0.5 to 0.67, ``None`` where too few notes tell it."""
    places = [tempos.s_to_quarter(note.start_s) % 1.0 for part in song.parts for note in part.notes]
    offbeats = [place for place in places if _OFFBEATS[0] <= place <= _OFFBEATS[1]]
    if len(offbeats) < _LEAST_OFFBEATS:
        return None
    return float(np.clip(np.median(offbeats), *_SWING))
