"""The songs that the suite makes, in the form that excerpts of the corpus have."""

from __future__ import annotations

import numpy as np

from . import songs
from .corpus import Excerpt, Note

_PLANS = {plan.name: plan for plan in songs.SONGS}
NAMES = tuple(_PLANS)
_TRACKS = {"keys": "keyboard"}


def load(name: str) -> Excerpt:
    """Return a song of the suite by its name, such as "pop 120"; raise KeyError for another name."""
    song = songs.make(_PLANS[name])
    end_s = song.beats_s[-1] + song.beat_s
    notes = {
        _TRACKS.get(part, part): tuple(
            Note(start_s, start_s + s, pitch, velocity) for start_s, s, pitch, velocity in played
        )
        for part, played in song.notes.items()
    }
    return Excerpt(
        name, song.renderer, song.mix, {_TRACKS.get(part, part): stem for part, stem in song.stems.items()}, notes,
        np.append(song.beats_s, end_s), song.beats_s[:: song.plan.meter], song.plan.meter, ((0.0, song.plan.bpm),),
        song.chords,
    )  # fmt: skip
