"""Integrated loudness against the closed forms of ITU-R BS.1770 and the compliance signals of EBU Tech 3341."""

import numpy as np
import pytest
import signals
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.dsp.loudness import K_WEIGHTING, SILENT_LUFS, loudness_lufs


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


def test_the_weighting_is_that_of_the_analogue_prototypes() -> None:
    from scipy.signal import sosfreqz

    hz, gain = sosfreqz(np.array(K_WEIGHTING), worN=[20.0, 100.0, 1000.0, 10_000.0], fs=48_000)
    db = 20 * np.log10(np.abs(gain))
    assert db == pytest.approx([-13.4, -1.1, 0.7, 4.0], abs=0.35)  # the curve of the standard
    assert len(hz) == 4


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, 96_000), max_size=5), gain_db=st.floats(-30, 0))
def test_blocks_do_not_matter_and_gain_adds_up(cuts: list[int], gain_db: float) -> None:
    sound = signals.noise(2, rms=0.1)
    whole = loudness_lufs([sound])
    louder = loudness_lufs(np.split(sound * np.float32(10 ** (gain_db / 20)), sorted(cuts)))
    assert louder == pytest.approx(whole + gain_db, abs=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 4000, 48_000])
def test_silence_and_nothing_measure_the_gate(frames: int) -> None:
    assert loudness_lufs([np.zeros((frames, 2), np.float32)]) == SILENT_LUFS


def test_a_short_sound_has_a_loudness_too() -> None:
    assert loudness_lufs([signals.sine(997, 0.25, peak=0.1)]) == pytest.approx(-20, abs=0.5)
