"""Effects move as their names say: up, down, up and down, or not at all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from acestep_runtime.dsp.effects import EFFECTS
from acestep_runtime.dsp.voices import play_voice

RATE_HZ = 48_000


def render_effect(name: str, length_s: float = 2.0) -> npt.NDArray[np.float32]:
    return play_voice(name, (48,), length_s, 0.75, 0.0, np.random.default_rng(1))


def centres_hz(samples: npt.NDArray[np.float32]) -> list[float]:
    """Centre of the spectrum in four quarters."""
    quarter = len(samples) // 4
    hz = np.fft.rfftfreq(quarter, 1 / RATE_HZ)
    powers = [np.abs(np.fft.rfft(samples[k * quarter : (k + 1) * quarter])) ** 2 for k in range(4)]
    return [float((power * hz).sum() / power.sum()) for power in powers]


def levels(samples: npt.NDArray[np.float32]) -> list[float]:
    quarter = len(samples) // 4
    return [float(np.sqrt(np.mean(samples[k * quarter : (k + 1) * quarter] ** 2))) for k in range(4)]


def test_a_riser_climbs_and_grows_and_a_downlifter_does_the_reverse() -> None:
    up, down = render_effect("riser"), render_effect("downlifter")
    for rising in (centres_hz(up), levels(up), centres_hz(down)[::-1], levels(down)[::-1]):
        assert rising == sorted(rising)
        assert rising[3] > 3 * rising[0]


def test_a_sweep_rises_and_falls() -> None:
    centres, loud = centres_hz(render_effect("sweep")), levels(render_effect("sweep"))
    assert min(centres[1:3]) > 1.5 * max(centres[0], centres[3])
    assert min(loud[1:3]) > 2 * max(loud[0], loud[3])


def test_an_impact_is_low_and_decays_and_ambience_sustains() -> None:
    stroke, air = render_effect("impact", 3.0), levels(render_effect("ambience", 4.0))
    assert levels(stroke)[0] > 5 * levels(stroke)[3]
    power = np.abs(np.fft.rfft(stroke)) ** 2
    assert power[: 150 * len(stroke) // RATE_HZ].sum() > 0.5 * power.sum()
    assert max(air) < 3 * min(air)


@pytest.mark.parametrize("name", list(EFFECTS))
@pytest.mark.parametrize("length_s", [0.02, 0.3, 12.0])
def test_effects_are_clean_at_any_length_and_never_twice_the_same(name: str, length_s: float) -> None:
    samples = render_effect(name, length_s)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() < 1.4
    assert max(abs(samples[0]), abs(samples[-1])) < 2e-3
    assert abs(samples.mean()) < 1e-3
    assert np.array_equal(samples, render_effect(name, length_s))
    other = play_voice(name, (48,), length_s, 0.75, 0.0, np.random.default_rng(2))
    assert not np.array_equal(samples, other)
