"""Waveforms miss no sample, whether the audio comes at once or in blocks."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.pages import waveform
from acebridge.pages.waveform import PeakMeter


def test_waveform_peaks_miss_no_sample() -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[617, 1], samples[40, 0] = 0.75, -0.5
    found = waveform.peaks(samples, 7)
    assert (found.high.max(), found.high.argmax()) == (0.75, 617 * 7 // 1000)
    assert (found.low.min(), found.low.argmin()) == (-0.5, 0)
    assert np.isclose(np.mean(found.rms[1:4]), 0)


def test_waveform_of_fewer_frames_than_columns() -> None:
    found = waveform.peaks(np.full((3, 1), 0.5, np.float32), 9)
    assert np.allclose([found.low, found.high, found.rms], 0.5)


def test_waveform_rms_is_that_of_a_sine() -> None:
    sine = 0.5 * np.sin(2 * np.pi * np.arange(48_000) / 48)[:, None].astype(np.float32)
    assert np.allclose(waveform.peaks(sine, 10).rms, 0.5 / np.sqrt(2), rtol=1e-4)


def test_outline_fills_the_height_at_full_scale_and_is_a_line_in_silence() -> None:
    one = np.ones(2, np.float32)
    numbers = [int(n) for n in re.findall(r"\d+", waveform.outline(-one, one))]
    assert (min(numbers[1::2]), max(numbers[1::2])) == (0, waveform.HEIGHT)
    silent = [int(n) for n in re.findall(r"\d+", waveform.outline(0 * one, 0 * one))]
    assert 0 < max(silent[1::2]) - min(silent[1::2]) <= 2


@given(st.integers(1, 300), st.integers(1, 40), st.lists(st.integers(0, 300), max_size=6))
def test_audio_in_blocks_has_the_peaks_of_the_whole(frames: int, columns: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(frames).uniform(-1, 1, (frames, 2)).astype(np.float32)
    meter = PeakMeter(frames, columns)
    for block in np.split(samples, sorted(min(cut, frames) for cut in cuts)):
        meter.push(block)
    found, whole = meter.peaks(), waveform.peaks(samples, columns)
    assert np.array_equal(found.low, whole.low)
    assert np.array_equal(found.high, whole.high)
    assert np.allclose(found.rms, whole.rms)
    # Each column is what a plain loop finds.
    for column in range(columns):
        first = min(column * frames // columns, frames - 1)
        last = max((column + 1) * frames // columns, first + 1)
        assert found.high[column] == samples[first:last].max()
        assert found.low[column] == samples[first:last].min()


def test_a_part_of_the_columns() -> None:
    whole = waveform.peaks(np.arange(-50, 50, dtype=np.float32)[:, None] / 50, 10)
    part = whole.between(2, 5)
    assert np.array_equal(part.high, whole.high[2:5])
    assert part.highest == pytest.approx(0.6)
    assert whole.highest == 1.0
