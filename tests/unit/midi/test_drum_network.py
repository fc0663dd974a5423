"""The network's arithmetic, beside scipy's correlation, and its blocks, beside one block."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import correlate

from acestep_runtime.midi import drum_network
from acestep_runtime.midi.drum_bands import BANDS
from acestep_runtime.midi.drum_network import DILATIONS, TAPS, USUAL, Weights, hear_strokes, load_weights, measure_usual
from acestep_runtime.midi.drums import PIECES

NOTHING = (lambda: None, lambda _: None)


def random_weights(seed: int = 4, channels: int = 6, pieces: int = 3) -> Weights:
    rng = np.random.default_rng(seed)
    sizes = [BANDS, *[channels] * len(DILATIONS)]
    kernels = [rng.normal(0, 0.2, (TAPS, one, other)) for one, other in pairwise(sizes)]
    kernels.append(rng.normal(0, 0.2, (1, channels, pieces)))
    biases = [rng.normal(0, 0.1, kernel.shape[2]) for kernel in kernels]
    usual = rng.normal(0, 0.1, (len(USUAL) * BANDS, channels))
    return Weights(
        tuple(each.astype(np.float32) for each in kernels),
        tuple(each.astype(np.float32) for each in biases),
        usual.astype(np.float32),
    )


def run_with_scipy(levels: np.ndarray, weights: Weights) -> np.ndarray:
    """The same network by scipy: kernels with zeros between their taps, one channel at a time, in double precision."""
    signal = levels.astype(np.float64)
    for number, kernel in enumerate(weights.kernels):
        spread = DILATIONS[number] if number < len(DILATIONS) else 1
        wide = np.zeros(((len(kernel) - 1) * spread + 1, *kernel.shape[1:]))
        wide[::spread] = kernel
        out = np.stack(
            [
                sum(correlate(signal[:, i], wide[:, i, o], "same", "direct") for i in range(signal.shape[1]))
                for o in range(kernel.shape[2])
            ],
            axis=1,
        )
        out += weights.biases[number]
        if number == 0:
            out += measure_usual(levels) @ weights.usual
        signal = out if number == len(DILATIONS) else np.maximum(out, 0)
    return np.asarray(1 / (1 + np.exp(-signal)))


def test_it_computes_what_scipy_does() -> None:
    levels = np.random.default_rng(2).uniform(0, 1, (60, BANDS)).astype(np.float32)
    weights = random_weights()
    assert np.allclose(hear_strokes(levels, weights, *NOTHING), run_with_scipy(levels, weights), atol=1e-5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = np.random.default_rng(3).uniform(0, 1, (500, BANDS)).astype(np.float32)
    weights = random_weights()
    whole = hear_strokes(levels, weights, *NOTHING)
    reports: list[float] = []
    monkeypatch.setattr(drum_network, "_BLOCK", 64)
    assert np.allclose(hear_strokes(levels, weights, lambda: None, reports.append), whole, atol=1e-5)
    assert reports == sorted(reports)
    assert reports[-1] == 1.0
    assert len(reports) == 8


def test_no_frames_have_no_strokes() -> None:
    assert hear_strokes(np.zeros((0, BANDS), np.float32), random_weights(), *NOTHING).shape == (0, 3)


def test_the_weights_of_the_package_fit() -> None:
    weights = load_weights()
    channels = weights.kernels[0].shape[2]
    assert [kernel.shape for kernel in weights.kernels] == [
        (TAPS, BANDS, channels), *[(TAPS, channels, channels)] * (len(DILATIONS) - 1), (1, channels, len(PIECES)),
    ]  # fmt: skip
    assert weights.usual.shape == (len(USUAL) * BANDS, channels)
    assert all(np.isfinite(each).all() for each in (*weights.kernels, *weights.biases, weights.usual))
