"""The demo's claims are measured, and a claim that does not hold is an error."""

from __future__ import annotations

import numpy as np
import pytest

from acebridge.demo.checks import ClaimFailed, check_region, check_stem_sum
from acebridge.demo.results import mix_parts


def noise(frames: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)


def test_a_clean_repaint_is_measured() -> None:
    before = noise(1000, 1)
    after = before.copy()
    after[300:350] += np.float32(0.1)
    found = check_region(before, after, 300, 400)
    assert (found.identical_frames, found.region_frames) == (900, 100)
    assert found.changed_share == 0.5


@pytest.mark.parametrize("frame", [0, 299, 400, 999])
def test_one_bit_outside_is_found(frame: int) -> None:
    before = noise(1000, 1)
    after = before.copy()
    after[300:400] = 0
    after[frame, 1] = np.nextafter(after[frame, 1], np.float32(1))
    with pytest.raises(ClaimFailed, match="1 samples outside"):
        check_region(before, after, 300, 400)


def test_a_repaint_that_changes_nothing_is_refused() -> None:
    with pytest.raises(ClaimFailed, match="same as before"):
        check_region(noise(10, 1), noise(10, 1), 2, 4)


def test_a_repaint_of_another_length_is_refused() -> None:
    with pytest.raises(ClaimFailed, match="shape"):
        check_region(noise(10, 1), noise(11, 1), 2, 4)


def test_stems_that_add_up_are_measured() -> None:
    a, b = noise(500, 1), noise(500, 2)
    mix = (a.astype(np.float64) + b).astype(np.float32)
    mix[7, 0] += np.float32(5e-7)
    assert 3e-7 < check_stem_sum(mix, [a, b]) < 7e-7


@pytest.mark.parametrize("fault", [2e-6, np.nan])
def test_stems_that_do_not_add_up_are_refused(fault: float) -> None:
    a, b = noise(500, 1), noise(500, 2)
    mix = a + b
    a[3, 1] += np.float32(fault)
    with pytest.raises(ClaimFailed, match="differ"):
        check_stem_sum(mix, [a, b])


def test_a_mix_is_a_plain_sum_unless_it_would_clip() -> None:
    a = noise(500, 1)
    assert np.array_equal(mix_parts([a, a]), 2 * a / np.float32(max(1.0, np.abs(2 * a).max() / 0.98)))
    assert np.array_equal(mix_parts([a / 4, a / 4]), a / 4 + a / 4)
    assert np.abs(mix_parts([a, a, a])).max() <= 0.981
