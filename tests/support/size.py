"""What a daemon takes of the machine, and whether that grows."""

from __future__ import annotations

from typing import NamedTuple

import psutil

from tests.support.daemon import Daemon

#: What may come on top that is not a leak: pools that fill, caches, another log, a worker that was started again.
_MORE_MB, _MORE = 64.0, 10


class Size(NamedTuple):
    """What a daemon takes, with all its processes."""

    memory_mb: float
    descriptors: int
    threads: int
    processes: int
    #: In the data folder, without those that are stored.
    files: int


def size_of(daemon: Daemon) -> Size:
    """Return what a daemon takes now."""
    processes = [psutil.Process(daemon.pid), *daemon.children()]
    return Size(
        sum(each.memory_info().rss for each in processes) / 1e6,
        sum(each.num_fds() for each in processes),
        sum(each.num_threads() for each in processes),
        len(processes),
        sum(1 for path in daemon.home.rglob("*") if path.is_file() and "assets" not in path.parts),
    )


def assert_no_growth(before: Size, after: Size) -> None:
    """Assert that a daemon takes about what it took before. Prints both."""
    print(f"before {before}, after {after}")
    assert after.memory_mb <= before.memory_mb + _MORE_MB
    assert after.descriptors <= before.descriptors + _MORE
    assert after.threads <= before.threads + _MORE
    assert after.processes <= before.processes
    assert after.files <= before.files + _MORE
