"""True chords from notes, against songs that were written from chords."""

from __future__ import annotations

import numpy as np
import pytest

from tests.quality import harmony, score

BEATS_S = np.arange(9) * 0.5


def chord(start_s: float, *pitches: int, length_s: float = 2.0) -> list[tuple[float, float, int, int]]:
    return [(start_s, start_s + length_s, pitch, 100) for pitch in pitches]


def name(notes: list[tuple[float, float, int, int]]) -> tuple[harmony.Chord, ...]:
    return harmony.name_chords(notes, BEATS_S, np.arange(9) % 4, 4)


def test_two_bars_of_two_triads() -> None:
    assert name(chord(0, 48, 64, 67) + chord(2, 45, 60, 64)) == ((0, ""),) * 4 + ((9, "m"),) * 4


def test_a_passing_note_changes_nothing() -> None:
    melody = [(0.5, 0.75, 74, 60), (1.0, 1.25, 77, 60)]
    assert name(chord(0, 48, 64, 67, length_s=4) + melody) == ((0, ""),) * 8


@pytest.mark.parametrize("notes", [
    [], chord(0, 40, 47, 52, length_s=4), chord(0, 48, 52, 56, length_s=4), chord(0, 48, 49, 50, 51, length_s=4),
    chord(0, 60, length_s=4), chord(0, 57, 60, 64, 67, 65, 62, length_s=4),
])  # fmt: skip
def test_silence_fifths_augmented_triads_clusters_and_single_notes_are_in_doubt(
    notes: list[tuple[float, float, int, int]],
) -> None:
    assert set(name(notes)) == {None}


@pytest.mark.parametrize("genre", ["pop", "rock", "waltz", "swing", "reggae"])
def test_songs_written_from_chords(genre: str) -> None:
    meter = 3 if genre == "waltz" else 4
    written = score.write(genre, 2, "minor", meter, 16, np.random.default_rng(5))
    notes = [(n.beat, n.beat + n.length, n.pitch, n.velocity) for part, played in written.parts.items() if part != "drums"
             for n in played]  # fmt: skip
    beats = np.arange(16 * meter + 1, dtype=float)
    found = harmony.name_chords(notes, beats, np.arange(len(beats)) % meter, meter)
    clear = [k for k, one in enumerate(found) if one is not None]
    assert len(clear) > 0.5 * len(found)
    assert np.mean([found[k] == written.chords[k] for k in clear]) > 0.95
