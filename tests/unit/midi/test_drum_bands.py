"""Power in bands, beside a direct sum over one spectrum, and levels that no gain changes."""

from __future__ import annotations

import numpy as np
import pytest

from acestep_runtime.midi.drum_bands import BANDS, HOP, band_centres_hz, band_powers, is_silent, to_levels
from acestep_runtime.units import ENGINE_RATE_HZ

NOTHING = (lambda: None, lambda _: None)


def noise(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, frames).astype(np.float32)


@pytest.mark.parametrize("hz", [60.0, 400.0, 3000.0, 12_000.0])
def test_a_sine_is_in_its_band(hz: float) -> None:
    sine = np.sin(2 * np.pi * hz * np.arange(ENGINE_RATE_HZ) / ENGINE_RATE_HZ).astype(np.float32)
    power = band_powers(sine, *NOTHING)
    assert power.shape == (ENGINE_RATE_HZ // HOP, BANDS)
    loudest = int(power[20:-20].mean(axis=0).argmax())
    centres = band_centres_hz()
    assert abs(loudest - int(np.abs(centres - hz).argmin())) <= 1


def test_a_frame_is_the_same_wherever_blocks_end() -> None:
    """Frames beside the ends of blocks, 1024 each, equal those of a stretch that is cut out around them."""
    sound = noise(1100 * HOP)
    whole = band_powers(sound, *NOTHING)
    part = band_powers(sound[1000 * HOP :], *NOTHING)
    assert np.allclose(whole[1003:], part[3:], rtol=1e-3, atol=1e-9)


def test_silence_and_damage_have_no_power() -> None:
    assert is_silent(band_powers(np.zeros(0, np.float32), *NOTHING))
    assert is_silent(band_powers(np.zeros(5000, np.float32), *NOTHING))
    sound = noise(50 * HOP)
    sound[1000] = np.nan
    assert np.isfinite(band_powers(sound, *NOTHING)).all()


def test_levels_are_relative_to_the_recording() -> None:
    power = band_powers(noise(300 * HOP), *NOTHING)
    levels = to_levels(power)
    assert np.allclose(levels, to_levels(power * np.float32(1e-3)), atol=1e-4)
    assert levels.min() >= -1e-6
    assert to_levels(power / power.sum(axis=1).max()).max() <= 1.05
