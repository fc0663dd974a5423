"""Offsets, drift and tempo of onsets at known times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.fit.features import Onsets, measure_features
from acestep_runtime.fit.timing import Expectation, Timing, expect_onsets, measure_play, measure_swell, measure_timing
from tests.support import layers

BEAT_S = 0.5
LENGTH_S = 32.0
BEATS_S = np.arange(0, LENGTH_S, BEAT_S)


def onsets(times_s: np.ndarray, jitter_s: float = 0.003, seed: int = 0) -> Onsets:
    times_s = np.sort(times_s + np.random.default_rng(seed).normal(0, jitter_s, len(times_s)))
    return Onsets(times_s - 0.01, times_s, np.ones(len(times_s)))


def expectation(*, with_beats: bool = True) -> Expectation:
    source = onsets(np.sort(np.concatenate([BEATS_S, BEATS_S[::2] + 0.25])), seed=1)
    return expect_onsets(source, BEATS_S, BEATS_S[::4], BEATS_S[::4], 1.0 if with_beats else 0.0)


def measure(times_s: np.ndarray, **how: bool) -> Timing:
    timing = measure_timing(expectation(**how), onsets(times_s[times_s < LENGTH_S]), LENGTH_S)
    assert timing is not None
    return timing


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.11, 0.11), st.booleans())
def test_a_constant_offset_is_found(offset_s: float, with_beats: bool) -> None:
    timing = measure(0.2 + BEATS_S[:-1] + 0.3 + offset_s, with_beats=with_beats)
    assert timing.offset_s == pytest.approx(offset_s, abs=0.004)
    assert timing.agreement > 0.8
    assert timing.tempo_certainty == 0
    assert abs(timing.drift_s) < 0.02


@settings(max_examples=25, deadline=None)
@given(st.floats(0.9, 1.1).filter(lambda ratio: abs(ratio - 1) > 0.015))
def test_another_tempo_is_found(ratio: float) -> None:
    timing = measure(np.arange(0, LENGTH_S, BEAT_S / 2) / ratio)
    assert timing.tempo_ratio == pytest.approx(ratio, abs=0.003)
    assert timing.tempo_certainty > 0.5
    assert timing.tempo_part < 0.6


@pytest.mark.parametrize("seed", range(6))
def test_beside_a_source_without_beat_only_what_meets_it_has_an_offset(seed: int) -> None:
    random = np.random.default_rng(seed)
    times_s = np.cumsum(random.uniform(0.15, 0.9, 60))
    times_s = times_s[times_s < LENGTH_S]
    source = expect_onsets(onsets(times_s, seed=seed), np.zeros(0), np.zeros(0), np.zeros(0), 0.0)
    assert measure_timing(source, onsets(BEATS_S), LENGTH_S) is None
    late = measure_timing(source, onsets(times_s + 0.06), LENGTH_S)
    assert late is not None
    assert late.offset_s == pytest.approx(0.06, abs=0.006)


@pytest.mark.parametrize("seed", range(3))
def test_what_plays_between_a_source_without_beat_has_an_offset_too(seed: int) -> None:
    """Strokes at all onsets of the source, and four times as many between them."""
    random = np.random.default_rng(seed)
    times_s = np.cumsum(random.uniform(0.6, 1.2, 34))
    source = expect_onsets(onsets(times_s, seed=seed), np.zeros(0), np.zeros(0), np.zeros(0), 0.0)
    gaps_s = np.diff(times_s, append=times_s[-1] + 1.0)[:, None]
    strokes_s = (times_s[:, None] + np.array([0.0, 0.22, 0.41, 0.63, 0.82]) * gaps_s).ravel() + 0.06
    timing = measure_timing(source, onsets(strokes_s[strokes_s < LENGTH_S]), LENGTH_S)
    assert timing is not None
    assert timing.offset_s == pytest.approx(0.06, abs=0.006)


@pytest.mark.parametrize("slower", [0.002, 0.004, -0.003])
def test_a_slow_drift_is_found(slower: float) -> None:
    timing = measure(BEATS_S * (1 + slower))
    assert timing.drift_s == pytest.approx(slower * LENGTH_S, rel=0.3)
    assert timing.tempo_part < 0.8


def test_a_group_of_bars_that_is_late_is_named() -> None:
    late_s = np.where((BEATS_S >= 8) & (BEATS_S < 16), 0.04, 0.0)
    timing = measure(BEATS_S + late_s)
    by_bars = {(group.first, group.last): group.offset_s for group in timing.groups}
    assert by_bars[5, 8] == pytest.approx(0.04, abs=0.004)
    assert all(abs(offset_s) < 0.004 for bars, offset_s in by_bars.items() if bars != (5, 8))
    assert timing.timing_part < measure(BEATS_S).timing_part


def test_bars_are_counted_from_the_start_of_the_song() -> None:
    bars_s = BEATS_S[::4] - 4.0  # two bars of the window come before the result
    source = replace(expectation(), bars_s=bars_s, first_bar=9)
    timing = measure_timing(source, onsets(BEATS_S), LENGTH_S)
    assert timing is not None
    assert [(group.first, group.last, group.start_s) for group in timing.groups[:2]] == [(11, 14, 0.0), (15, 18, 8.0)]


def test_onsets_at_random_times_do_not_agree() -> None:
    times_s = np.sort(np.random.default_rng(9).uniform(0, LENGTH_S, 100))
    assert measure(times_s).agreement < 0.25
    assert measure(times_s).timing_part < 0.6 < measure(BEATS_S).timing_part


def test_the_greater_the_offset_the_lower_the_part() -> None:
    parts = [measure(BEATS_S[:-1] + 0.5 + late_s).timing_part for late_s in (0.0, 0.03, 0.06, 0.12)]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] > 0.95 > 0.8 > parts[1]


def test_drums_are_in_time_a_little_before_and_others_a_little_after() -> None:
    """Beside music without drums a true drum is measured early; an instrument that rises slowly is measured late."""
    nothing = np.zeros(0)
    for is_struck, sign in ((True, -1), (False, 1)):
        parts = {}
        for late_ms in (sign * 14, 0, 30, -30):
            played = onsets(BEATS_S[2:-2] + late_ms / 1e3)
            timing = measure_play(expectation(), played, nothing, LENGTH_S, is_struck=is_struck)
            assert timing is not None
            parts[late_ms] = timing.timing_part
        assert min(parts[sign * 14], parts[0]) > 0.95
        assert max(parts[30], parts[-30]) < 0.75


@pytest.mark.parametrize("seed", range(3))
def test_what_hardly_meets_the_source_has_its_own_tempo(seed: int) -> None:
    """Beats at 3 % more among as many onsets beside them; without the beats there is no tempo to tell."""
    rng = np.random.default_rng(seed)
    beside_s = rng.uniform(0, 31, 120)
    timing = measure(np.sort(np.concatenate([np.arange(0, 62, 0.5) * BEAT_S / 1.03, beside_s])))
    assert timing.tempo_ratio == pytest.approx(1.03, abs=0.004)
    assert timing.tempo_certainty > 0.8
    assert measure(np.sort(beside_s)).tempo_certainty == 0


def test_too_few_onsets_tell_nothing() -> None:
    assert measure_timing(expectation(), onsets(np.array([1.0, 2.0])), LENGTH_S) is None
    nothing = onsets(np.zeros(0))
    assert measure_timing(expect_onsets(nothing, np.zeros(0), np.zeros(0), np.zeros(0), 0.0), nothing, 1.0) is None


def test_soft_chords_are_in_time_and_late_ones_are_late() -> None:
    changes_s = np.arange(0, 16, 2.0)
    source = expect_onsets(onsets(np.arange(0, 16, 0.5)), np.arange(0, 16, 0.5), changes_s, changes_s, 1.0)
    found = {}
    for late_s in (0.0, 0.06, 0.1):
        swell = measure_features(layers.soft_chords(late_s=late_s)).swell
        timing = measure_swell(source, swell, 16.0)
        assert timing is not None
        found[late_s] = timing
    assert found[0.0].timing_part > 0.9
    assert found[0.0].timing_part > found[0.06].timing_part > found[0.1].timing_part
    assert found[0.1].offset_s == pytest.approx(0.1, abs=0.05)
