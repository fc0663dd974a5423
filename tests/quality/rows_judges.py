"""How well the judges do where the truth is known. What they say of the engines' audio is worth no more than this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import judges
from .corpus import Excerpt
from .rows import Row, Setup, absent_row, build_row, judge_mean

TITLE = "The judges"
ABOUT = """
What engines make is judged by published networks: chords by crema, beats by BeatNet. Here both judge audio whose truth is
known: the suite's own songs, and the corpus, excerpts of about 30 s of the songs of games in Debian (planetblupi-music-midi,
openttd-openmsx), played by FluidSynth. Chords count on beats whose notes leave no doubt about the triad. Onsets are those of
drums, on the true drum stem.
"""
_MEASURES = _CHORDS, _BEATS, _DOWNBEATS, _ONSETS = (
    "beats with the true triad (crema)",
    "beats, F-measure, ±70 ms (BeatNet)",
    "downbeats, F-measure, ±70 ms (BeatNet)",
    "onsets of drums, F-measure, ±50 ms (spectral flux)",
)


def rows(setup: Setup) -> list[Row]:
    """Return the scores of each judge on the suite's own songs and on the corpus."""
    parts = (("songs of the suite", setup.made), ("corpus", setup.names))
    if why := judges.missing():
        return [absent_row(task, measure, "", why) for task, _ in parts for measure in _MEASURES]
    table: list[Row] = []
    for task, names in parts:
        found = setup.measure(measure_judges, names)
        table += [build_row(task, measure, "", pick(found, measure), judge_mean()) for measure in _MEASURES]
    return table


def measure_judges(excerpt: Excerpt) -> dict[str, float]:
    """Return the score of each judge on one excerpt; nan where the truth has nothing to compare with."""
    beats = judges.detect_beats(excerpt.mix, 48_000)
    drums = sorted(note.start_s for note in excerpt.notes.get("drums", ()))
    merged = [t for k, t in enumerate(drums) if not k or t - drums[k - 1] > 0.03]
    return {
        _CHORDS: judges.chord_agreement(judges.recognise_chords(excerpt.mix, 48_000), excerpt.beats_s, excerpt.chords),
        _BEATS: judges.onset_f1(beats.beats_s, excerpt.beats_s[:-1], 0.07),
        _DOWNBEATS: judges.onset_f1(beats.downbeats_s, excerpt.downbeats_s, 0.07)
        if len(excerpt.downbeats_s)
        else float("nan"),
        _ONSETS: judges.onset_f1(judges.detect_onsets(excerpt.stems["drums"], 48_000), merged)
        if merged
        else float("nan"),
    }


def pick(found: Mapping[str, Mapping[str, Any]], measure: str) -> dict[str, Any]:
    """Return one measure of each song that has it."""
    return {name: one[measure] for name, one in found.items() if not np.isnan(one[measure])}
