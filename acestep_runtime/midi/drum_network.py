"""A small network that hears strokes: convolutions over time, from the levels of bands to how likely each piece is struck.

Its weights are in `drum_network.npz`; `tests/quality/drum_training` makes that file from strokes of sound fonts and from songs
of the tuning half. It runs on numpy alone.

    levels [K, B] ─► convolution ─► … ─► convolution ─► [K, P], 0 to 1
    what is usual in the recording [2 B] ─┘

Letters: K frames, B bands, P pieces, T taps, I and O channels in and out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import IO

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

#: Distance between the taps of each convolution, in frames.
DILATIONS = (1, 1, 2, 4, 8, 16)
TAPS = 5
#: A band's usual level in a recording: that which these shares of its frames stay below.
USUAL = (0.5, 0.95)

_FILE = "drum_network.npz"
#: Frames before and after one that have a part in it.
_REACH = sum(DILATIONS) * (TAPS // 2)
#: Frames that are computed at a time.
_BLOCK = 4096


@dataclass(frozen=True)
class Weights:
    """``kernels`` are ``[T, I, O]``, ``biases`` ``[O]``; ``usual`` ``[2 B, O]`` adds what is usual to the first layer."""

    kernels: tuple[Plane, ...]
    biases: tuple[Plane, ...]
    usual: Plane


@cache
def load_weights() -> Weights:
    """Return the weights that the package holds."""
    with (files("acestep_runtime.midi") / _FILE).open("rb") as file:
        return read_weights(file)


def read_weights(file: IO[bytes]) -> Weights:
    """Return the weights in a file that `tests/quality/drum_training` has written."""
    with np.load(file, allow_pickle=False) as held:
        layers = range(len(DILATIONS) + 1)
        return Weights(
            tuple(held[f"kernel{n}"].astype(np.float32) for n in layers),
            tuple(held[f"bias{n}"].astype(np.float32) for n in layers),
            held["usual"].astype(np.float32),
        )


def measure_usual(levels: Plane) -> Plane:
    """Return what is usual in the levels ``[K, B]`` of a recording, ``[2 B]``; 0 where it has no frames."""
    if not len(levels):
        return np.zeros(len(USUAL) * levels.shape[1], np.float32)
    return np.asarray(np.quantile(levels, USUAL, axis=0).reshape(-1), np.float32)


def hear_strokes(levels: Plane, weights: Weights, check: Callable[[], None], report: Callable[[float], None]) -> Plane:
    """Return how likely each piece is struck in each frame ``[K, P]``, 0 to 1, from levels ``[K, B]``.

    ``check`` is called before each block of frames, ``report`` after it with the fraction done.
    """
    usual = measure_usual(levels) @ weights.usual
    parts = []
    for first in range(0, len(levels), _BLOCK):
        check()
        last = min(len(levels), first + _BLOCK)
        before = min(first, _REACH)
        found = _run(levels[first - before : last + _REACH], usual, weights)
        parts.append(found[before : before + last - first])
        report(last / len(levels))
    return np.concatenate(parts) if parts else np.zeros((0, len(weights.biases[-1])), np.float32)


def _run(levels: Plane, usual: Plane, weights: Weights) -> Plane:
    signal = levels
    for number, dilation in enumerate(DILATIONS):
        signal = _convolve(signal, weights.kernels[number], dilation) + weights.biases[number]
        if number == 0:
            signal += usual
        np.maximum(signal, 0, out=signal)
    logits = _convolve(signal, weights.kernels[-1], 1) + weights.biases[-1]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)


def _convolve(signal: Plane, kernel: Plane, dilation: int) -> Plane:
    """Return ``[K, I]`` convolved with ``[T, I, O]``, as long as it was; outside it there are zeros."""
    middle = len(kernel) // 2 * dilation
    padded = np.pad(signal, ((middle, middle), (0, 0)))
    out = np.zeros((len(signal), kernel.shape[2]), np.float32)
    for tap, weight in enumerate(kernel):
        out += padded[tap * dilation : tap * dilation + len(signal)] @ weight
    return out
