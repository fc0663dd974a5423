"""Strokes that are known, found again with their pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acestep_runtime.midi.drums import find_drum_notes, find_peaks
from acestep_runtime.notes import Note
from tests.support.midi_cases import PIECES, drum, f_measure, onsets, play

BEAT_S = 0.5
KITS = ("acoustic", "rock", "electronic")
NOTHING = (lambda: None, lambda _: None)


def pattern(bars: int = 6) -> list[tuple[float, str]]:
    """Kick on one and three and a half, snare on two and four, hats on eighths."""
    strokes = []
    for bar in range(bars):
        at = 0.3 + 4 * bar * BEAT_S
        strokes += [(at + 0.5 * k * BEAT_S, "hat") for k in range(8)]
        strokes += [(at, "kick"), (at + 2.5 * BEAT_S, "kick"), (at + BEAT_S, "snare"), (at + 3 * BEAT_S, "snare")]
    return strokes


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("piece", ["kick", "snare", "hat"])
def test_a_beat_is_found_again(kit: str, piece: str) -> None:
    strokes = pattern()
    found = onsets(find_drum_notes(drum(strokes, 13.0, kit), *NOTHING))
    pitch = PIECES[piece]
    wanted = [(at, PIECES[name]) for at, name in strokes if name == piece]
    assert f_measure([each for each in found if each[1] == pitch], wanted) >= 0.8


def test_a_level_changes_nothing() -> None:
    sound = drum(pattern(3), 7.0)
    loud, soft = (find_drum_notes(sound * np.float32(gain), *NOTHING) for gain in (1.0, 0.01))
    assert onsets(loud) == onsets(soft)


def test_velocities_follow_the_level_of_a_stroke() -> None:
    sound = sum(
        np.float32(gain) * drum([(0.5 + k, "kick")], 8.0) for k, gain in enumerate((1.0, 0.4, 1.0, 0.4, 1.0, 1.0, 1.0))
    )
    kicks = [note for note in find_drum_notes(sound, *NOTHING) if note.pitch == PIECES["kick"]]
    assert [note.start_s for note in kicks] == pytest.approx([0.5 + k for k in range(7)], abs=0.02)
    assert all(kicks[k].velocity < 0.8 * kicks[0].velocity for k in (1, 3))


@pytest.mark.parametrize("frames", [0, 10, 48_000])
def test_silence_has_no_strokes(frames: int) -> None:
    assert find_drum_notes(np.zeros((frames, 2), np.float32), *NOTHING) == ()


def test_music_without_drums_has_hardly_a_stroke() -> None:
    chords = [
        Note(0.2 + 0.5 * k, 0.65 + 0.5 * k, pitch + (0, 5, 7, 3)[k % 4], 90)
        for k in range(24)
        for pitch in (48, 60, 64, 67)
    ]
    assert len(find_drum_notes(play(chords, 13.0), *NOTHING)) <= 3


def test_opposite_polarity_changes_nothing() -> None:
    sound = drum(pattern(3), 7.0)
    turned = sound * np.array([1, -1], np.float32)
    assert f_measure(onsets(find_drum_notes(turned, *NOTHING)), onsets(find_drum_notes(sound, *NOTHING))) >= 0.95


def test_work_is_reported_and_can_be_cancelled() -> None:
    reports: list[float] = []
    find_drum_notes(drum(pattern(3), 25.0), lambda: None, reports.append)
    assert reports == sorted(reports)
    assert reports[-1] == pytest.approx(1.0)

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        find_drum_notes(drum(pattern(3), 7.0), stop, reports.append)


@given(st.lists(st.sampled_from((0.0, 0.2, 0.5, 0.5, 0.9)), max_size=60), st.floats(0.1, 0.8))
def test_peaks_are_apart_and_the_greatest_is_one(likely: list[float], least: float) -> None:
    curve = np.array(likely, np.float32)
    frames = find_peaks(curve, least)
    assert np.all(np.diff(frames) > 4)
    assert np.all(curve[frames] >= np.float32(least))
    if len(curve) and curve.max() >= least:
        assert curve[frames].max() == curve.max()
