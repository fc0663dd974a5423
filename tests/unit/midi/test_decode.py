"""From posteriors to notes, beside the notes that Basic Pitch's own code makes of the same posteriors.

``basic_pitch_notes.json`` was recorded with ``output_to_notes_polyphonic`` of ``basic_pitch/note_creation.py`` in the wheel of
basic-pitch 0.4.0 (``infer_onsets`` and ``melodia_trick`` on): first frame, last plus one, and semitone of each note.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from acestep_runtime.midi.decode import Span, Thresholds, find_line, find_notes
from tests.support.midi_cases import posteriors

REFERENCE = json.loads(Path(__file__).with_name("basic_pitch_notes.json").read_text("utf-8"))


@pytest.mark.parametrize("seed", REFERENCE)
def test_notes_are_those_of_the_reference(seed: str) -> None:
    case = REFERENCE[seed]
    found = find_notes(*posteriors(int(seed)), Thresholds(**case["limits"]))
    assert sorted([span.first, span.stop, span.pitch] for span in found) == case["notes"]
    assert len(found) > 50


def test_nothing_is_found_in_silence_and_in_two_frames() -> None:
    for frames in (0, 2, 400):
        silence = np.zeros((frames, 88), np.float32)
        assert find_notes(silence, silence) == find_line(silence, silence) == []


def planes(*notes: tuple[int, int, int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return posteriors of notes: first frame, last plus one, semitone, how likely."""
    sounds, begins = np.zeros((2, 300, 88), np.float32)
    for first, stop, pitch, value in notes:
        sounds[first:stop, pitch] = value
        begins[first, pitch] = 0.9
    return sounds, begins


def test_a_line_has_one_note_at_a_time_and_restarts_a_pitch() -> None:
    line = find_line(*planes((20, 60, 40, 0.9), (60, 100, 40, 0.9), (100, 150, 45, 0.8), (110, 140, 30, 0.5)))
    assert [(span.first, span.stop, span.pitch) for span in line] == [(20, 60, 40), (60, 100, 40), (100, 150, 45)]
    assert line[2].strength == pytest.approx(0.8)


def test_a_line_stays_within_its_pitches() -> None:
    sounds, begins = planes((20, 80, 10, 0.9), (20, 80, 50, 0.7))
    assert find_line(sounds, begins, Thresholds(low=20)) == [Span(20, 80, 50, pytest.approx(0.7))]
