"""The mix for analysis, against closed forms: what is panned by level keeps its power, ordinary stereo is its mid."""

import numpy as np
import pytest

from acestep_runtime.audio.mono import channels_for_analysis, mix_for_analysis, turn_channels
from tests.support import signals

RATE_HZ = 48_000
CENTRE, LEFT, RIGHT, OPPOSITE = (1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (1.0, -1.0)


def pan(gains: tuple[float, float], mono: np.ndarray) -> np.ndarray:
    """A mono signal ``[N]`` with a gain for each channel."""
    return np.outer(mono, gains).astype(np.float32)


def tone(hz: float, seconds: float = 6.0) -> np.ndarray:
    return signals.sine(hz, seconds, channels=1)[:, 0]


def power(samples: np.ndarray) -> float:
    """Mean power away from the ends, where a segment is half empty."""
    middle = samples[RATE_HZ : len(samples) - RATE_HZ].astype(np.float64)
    return float(np.mean(middle**2))


def test_mono_is_returned_as_it_is() -> None:
    mono = signals.noise(1.0, channels=1)
    assert mix_for_analysis(mono, RATE_HZ) is mono


@pytest.mark.parametrize("gains", [CENTRE, (1.0, 0.4), (0.3, 1.0), LEFT, RIGHT])
def test_what_is_on_one_side_or_between_gives_the_very_mid(gains: tuple[float, float]) -> None:
    stereo = pan(gains, signals.noise(3.0, channels=1)[:, 0])
    assert np.array_equal(mix_for_analysis(stereo, RATE_HZ)[:, 0], (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5))


@pytest.mark.parametrize("gains", [OPPOSITE, (-1.0, 1.0), (1.0, -0.6), (0.5, -1.0)])
@pytest.mark.parametrize("hz", [55.0, 440.0, 5_000.0])
def test_opposite_polarity_keeps_its_power(gains: tuple[float, float], hz: float) -> None:
    stereo = pan(gains, tone(hz))
    mean = (power(stereo[:, 0]) + power(stereo[:, 1])) / 2  # = |mid|² + |side|²
    assert power(mix_for_analysis(stereo, RATE_HZ)[:, 0]) == pytest.approx(mean, rel=0.02)


def test_independent_sides_keep_at_least_the_power_of_their_mid() -> None:
    stereo = signals.noise(6.0)
    mid = power(stereo.mean(axis=1))
    assert 0.98 * mid <= power(mix_for_analysis(stereo, RATE_HZ)[:, 0]) <= 2.05 * mid


def test_each_band_is_mixed_by_itself() -> None:
    """A tone in opposite polarity beside a louder one at the centre, two octaves below: both are there, at their level."""
    stereo = pan(CENTRE, 2 * tone(220.0)) + pan(OPPOSITE, tone(880.0))
    mixed = mix_for_analysis(stereo, RATE_HZ)[RATE_HZ : 5 * RATE_HZ, 0]
    level = np.abs(np.fft.rfft(mixed)) / (len(mixed) / 2)
    assert level[220 * 4] == pytest.approx(1.0, rel=0.02)
    assert level[880 * 4] == pytest.approx(0.5, rel=0.02)


def test_a_turn_of_polarity_in_the_middle_is_followed() -> None:
    mono = tone(440.0, 12.0)
    sign = np.where(np.arange(len(mono)) < len(mono) // 2, 1.0, -1.0)
    mixed = mix_for_analysis(np.stack([mono, sign * mono], axis=1).astype(np.float32), RATE_HZ)[:, 0]
    seconds = [float(np.mean(mixed[at : at + RATE_HZ] ** 2)) for at in range(RATE_HZ, 11 * RATE_HZ, RATE_HZ)]
    assert min(seconds) > 0.4 * power(mono)


def test_there_is_no_cliff_between_the_centre_and_opposite_polarity() -> None:
    powers = [
        power(mix_for_analysis(pan((1.0, float(right)), tone(440.0)), RATE_HZ)[:, 0])
        for right in np.linspace(1, -1, 41)
    ]
    steps_db = np.abs(10 * np.log10(np.divide(powers[1:], powers[:-1])))
    assert steps_db.max() < 1.5
    assert min(powers) > 0.2 * powers[0]  # one side alone has a quarter


@pytest.mark.parametrize("frames", [0, 1, 100, 30_000])
@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000, 192_000])
def test_any_length_and_rate_is_mixed(frames: int, rate_hz: int) -> None:
    stereo = pan(OPPOSITE, np.random.default_rng(0).standard_normal(frames))
    mixed = mix_for_analysis(stereo, rate_hz)
    assert mixed.shape == (frames, 1)
    assert np.isfinite(mixed).all()
    assert mixed.any() == (frames > 1)


@pytest.mark.parametrize(
    ("gains", "matrix"),
    [
        (CENTRE, [[1, 0], [0, 1]]),
        ((1.0, 0.5), [[1, 0], [0, 1]]),
        (OPPOSITE, [[1, 0], [0, -1]]),
        (LEFT, [[1, 0], [1, 1]]),
        (RIGHT, [[1, 1], [0, 1]]),
        ((0.0, 0.0), [[1, 0], [0, 1]]),
    ],
)
def test_channels_are_set_upright(gains: tuple[float, float], matrix: list[list[int]]) -> None:
    stereo = pan(gains, signals.noise(1.0, channels=1)[:, 0])
    found = channels_for_analysis(stereo)
    assert found.tolist() == matrix
    np.testing.assert_allclose(turn_channels(stereo.T.astype(np.complex64), found), found @ stereo.T)


def test_independent_channels_stay_as_they_are() -> None:
    stereo = signals.noise(2.0)
    spectra = stereo.T.astype(np.complex64)
    assert turn_channels(spectra, channels_for_analysis(stereo)) is spectra
