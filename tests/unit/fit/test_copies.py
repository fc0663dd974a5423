"""Copies and parts of a source made of noise, whose correlations are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.onsets import RATE_HZ
from acestep_runtime.fit.copies import compare_samples


def noise(seed: int, seconds: float = 8.0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(st.integers(-RATE_HZ // 2 + 1, RATE_HZ // 2 - 1), st.floats(0.05, 2.0))
def test_the_lag_of_a_copy_is_exact_to_the_sample(lag: int, gain: float) -> None:
    source = noise(1)
    copy = compare_samples(source, np.roll(source, lag) * np.float32(gain))
    assert round(copy.lag_s * RATE_HZ) == lag
    assert copy.sharpness > 12
    assert copy.share_of_copy > 0.95
    assert copy.gain == pytest.approx(np.full(3, 1 / gain), rel=0.05)


def test_other_audio_is_no_copy() -> None:
    copy = compare_samples(noise(1), noise(2))
    assert copy.share_of_copy < 0.02
    assert copy.inside_share < 0.1
    assert copy.sharpness < 7


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_share_of_the_source_in_a_mixture_is_found(share: float) -> None:
    mixture = np.sqrt(share) * noise(1) + np.sqrt(1 - share) * noise(2)
    assert compare_samples(noise(1), mixture.astype(np.float32)).share_of_copy == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0])
def test_a_part_of_the_source_is_contained_at_any_level(level: float) -> None:
    part = (level * noise(2)).astype(np.float32)
    copy = compare_samples(noise(1) + part, part)
    assert copy.inside_share == pytest.approx(1.0, abs=0.3 if level < 0.2 else 0.1)
    assert copy.lag_s == 0


def test_short_and_silent_audio_is_no_copy() -> None:
    for length in (1, 100, 5000):
        copy = compare_samples(noise(1)[:length], np.zeros(length, np.float32))
        assert copy.share_of_copy == copy.inside_share == 0
