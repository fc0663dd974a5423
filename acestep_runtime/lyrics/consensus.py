"""Combining the attention maps of several heads into evidence for where each token is sung.

Source: the public ACE-Step 1.5 code. Letters: L tokens, P frames, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.errors import EngineFailure
from acestep_runtime.threads import parallel_map

Floats = npt.NDArray[np.float32]

#: Weight of the subtracted medians: attention that is the same everywhere carries no information.
_SUPPRESSION = 2.0
_NEVER_ZERO = 1e-9
#: Rows, and columns, per block.
_ROWS, _COLUMNS = 64, 256


@dataclass(frozen=True)
class Consensus:
    """Combined maps: ``evidence`` ``[L, P]`` in standard deviations, high where a token is sung; ``energy``, the mean
    attention, 0 to 1."""

    evidence: Floats
    energy: Floats


def find_consensus(maps: Iterable[Floats]) -> Consensus:
    """Combine the maps ``[L, P]`` of several heads. One map is in memory at a time, plus three of its size.

    Raises `EngineFailure` for maps that are not finite.
    """
    evidence, energy, sharpened = _zeros((0, 0))
    heads, total, squares = 0, 0.0, 0.0
    for each in maps:
        if not np.isfinite(each).all():
            raise EngineFailure(
                "The model's attention holds values that are no numbers.",
                remedy="Check the model's files with `acebridge models verify`.",
            )
        if not heads:
            evidence, energy, sharpened = _zeros(each.shape)
        _sharpen(each, sharpened)
        some, some_squares = _accumulate(sharpened, each, evidence, energy)
        total, squares = total + some, squares + some_squares
        heads += 1
    count = max(1, heads * evidence.size)
    mean = total / count
    deviation = math.sqrt(max(0.0, squares / count - mean**2))
    evidence /= np.float32(max(1, heads))
    evidence -= np.float32(mean)
    evidence /= np.float32(deviation + _NEVER_ZERO)
    energy /= np.float32(max(1, heads))
    return Consensus(evidence, _rescale(energy))


def _zeros(shape: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)


def _accumulate(sharpened: Floats, weights: Floats, evidence: Floats, energy: Floats) -> tuple[float, float]:
    """Add a head to the sums of all; return its own sum, and that of its squares."""

    def add(rows: slice) -> tuple[float, float]:
        evidence[rows] += sharpened[rows]
        energy[rows] += weights[rows]
        return float(sharpened[rows].sum(dtype=np.float64)), float(np.square(sharpened[rows], dtype=np.float64).sum())

    sums = parallel_map(add, _blocks(weights))
    return sum(each for each, _ in sums), sum(each for _, each in sums)


def _blocks(values: Floats) -> list[slice]:
    """Return slices of rows that fit into a cache."""
    return [slice(at, at + _ROWS) for at in range(0, len(values), _ROWS)]


def _sharpen(weights: Floats, out: Floats) -> None:
    """Write one head's map, squared, without the part that is common to all tokens or all frames.

    This is the product of the softmax over frames and over tokens, which share their exponentials.
    """
    highest = weights.max(initial=-np.inf)
    over_frames = np.empty((len(weights), 1), np.float32)

    def exponentials(rows: slice) -> Floats:
        np.subtract(weights[rows], highest, out=out[rows])
        np.exp(out[rows], out=out[rows])
        over_frames[rows] = out[rows].sum(axis=1, keepdims=True)
        sums: Floats = out[rows].sum(axis=0)
        return sums

    over_tokens = sum(parallel_map(exponentials, _blocks(weights)), np.zeros(weights.shape[1], np.float32))

    def over_rows(rows: slice) -> None:
        np.square(out[rows], out=out[rows])
        out[rows] /= over_frames[rows]
        out[rows] /= over_tokens
        _suppress(out[rows], _row_medians(out[rows]))

    parallel_map(over_rows, _blocks(weights))
    medians = _column_medians(out)

    def over_columns(rows: slice) -> None:
        _suppress(out[rows], medians)
        np.square(out[rows], out=out[rows])

    parallel_map(over_columns, _blocks(weights))


def _suppress(values: Floats, medians: Floats) -> None:
    values -= np.float32(_SUPPRESSION) * medians
    np.maximum(values, 0.0, out=values)


def _row_medians(values: Floats) -> Floats:
    """Return the median of each row, ``[L, 1]``, with one order statistic: much faster in numpy than two."""
    half = values.shape[1] // 2
    partitioned = np.partition(values, half, axis=1)
    upper: Floats = partitioned[:, half]
    lower: Floats = upper if values.shape[1] % 2 else partitioned[:, :half].max(axis=1)
    return np.asarray(lower + np.float32(0.5) * (upper - lower), np.float32)[:, None]


def _column_medians(values: Floats) -> Floats:
    """Return the median of each column, ``[1, P]``, of non-negative values: 0 where half of them are."""
    medians = np.zeros((1, values.shape[1]), np.float32)
    full = np.flatnonzero(np.count_nonzero(values, axis=0) >= (values.shape[0] + 1) // 2)
    for some in np.array_split(full, -(-len(full) // _COLUMNS)) if len(full) else ():
        medians[0, some] = _row_medians(np.ascontiguousarray(values[:, some].T))[:, 0]
    return medians


def _rescale(values: Floats) -> Floats:
    """Rescale values in place to 0 (least) to 1 (greatest); all 0 where they are equal."""
    low, high = (float(end) for end in (values.min(initial=np.inf), values.max(initial=-np.inf)))
    if not high - low > _NEVER_ZERO:
        return np.zeros_like(values)
    values -= np.float32(low)
    values /= np.float32(high - low)
    return values
