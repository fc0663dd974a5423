"""Onsets of sounds at known times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.fit.features import RATE_HZ, find_onsets, measure_features, onset_curve
from tests.support import layers, signals


def onsets_of_clicks(times_s: np.ndarray, length_s: float) -> np.ndarray:
    mono = signals.clicks(times_s, length_s, rate_hz=RATE_HZ, channels=1)[:, 0]
    return find_onsets(onset_curve(mono)).peak_s


def test_every_click_is_an_onset_and_nothing_else_is() -> None:
    rng = np.random.default_rng(5)
    times_s = np.cumsum(rng.uniform(0.08, 0.4, 40))
    found_s = onsets_of_clicks(times_s, float(times_s[-1]) + 0.5)
    assert len(found_s) == 40
    late_s = found_s - times_s
    assert np.abs(late_s - np.median(late_s)).max() < 0.003  # a part of the hop of 5 ms
    assert abs(np.median(late_s)) < 0.02  # an attack enters the window of 23 ms before its middle


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 0.1))
def test_a_shift_moves_the_onsets_by_as_much(shift_s: float) -> None:
    times_s = np.array([0.3, 0.55, 0.9, 1.3, 1.62])
    before_s, after_s = onsets_of_clicks(times_s, 2.2), onsets_of_clicks(times_s + shift_s, 2.2)
    assert len(before_s) == len(after_s) == 5
    assert np.abs(after_s - before_s - shift_s).max() < 0.003


def test_silence_and_steady_sound_have_no_onsets() -> None:
    assert len(find_onsets(onset_curve(np.zeros(RATE_HZ, np.float32)))) == 0
    assert len(find_onsets(np.zeros(0))) == 0


def test_only_soft_attacks_have_a_swell() -> None:
    assert len(measure_features(layers.soft_chords()).swell) > 0
    assert len(measure_features(layers.walking_bass()).swell) == 0
    assert len(measure_features(signals.song(bars=8)).swell) == 0


@pytest.mark.parametrize("peak", [0.0, 1e-5])
def test_what_is_too_faint_is_silent(peak: float) -> None:
    assert measure_features(signals.sine(440, 2, peak=peak)).is_silent
    assert not measure_features(signals.sine(440, 2)).is_silent
