"""From the attention of several heads to where each token is sung: what tokens and frames agree about.

Source: the public ACE-Step 1.5 code. Letters: L tokens, P frames, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.errors import EngineFailure
from acestep_runtime.threads import side_by_side

Floats = npt.NDArray[np.float32]

#: Medians are taken off so many times: what is seen everywhere says nothing.
_SUPPRESSION = 2.0
_NEVER_ZERO = 1e-9
#: Rows, and columns, that are worked on at once.
_ROWS, _COLUMNS = 64, 256


@dataclass(frozen=True)
class Consensus:
    """``agreed`` ``[L, P]`` is high where a token is sung, in standard deviations; ``energy`` is the mean attention, 0 to 1."""

    agreed: Floats
    energy: Floats


def consensus(maps: Iterable[Floats]) -> Consensus:
    """Return what heads, each a map ``[L, P]``, agree about. One map is held at a time, beside three of their size.

    Raises `EngineFailure` for maps that hold no numbers.
    """
    agreed, energy, sharp = _zeros((0, 0))
    heads, total, squares = 0, 0.0, 0.0
    for each in maps:
        if not np.isfinite(each).all():
            raise EngineFailure(
                "The model's attention holds values that are no numbers.",
                remedy="Check the model's files with `acebridge models verify`.",
            )
        if not heads:
            agreed, energy, sharp = _zeros(each.shape)
        _sharpen(each, sharp)
        some, some_squares = _add(sharp, each, agreed, energy)
        total, squares = total + some, squares + some_squares
        heads += 1
    count = max(1, heads * agreed.size)
    mean = total / count
    deviation = math.sqrt(max(0.0, squares / count - mean**2))
    agreed /= np.float32(max(1, heads))
    agreed -= np.float32(mean)
    agreed /= np.float32(deviation + _NEVER_ZERO)
    energy /= np.float32(max(1, heads))
    return Consensus(agreed, _spread_out(energy))


def _zeros(shape: tuple[int, ...]) -> tuple[Floats, Floats, Floats]:
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)


def _add(sharp: Floats, weights: Floats, agreed: Floats, energy: Floats) -> tuple[float, float]:
    """Add a head to the sums of all; return its own sum, and that of its squares."""

    def add(rows: slice) -> tuple[float, float]:
        agreed[rows] += sharp[rows]
        energy[rows] += weights[rows]
        return float(sharp[rows].sum(dtype=np.float64)), float(np.square(sharp[rows], dtype=np.float64).sum())

    sums = side_by_side(add, _blocks(weights))
    return sum(each for each, _ in sums), sum(each for _, each in sums)


def _blocks(values: Floats) -> list[slice]:
    """Return rows that fit into a cache together."""
    return [slice(at, at + _ROWS) for at in range(0, len(values), _ROWS)]


def _sharpen(weights: Floats, out: Floats) -> None:
    """Write one head's map without what all tokens, or all frames, have in common, squared.

    The product of the softmax over frames and that over tokens, whose exponentials are the same.
    """
    highest = weights.max(initial=-np.inf)
    over_frames = np.empty((len(weights), 1), np.float32)

    def exponentials(rows: slice) -> Floats:
        np.subtract(weights[rows], highest, out=out[rows])
        np.exp(out[rows], out=out[rows])
        over_frames[rows] = out[rows].sum(axis=1, keepdims=True)
        sums: Floats = out[rows].sum(axis=0)
        return sums

    over_tokens = sum(side_by_side(exponentials, _blocks(weights)), np.zeros(weights.shape[1], np.float32))

    def over_rows(rows: slice) -> None:
        np.square(out[rows], out=out[rows])
        out[rows] /= over_frames[rows]
        out[rows] /= over_tokens
        _suppress(out[rows], _medians_of_rows(out[rows]))

    side_by_side(over_rows, _blocks(weights))
    medians = _medians_of_columns(out)

    def over_columns(rows: slice) -> None:
        _suppress(out[rows], medians)
        np.square(out[rows], out=out[rows])

    side_by_side(over_columns, _blocks(weights))


def _suppress(values: Floats, medians: Floats) -> None:
    values -= np.float32(_SUPPRESSION) * medians
    np.maximum(values, 0.0, out=values)


def _medians_of_rows(values: Floats) -> Floats:
    """Return the median of each row, ``[L, 1]``: with one order statistic, which numpy finds much faster than two."""
    half = values.shape[1] // 2
    parted = np.partition(values, half, axis=1)
    upper: Floats = parted[:, half]
    lower: Floats = upper if values.shape[1] % 2 else parted[:, :half].max(axis=1)
    return np.asarray(lower + np.float32(0.5) * (upper - lower), np.float32)[:, None]


def _medians_of_columns(values: Floats) -> Floats:
    """Return the median of each column, ``[1, P]``, of values none of which is negative: 0 where half of them are."""
    medians = np.zeros((1, values.shape[1]), np.float32)
    full = np.flatnonzero(np.count_nonzero(values, axis=0) >= (values.shape[0] + 1) // 2)
    for some in np.array_split(full, -(-len(full) // _COLUMNS)) if len(full) else ():
        medians[0, some] = _medians_of_rows(np.ascontiguousarray(values[:, some].T))[:, 0]
    return medians


def _spread_out(values: Floats) -> Floats:
    """Return values between the least, 0, and the greatest, 1, in place; all 0 where they do not differ."""
    low, high = (float(end) for end in (values.min(initial=np.inf), values.max(initial=-np.inf)))
    if not high - low > _NEVER_ZERO:
        return np.zeros_like(values)
    values -= np.float32(low)
    values /= np.float32(high - low)
    return values
