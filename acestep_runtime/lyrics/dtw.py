"""Dynamic time warping (Sakoe & Chiba 1978): the cheapest monotone path through a matrix.

Cells on an anti-diagonal depend only on the two before, so each anti-diagonal is one vector operation. Only those two
and one byte per cell, the direction it was reached from, are stored.

Letters: N rows, M columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Path = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

_BOTH, _DOWN, _ALONG = 0, 1, 2


def cheapest_path(cost: Floats) -> Path:
    """Return rows and columns of the cheapest path from the first cell to the last of ``cost`` ``[N, M]``, float32.

    Each step goes one down, one along, or both; ties go along, as in the public ACE-Step 1.5 code,
    whose float32 sums are reproduced to the last bit.
    """
    ways, starts = _backpointers(np.ascontiguousarray(cost, np.float32))
    row, column = cost.shape[0] - 1, cost.shape[1] - 1
    rows, columns = [row], [column]
    while row or column:
        diagonal = row + column
        way = ways[starts[diagonal] + row - max(0, diagonal - cost.shape[1] + 1)]
        row -= way != _ALONG
        column -= way != _DOWN
        rows.append(row)
        columns.append(column)
    return np.array(rows[::-1]), np.array(columns[::-1])


def _backpointers(cost: Floats) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """Return the direction each cell was reached from, by anti-diagonals, and where each of these begins."""
    height, width = cost.shape
    flat, ways = cost.ravel(), np.empty(cost.size, np.uint8)
    starts, at = [], 0
    # Sums by their row, with one above the first: infinite where there is no cell.
    before, last, sums = (np.full(height + 1, np.inf, np.float32) for _ in range(3))
    before[0] = 0.0
    for diagonal in range(height + width - 1):
        top, stop = max(0, diagonal - width + 1), min(height, diagonal + 1)
        here = flat[top * width + diagonal - top :: max(1, width - 1)][: stop - top]
        both, down, along = before[top:stop], last[top:stop], last[top + 1 : stop + 1]
        least = np.minimum(both, down)
        goes_along = (along <= least) | (both == down)
        np.copyto(least, along, where=goes_along)
        way = ways[at : at + stop - top]
        np.less(down, both, out=way.view(bool))
        way[goes_along] = _ALONG
        sums[top] = np.inf
        np.add(here, least, out=sums[top + 1 : stop + 1])
        sums[stop + 1 : stop + 2] = np.inf
        starts.append(at)
        at += stop - top
        before, last, sums = last, sums, before
    return ways, starts
