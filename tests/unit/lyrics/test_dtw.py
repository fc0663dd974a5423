"""The path against textbook dynamic time warping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acestep_runtime.lyrics.dtw import cheapest_path


def reference_path(cost: np.ndarray) -> list[tuple[int, int]]:
    """A cell at a time, in float32; of equal ways the one along."""
    height, width = cost.shape
    sums = np.full((height + 1, width + 1), np.inf, np.float32)
    sums[0, 0] = 0
    ways = {}
    for i in range(1, height + 1):
        for j in range(1, width + 1):
            both, down, along = sums[i - 1, j - 1], sums[i - 1, j], sums[i, j - 1]
            if both < down and both < along:
                ways[i, j], least = (i - 1, j - 1), both
            elif down < both and down < along:
                ways[i, j], least = (i - 1, j), down
            else:
                ways[i, j], least = (i, j - 1), along
            sums[i, j] = cost[i - 1, j - 1] + least
    at, found = (height, width), []
    while at != (0, 0):
        found.append((at[0] - 1, at[1] - 1))
        at = ways[at]
    return found[::-1]


@settings(deadline=None, max_examples=100)
@given(
    height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([2, 4, 1000])
)  # fmt: skip
def test_the_path_is_that_of_the_plain_loop(height: int, width: int, seed: int, levels: int) -> None:
    """With few levels there are many ties."""
    cost = (np.random.default_rng(seed).integers(-levels, levels, (height, width)) / levels).astype(np.float32)
    rows, columns = cheapest_path(cost)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == reference_path(cost)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (40, 70), (70, 40)])
def test_paths_lead_from_corner_to_corner_step_by_step(shape: tuple[int, int]) -> None:
    rows, columns = cheapest_path(np.random.default_rng(1).standard_normal(shape).astype(np.float32))
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, shape[0] - 1, shape[1] - 1)
    steps = set(zip(np.diff(rows).tolist(), np.diff(columns).tolist(), strict=True))
    assert steps <= {(0, 1), (1, 0), (1, 1)}


def test_the_path_follows_a_valley() -> None:
    cost = np.ones((5, 50), np.float32)
    for row in range(5):
        cost[row, 10 * row : 10 * row + 10] = 0
    rows, columns = cheapest_path(cost)
    assert np.array_equal(rows, columns // 10)
