"""Playing a bar in the rhythm of a source: notes are kept or moved to the source's strokes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from acestep_runtime.dsp.players import Bar, Note
from acestep_runtime.dsp.transcribe import BANDS, PARTS, Stroke

_CYMBALS = ("hat", "ride", "open", "brush", "shaker")


def map_strokes(strokes: list[Stroke], bar: int, meter: int) -> dict[str, dict[int, float]]:
    """Return the stroke strength of each sixteenth of a bar, by band."""
    base = bar * PARTS * meter
    return {band: {s.sixteenth - base: s.strength for s in strokes if s.band == band} for band in BANDS}


def follow_with_drums(own: list[Note], bar: Bar, stroke_map: dict[str, dict[int, float]], swing: float) -> list[Note]:
    """Return a drummer's bar with the source's rhythm: kick on low strokes, snare and hat on the others.

    Without cymbals in the source, the style's cymbals follow its rhythm; without strokes, the style's bar is used.
    """
    if sum(len(row) for row in stroke_map.values()) < 2 or not own:
        return own
    high = stroke_map["high"]
    snare = {p: v for p, v in stroke_map["mid"].items() if v > 0.5 and (high.get(p, 0.0) > 0.6 or not high)}
    kick = {p: v for p, v in stroke_map["low"].items() if v > 0.55 and p not in snare}
    level = 0.62 + 0.38 * bar.energy
    rows = ((kick, "kick"), (snare, "snare" if high else "rim"), (high, "hat"))
    notes = [replace(own[0], start_s=bar.time_s(place / PARTS, swing), piece=piece,
                     velocity=float(np.clip(level * strength, 0.1, 1.0)))
             for row, piece in rows for place, strength in sorted(row.items())]  # fmt: skip
    left = [note for note in own if note.piece == "crash" or (len(high) < 2 and note.piece in _CYMBALS)]
    return notes + follow_strokes(left, bar, stroke_map, swing)


def follow_strokes(own: list[Note], bar: Bar, stroke_map: dict[str, dict[int, float]], swing: float) -> list[Note]:
    """Return the notes that begin on a stroke of the source or on its downbeat; notes before them are extended."""
    places = {place: strength for row in stroke_map.values() for place, strength in row.items()}
    if len(places) < 2:
        return own
    times = {place: bar.time_s(place / PARTS, swing) for place in {0, *places}}
    notes: list[Note] = []
    for note in sorted(own, key=lambda n: n.start_s):
        near = min(times, key=lambda place: (abs(times[place] - note.start_s), place))
        if abs(times[near] - note.start_s) < 0.45 * bar.grid.beat_s / PARTS:
            notes.append(note)
        elif (
            notes
            and note.pitches
            and notes[-1].voice == note.voice
            and notes[-1].start_s + notes[-1].length_s < note.start_s
        ):
            notes[-1] = replace(notes[-1], length_s=note.start_s - notes[-1].start_s)
    return notes
