"""Waiting for a database that another program holds: a backup, a shell, an antivirus. That takes time, and nothing else."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)
#: How long SQLite waits for a lock before it says so, in seconds: `close` waits no longer either.
BUSY_S = 1.0
#: A pause between two tries, for SQLite does not always wait.
_PAUSE_S = 0.05


def wait_for_lock(action: Callable[[], T], give_up: Callable[[float], bool]) -> T:
    """Return the result of ``action``, tried again while another program holds the database.

    ``give_up`` gets the seconds since the first try, and returns whether to raise the ``sqlite3.OperationalError``.
    """
    began, is_waiting = time.monotonic(), False
    while True:
        try:
            result = action()
        except sqlite3.OperationalError as error:  # noqa: PERF203
            if not _is_locked(error) or give_up(time.monotonic() - began):
                raise
            if not is_waiting:
                log.warning("another program holds the database; waiting for it", extra={"error": str(error)})
            is_waiting = True
            time.sleep(_PAUSE_S)
        else:
            if is_waiting:
                log.info("the database is free again", extra={"waited_s": round(time.monotonic() - began, 1)})
            return result


def _is_locked(error: sqlite3.OperationalError) -> bool:
    """Return whether an error is SQLITE_BUSY or SQLITE_PROTOCOL: another program's doing. Python 3.10 has only the words."""
    return str(error) in ("database is locked", "locking protocol")
