"""Naming chords with the network of crema 0.2.0 (McFee & Bello, "Structured training for large-vocabulary chord recognition",
ISMIR 2017), run from its weights without Keras: a judge that shares nothing with the engine.

Layers, their order and their sizes are those that its model.h5 states; what its pump.pkl states is written down here, so
nothing is unpickled. Letters: T frames of 4096 samples at 44.1 kHz, F = 216 bins of the constant-Q transform, H = 2 harmonics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RATE_HZ, HOP = 44_100, 4096
OCTAVES, BINS = 6, 36
LOWEST_HZ = 440.0 * 2 ** ((24 - 69) / 12)  # C1
_HARMONICS = (1, 2)
_RANGE_DB, _LEAST = 80.0, 1e-5
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_QUALITIES = (
    "maj",
    "min",
    "aug",
    "dim",
    "maj6",
    "min6",
    "7",
    "maj7",
    "min7",
    "minmaj7",
    "dim7",
    "hdim7",
    "sus2",
    "sus4",
)
#: The network's classes are sorted by name.
LABELS = tuple(sorted([f"{name}:{quality}" for name in _NAMES for quality in _QUALITIES] + ["N", "X"]))
#: The probability that a frame has the chord of the frame before it.
_STAY = 0.957154635467057
_EPSILON = 1e-3
#: Triads below the qualities that have one.
_TRIADS = {"maj": "", "maj6": "", "7": "", "maj7": "", "min": "m", "min6": "m", "min7": "m", "minmaj7": "m"}

Weights = Mapping[str, Any]


@dataclass(frozen=True)
class ChordSpan:
    """A chord from one time to another: ``label`` is as in "C:maj", "A:min7", or "N" for none."""

    start_s: float
    end_s: float
    label: str

    @property
    def triad(self) -> tuple[int, str] | None:
        """The root (C = 0) and "" for major or "m" for minor; None where the chord has neither triad."""
        root, _, quality = self.label.partition(":")
        return (_NAMES.index(root), _TRIADS[quality]) if quality in _TRIADS else None


def transform(mono: Floats, lowest_hz: float = LOWEST_HZ) -> Floats:
    """Return the magnitudes of a constant-Q transform (Brown 1991) of samples at 44.1 kHz, ``[T, 216]``.

    Bins are 36 to the octave from ``lowest_hz`` on. Each is the product with a Hann-windowed wave of constant Q, whose sum of
    magnitudes is 1, times the square root of its length: the scale of librosa's cqt, which the network was trained on.
    """
    from scipy.signal import resample_poly

    frames = len(mono) // HOP
    out = np.zeros((frames, OCTAVES * BINS))
    widening = 2 ** (1 / BINS)
    quality = (widening**2 + 1) / (widening**2 - 1)
    for octave in range(OCTAVES):
        bins_hz = lowest_hz * 2 ** (octave + np.arange(BINS) / BINS)
        # The highest bin stays below 0.3 of the lower rate, where resampling has not begun to fade.
        down = 2 ** max(0, int(np.floor(np.log2(0.3 * RATE_HZ / bins_hz[-1]))))
        down = min(down, 128)
        low, rate_hz = (resample_poly(mono, 1, down) if down > 1 else mono), RATE_HZ / down
        lengths = quality * rate_hz / bins_hz
        reach = int(np.ceil(lengths[0] / 2))
        n = np.arange(-reach, reach + 1)
        waves = np.exp(2j * np.pi * np.outer(n, bins_hz / rate_hz))
        windows = np.where(np.abs(n)[:, None] <= lengths / 2, 0.5 + 0.5 * np.cos(2 * np.pi * n[:, None] / lengths), 0.0)
        kernel = np.conj(waves) * windows / windows.sum(axis=0) * np.sqrt(lengths * down)
        padded = np.pad(low, (reach, reach + HOP // down + 1))
        spans = np.lib.stride_tricks.sliding_window_view(padded, len(n))[:: HOP // down][:frames]
        out[:, octave * BINS : (octave + 1) * BINS] = np.abs(spans @ kernel)
    return out


def features(samples: npt.NDArray[np.floating], rate_hz: int) -> Floats:
    """Return what the network reads of ``[N, C]`` or ``[N]`` samples, ``[T, 216, 2]``: dB below the loudest bin, to −80."""
    import soxr

    mono = samples.astype(np.float64)
    mono = mono.mean(axis=1) if mono.ndim == 2 else mono
    mono = np.asarray(soxr.resample(mono, rate_hz, RATE_HZ)) if rate_hz != RATE_HZ else mono
    layers = []
    for harmonic in _HARMONICS:
        level = np.maximum(transform(mono, harmonic * LOWEST_HZ), _LEAST)
        layers.append(np.maximum(20 * np.log10(level / level.max()), -_RANGE_DB) if level.size else level)
    return np.stack(layers, axis=2)


def read_weights(path: Path) -> dict[str, Floats]:
    """Return the arrays of a model.h5 by layer and name, as in "conv2d_1/kernel"."""
    import h5py

    found: dict[str, Floats] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            parts = name.removesuffix(":0").split("/")
            found["/".join(parts[-2:])] = np.asarray(item, dtype=np.float64)

    with h5py.File(path) as file:
        file["model_weights"].visititems(keep)
    return found


def run_network(read: Floats, weights: Weights) -> Floats:
    """Return the probability of each of `LABELS` in each frame, ``[T, 170]``, for features ``[T, 216, 2]``."""
    from scipy.signal import correlate

    x = _normalise(read, weights, "batch_normalization_1")
    kernel = weights["conv2d_1/kernel"][..., 0]
    # "same" in two dimensions; the third, the harmonics, is summed.
    padded = np.pad(x, ((2, 2), (2, 2), (0, 0)))
    x = np.maximum(0.0, correlate(padded, kernel, mode="valid") + weights["conv2d_1/bias"])
    x = _normalise(x, weights, "batch_normalization_2")[..., 0]
    x = np.maximum(0.0, x @ weights["conv2d_2/kernel"][0, :, 0, :] + weights["conv2d_2/bias"])
    x = _normalise(x, weights, "batch_normalization_3")
    x = _read_both_ways(x, weights, 1)
    x = _normalise(x, weights, "batch_normalization_4")
    x = _read_both_ways(x, weights, 2)
    pitch = 1 / (1 + np.exp(-_dense(x, weights, "chord_pitch")))
    root, bass = (_softmax(_dense(x, weights, name)) for name in ("chord_root", "chord_bass"))
    x = _normalise(np.concatenate([x, pitch, root, bass], axis=1), weights, "batch_normalization_5")
    return _softmax(_dense(x, weights, "chord_tag"))


def _normalise(x: Floats, weights: Weights, layer: str) -> Floats:
    gain = weights[f"{layer}/gamma"] / np.sqrt(weights[f"{layer}/moving_variance"] + _EPSILON)
    return np.asarray((x - weights[f"{layer}/moving_mean"]) * gain + weights[f"{layer}/beta"])


def _dense(x: Floats, weights: Weights, layer: str) -> Floats:
    return np.asarray(x @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"])


def _softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _read_both_ways(x: Floats, weights: Weights, number: int) -> Floats:
    forward = _gru(x, weights, f"forward_gru_{number}")
    backward = _gru(x[::-1], weights, f"backward_gru_{number}")[::-1]
    return np.concatenate([forward, backward], axis=1)


def _gru(x: Floats, weights: Weights, layer: str) -> Floats:
    """A gated recurrent unit (Cho et al. 2014): gates z, r, h; the reset is applied before the product, as Keras 2 does it."""
    recurrent = weights[f"{layer}/recurrent_kernel"]
    units = len(recurrent)
    inputs = _dense(x, weights, layer)
    state, states = np.zeros(units), np.zeros((len(x), units))
    for k, row in enumerate(inputs):
        gates = np.clip(0.2 * (row[: 2 * units] + state @ recurrent[:, : 2 * units]) + 0.5, 0.0, 1.0)
        update, reset = gates[:units], gates[units:]
        new = np.tanh(row[2 * units :] + (reset * state) @ recurrent[:, 2 * units :])
        state = update * state + (1 - update) * new
        states[k] = state
    return states


def decode(probabilities: Floats, stay: float = _STAY) -> list[int]:
    """Return the best path through ``[T, K]`` probabilities where a frame keeps the class with ``stay`` (Viterbi 1967)."""
    if not len(probabilities):
        return []
    scores = np.log(np.maximum(probabilities, 1e-12))
    loss = np.log(stay) - np.log((1 - stay) / (scores.shape[1] - 1))
    best, back = scores[0], []
    for row in scores[1:]:
        top = int(np.argmax(best))
        stays = best >= best[top] - loss
        back.append(np.where(stays, np.arange(len(best)), top))
        best = np.where(stays, best, best[top] - loss) + row
    path = [int(np.argmax(best))]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    return path[::-1]


def join_frames(path: Sequence[int]) -> list[ChordSpan]:
    """Return the chords of a path over frames."""
    spans: list[ChordSpan] = []
    begin = 0
    for end in range(1, len(path) + 1):
        if end == len(path) or path[end] != path[begin]:
            spans.append(ChordSpan(begin * HOP / RATE_HZ, end * HOP / RATE_HZ, LABELS[path[begin]]))
            begin = end
    return spans


def triads_by_beat(spans: Sequence[ChordSpan], beats_s: Floats) -> list[tuple[int, str] | None]:
    """Return for each span between beats the triad that sounds longest in it."""
    triads: list[tuple[int, str] | None] = []
    for start_s, end_s in pairwise(beats_s):
        shares: dict[tuple[int, str] | None, float] = {}
        for span in spans:
            if (overlap_s := min(span.end_s, end_s) - max(span.start_s, start_s)) > 0:
                shares[span.triad] = shares.get(span.triad, 0.0) + float(overlap_s)
        triads.append(max(shares, key=lambda triad: shares[triad]) if shares else None)
    return triads


@lru_cache(maxsize=1)
def weights_file(folder: Path) -> dict[str, Floats]:
    """Return the weights of a crema that lies in a folder; raise FileNotFoundError where it has none."""
    return read_weights(folder / "crema" / "models" / "chord" / "model.h5")
