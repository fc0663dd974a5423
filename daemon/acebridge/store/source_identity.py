"""Whether a file that was stored before is still the same, without reading it.

Its size and times alone do not tell: a program may set them, and two writes within one tick of a file system's clock leave
the same time. So the inode and the time of the last change count too, which no program sets, and a file that was written a
moment before it was read is read again the next time.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from acebridge.store.files import FileState

#: File systems that count whole seconds count by two of them at worst (FAT).
_COARSE_NS, _FINE_NS = 2_000_000_000, 50_000_000


def granularity_ns(state: FileState) -> int:
    """Return how far apart two writes have to be at least for the times of a file to differ, in nanoseconds."""
    coarse = state.mtime_ns % 1_000_000_000 == 0 and state.ctime_ns % 1_000_000_000 == 0
    return _COARSE_NS if coarse else _FINE_NS


def is_settled(state: FileState, read_at_ns: int) -> bool:
    """Return whether a write after ``read_at_ns``, when reading began, would leave another state than this."""
    return max(state.mtime_ns, state.ctime_ns) + granularity_ns(state) < read_at_ns


def now_ns() -> int:
    """Return the time by the clock that files are stamped with."""
    return time.time_ns()


def find(connection: sqlite3.Connection, path: Path, state: FileState) -> str | None:
    """Return the asset that holds the file at ``path`` in this state, if it is known."""
    row = connection.execute(
        "SELECT asset_id FROM paths WHERE path = ? AND device = ? AND inode = ? AND size_bytes = ? AND mtime_ns = ?"
        " AND ctime_ns = ?",
        (str(path), str(state.device), str(state.inode), *state[2:]),
    ).fetchone()
    return None if row is None else str(row["asset_id"])


def remember(connection: sqlite3.Connection, path: Path, state: FileState, asset_id: str) -> None:
    """Keep that ``asset_id`` holds the file at ``path`` in this state."""
    connection.execute(
        "INSERT OR REPLACE INTO paths VALUES (?, ?, ?, ?, ?, ?, ?)",
        (str(path), str(state.device), str(state.inode), *state[2:], asset_id),
    )
