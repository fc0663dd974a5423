"""Running independent work in threads: numpy, scipy and soxr release the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

#: More threads would take cores from the DAW, and memory.
_MAX_THREADS = 4


def parallel_map(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """Return ``function`` of every item, in order, computed in up to four threads, or as many as there are cores.

    The results equal those of a plain loop if the calls share no mutable state. The first item's error is raised, after
    all running calls have ended.
    """
    waiting = list(items)
    threads = min(_MAX_THREADS, os.cpu_count() or 1, len(waiting))
    if threads < 2:
        return [function(item) for item in waiting]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, waiting))


def run_concurrently(one: Callable[[], T], other: Callable[[], U]) -> tuple[T, U]:
    """Return the results of two functions, the second computed in another thread. See `parallel_map`."""
    if (os.cpu_count() or 1) < 2:
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(other)
        return one(), later.result()
