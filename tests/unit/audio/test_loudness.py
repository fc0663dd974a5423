"""Integrated loudness against the closed forms of ITU-R BS.1770 and the compliance signals of EBU Tech 3341."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.audio.loudness import MAX_EQUAL_DB, SILENT_LUFS, equal_levels_db, k_weighting, loudness_lufs
from tests.support import signals


def tone(parts: list[tuple[float, float]], hz: float = 1000.0):
    """A stereo sine of (dBFS, seconds) parts, the level being that of the peaks, as in Tech 3341."""
    return np.concatenate([signals.sine(hz, seconds, peak=10 ** (db / 20)) for db, seconds in parts])


def test_a_full_scale_sine_of_997_hz_in_one_channel_is_minus_3_01() -> None:
    both = signals.sine(997, 5, peak=1.0)
    assert loudness_lufs([both * [1, 0]]) == pytest.approx(-3.01, abs=0.01)
    assert loudness_lufs([both]) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 60), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_the_signals_of_tech_3341(parts: list[tuple[float, float]], lufs: float) -> None:
    assert loudness_lufs([tone(parts)]) == pytest.approx(lufs, abs=0.1)


#: Tables 1 and 2 of the Recommendation, for 48 kHz: b0 b1 b2 a0 a1 a2.
TABLES = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)


def test_the_weighting_at_48_khz_is_that_of_the_tables() -> None:
    np.testing.assert_allclose(k_weighting(48_000), TABLES, atol=1e-13)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 96_000, 192_000])
def test_the_weighting_is_equal_at_other_rates(rate_hz: int) -> None:
    from scipy.signal import sosfreqz

    hz = [20.0, 100.0, 1000.0, 3000.0]
    _, here = sosfreqz(k_weighting(rate_hz), worN=hz, fs=rate_hz)
    _, there = sosfreqz(np.array(TABLES), worN=hz, fs=48_000)
    np.testing.assert_allclose(
        20 * np.log10(np.abs(here)), 20 * np.log10(np.abs(there)), atol=0.6 if rate_hz < 9e3 else 0.1
    )
    tone = signals.sine(997, 3, rate_hz=rate_hz, peak=0.5)
    assert loudness_lufs([tone], rate_hz) == pytest.approx(-6.02, abs=0.15 if rate_hz < 9e3 else 0.05)


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, 96_000), max_size=5), gain_db=st.floats(-30, 0))
def test_blocks_do_not_matter_and_gain_adds_up(cuts: list[int], gain_db: float) -> None:
    sound = signals.noise(2, rms=0.1)
    whole = loudness_lufs([sound])
    louder = loudness_lufs(np.split(sound * np.float32(10 ** (gain_db / 20)), sorted(cuts)))
    assert louder == pytest.approx(whole + gain_db, abs=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 4000, 48_000])
def test_silence_and_empty_audio_measure_the_gate(frames: int) -> None:
    assert loudness_lufs([np.zeros((frames, 2), np.float32)]) == SILENT_LUFS


def test_a_short_sound_has_a_loudness_too() -> None:
    assert loudness_lufs([signals.sine(997, 0.25, peak=0.1)]) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize(
    ("loudness", "levels"),
    [
        ([], []),
        ([-14.0], [0.0]),
        ([-14.0, -20.0, -17.0], [-6.0, 0.0, -3.0]),
        ([-14.0, SILENT_LUFS], [0.0, 0.0]),
        ([SILENT_LUFS, SILENT_LUFS], [0.0, 0.0]),
        ([-14.0, -14.0 - MAX_EQUAL_DB], [-MAX_EQUAL_DB, 0.0]),
        ([-14.0, -16.0, -14.5 - MAX_EQUAL_DB], [-2.0, 0.0, 0.0]),
    ],
)
def test_equal_levels_turn_down_and_never_up(loudness: list[float], levels: list[float]) -> None:
    assert equal_levels_db(loudness) == levels
