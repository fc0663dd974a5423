"""Work that does not depend on each other done side by side: numpy, scipy and soxr let other threads run meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

#: More at once would take cores that the DAW plays with, and memory.
_MOST = 4


def side_by_side(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """Return ``function`` of every item, in order, worked out in up to four threads, or as many as there are cores.

    The results are those of a plain loop as long as the calls share nothing that they change. Of the errors the first
    item's is raised, once all that has begun has ended.
    """
    waiting = list(items)
    threads = min(_MOST, os.cpu_count() or 1, len(waiting))
    if threads < 2:
        return [function(item) for item in waiting]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, waiting))


def both(one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
    """Return what two functions return, the other one worked out in a second thread. See `side_by_side`."""
    if (os.cpu_count() or 1) < 2:
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(other)
        return one(), later.result()
