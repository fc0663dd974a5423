"""Layers swing as their source does."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.dsp.musical import Grid
from acestep_runtime.engines.draft.swing import find_source_swing
from acestep_runtime.units import ENGINE_RATE_HZ
from tests.support import signals

BPM, BEATS = 120.0, 32
BEAT_S = 60 / BPM


def eighths(place: float, late_s: float = 0.0, every: int = 1) -> np.ndarray:
    """Clicks on all beats, and at ``place`` in every beat of ``every``."""
    beats = np.arange(1, BEATS) * BEAT_S
    times_s = np.sort(np.concatenate([beats, beats[::every] + place * BEAT_S])) + late_s
    return signals.clicks(times_s, (BEATS + 1) * BEAT_S)


@pytest.mark.parametrize("late_s", [0.0, 0.02])
@pytest.mark.parametrize(("place", "swing"), [(0.5, 0.5), (0.53, 0.5), (0.6, 0.6), (2 / 3, 0.67)])
def test_the_second_half_of_the_beats_is_found(place: float, swing: float, late_s: float) -> None:
    assert find_source_swing(eighths(place, late_s), Grid(BPM)) == pytest.approx(swing, abs=0.015)


def test_what_has_no_second_halves_says_nothing() -> None:
    assert find_source_swing(eighths(0.0), Grid(BPM)) is None
    assert find_source_swing(eighths(0.6, every=8), Grid(BPM)) is None
    assert find_source_swing(np.zeros((ENGINE_RATE_HZ, 2), np.float32), Grid(BPM)) is None
    assert find_source_swing(np.zeros((1, 2), np.float32), Grid(BPM)) is None


def test_second_halves_that_disagree_say_nothing() -> None:
    places = np.random.default_rng(4).uniform(0.42, 0.72, BEATS - 1)
    times_s = np.arange(1, BEATS) * BEAT_S
    source = signals.clicks(np.sort(np.concatenate([times_s, times_s + places * BEAT_S])), (BEATS + 1) * BEAT_S)
    assert find_source_swing(source, Grid(BPM)) is None
