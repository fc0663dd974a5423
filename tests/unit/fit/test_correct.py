"""Results with known faults, made to fit."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.fit.correct import correct_fit, fit_length, load_stretch, move
from acestep_runtime.fit.measure import FitFacts, measure_fit
from tests.support import layers, signals

RATE_HZ = 48_000
BASS = FitFacts("lego", ("bass",))


@settings(max_examples=50, deadline=None)
@given(st.integers(-3000, 3000), st.integers(1, 2000))
def test_a_move_is_exact_to_the_sample(frames: int, length: int) -> None:
    samples = np.random.default_rng(0).standard_normal((length, 2)).astype(np.float32)
    out = move(samples, frames)
    assert out.shape == samples.shape
    fade = 144  # 3 ms where it was cut
    if abs(frames) >= length:
        assert not out.any()
    elif frames > fade:
        assert np.array_equal(out[: max(0, length - frames - fade)], samples[frames:][: max(0, length - frames - fade)])
        assert not out[length - frames :].any()
    elif frames < -fade:
        assert not out[:-frames].any()
        assert np.array_equal(out[-frames + fade :], samples[fade : length + frames])


@pytest.mark.parametrize("late_ms", [60, -90])
def test_an_offset_is_taken_out(late_ms: int) -> None:
    source, result = signals.song(bars=8), layers.walking_bass(late_s=late_ms / 1e3)
    before = measure_fit(source, result, BASS)
    out, notes = correct_fit(source, result, before)
    after = measure_fit(source, out, BASS)
    assert out.shape == result.shape
    assert after.value > before.value + 0.4
    assert abs(after.figures["offset_s"]) < 0.005
    assert len(notes) == 1
    assert notes[0].endswith("earlier." if late_ms > 0 else "later.")


def test_what_fits_stays_the_same_array() -> None:
    source, result = signals.song(bars=8), layers.walking_bass()
    out, notes = correct_fit(source, result, measure_fit(source, result, BASS))
    assert out is result
    assert notes == ()


@pytest.mark.parametrize("ratio", [1.015, 0.985])
def test_another_tempo_is_stretched_away(ratio: float) -> None:
    source, result = signals.song(bars=8), layers.walking_bass(bpm=120 * ratio)
    before = measure_fit(source, result, BASS)
    out, notes = correct_fit(source, result, before)
    after = measure_fit(source, out, BASS)
    assert len(out) == len(result)
    assert after.value > max(0.7, before.value + 0.3)
    assert "1.5 %" in notes[0]
    assert after.figures["cents"] == pytest.approx(before.figures["cents"], abs=8)  # a stretch keeps the pitch


def test_a_tempo_too_far_away_is_left_alone() -> None:
    source, result = signals.song(bars=8), layers.walking_bass(bpm=120 * 1.05)
    _, notes = correct_fit(source, result, measure_fit(source, result, BASS))
    assert not any("%" in note for note in notes)


def test_the_silence_before_a_late_start_is_removed() -> None:
    source = signals.song(bars=16)
    result = layers.walking_bass(16, late_s=8.0, frames=len(source))
    before = measure_fit(source, result, BASS)
    assert before.parts["start"] < 0.9
    out, notes = correct_fit(source, result, before)
    assert measure_fit(source, out, BASS).parts["start"] > 0.95
    assert "began with silence" in notes[0]


def test_noise_is_never_made_worse() -> None:
    source = signals.song(bars=8)
    for seed in range(3):
        result = signals.noise(16, seed=seed)
        before = measure_fit(source, result, BASS)
        out, _ = correct_fit(source, result, before)
        assert measure_fit(source, out, BASS).value >= before.value


def test_a_stretch_keeps_times_in_proportion() -> None:
    stretch = load_stretch()
    assert stretch is not None
    times_s = np.arange(0.5, 3.6, 0.5)
    out = stretch(signals.clicks(times_s, 4.0), 1.02)
    assert len(out) == pytest.approx(4.0 * 1.02 * RATE_HZ, abs=2)
    strong = np.flatnonzero(np.abs(out[:, 0]) > 0.3 * np.abs(out).max())
    first = strong[np.concatenate([[True], np.diff(strong) > RATE_HZ // 10])]
    assert first / RATE_HZ == pytest.approx(times_s * 1.02, abs=0.003)
    assert np.array_equal(out, stretch(signals.clicks(times_s, 4.0), 1.02))


def test_without_the_package_nothing_is_stretched_and_a_note_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "python_stretch", None)
    assert load_stretch() is None
    source, result = signals.song(bars=8), layers.walking_bass(bpm=120 * 1.015)
    _, notes = correct_fit(source, result, measure_fit(source, result, BASS))
    assert not any("%" in note for note in notes)
    assert "pip install python-stretch" in notes[0]
    in_time = layers.walking_bass()
    assert correct_fit(source, in_time, measure_fit(source, in_time, BASS))[1] == ()


@given(st.integers(0, 50), st.integers(0, 50))
def test_a_length_is_made_exact(length: int, frames: int) -> None:
    samples = np.ones((length, 2), np.float32)
    out = fit_length(samples, frames)
    assert len(out) == frames
    assert out.sum() == 2 * min(length, frames)
