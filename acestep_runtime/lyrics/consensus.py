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

Floats = npt.NDArray[np.float32]

#: Medians are taken off so many times: what is seen everywhere says nothing.
_SUPPRESSION = 2.0
_NEVER_ZERO = 1e-9
_COLUMNS = 256


@dataclass(frozen=True)
class Consensus:
    """``agreed`` ``[L, P]`` is high where a token is sung, in standard deviations; ``energy`` is the mean attention, 0 to 1."""

    agreed: Floats
    energy: Floats


def consensus(maps: Iterable[Floats]) -> Consensus:
    """Return what heads, each a map ``[L, P]``, agree about. One map is held at a time, beside two sums.

    Raises `EngineFailure` for maps that hold no numbers.
    """
    agreed = energy = np.zeros((0, 0), np.float32)
    heads, total, squares = 0, 0.0, 0.0
    for each in maps:
        if not np.isfinite(each).all():
            raise EngineFailure(
                "The model's attention holds values that are no numbers.",
                remedy="Check the model's files with `acebridge models verify`.",
            )
        sharp = _sharpened(each)
        total += float(sharp.sum(dtype=np.float64))
        squares += float(np.einsum("ij,ij->", sharp, sharp, dtype=np.float64))
        if heads:
            agreed += sharp
            energy += each
        else:
            agreed, energy = sharp, each.astype(np.float32)
        heads += 1
    count = max(1, heads * agreed.size)
    mean = total / count
    deviation = math.sqrt(max(0.0, squares / count - mean**2))
    agreed /= np.float32(max(1, heads))
    agreed -= np.float32(mean)
    agreed /= np.float32(deviation + _NEVER_ZERO)
    energy /= np.float32(max(1, heads))
    return Consensus(agreed, _spread_out(energy))


def _sharpened(weights: Floats) -> Floats:
    """Return one head's map without what all tokens, or all frames, have in common, squared.

    The product of the softmax over frames and that over tokens, whose exponentials are the same.
    """
    powers = np.subtract(weights, weights.max(), dtype=np.float32)
    np.exp(powers, out=powers)
    over_frames, over_tokens = powers.sum(axis=1, keepdims=True), powers.sum(axis=0, keepdims=True)
    out: Floats = powers / over_frames
    powers /= over_tokens
    out *= powers
    for medians in (_medians_of_rows, _medians_of_columns):
        out -= np.float32(_SUPPRESSION) * medians(out)
        np.maximum(out, 0.0, out=out)
    np.square(out, out=out)
    return out


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
