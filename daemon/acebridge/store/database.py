"""One SQLite file, one writer thread. The event loop never waits for the disk; every call is one transaction.

While another program holds the database (a backup, a shell), calls wait, however long that takes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from acebridge.errors import DiskFull

T = TypeVar("T")
log = logging.getLogger(__name__)
#: How long SQLite waits for a lock before it says so, and the pause before it is asked again: it may not wait at all.
_BUSY_S, _PAUSE_S = 1.0, 0.05


class Database:
    """A WAL-mode SQLite database. Commits survive the death of the process; the WAL is synced at checkpoints."""

    def __init__(self, path: Path, *, busy_s: float = _BUSY_S) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._closing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=busy_s)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._wait_for_lock(partial(self._connection.execute, f"PRAGMA {pragma}"))

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction in the calling thread: for start-up, before the event loop is busy.

        While another program holds the database, ``work`` waits, and may run again. Raises `DiskFull`.
        """
        return self._wait_for_lock(partial(self._transact, work))

    def _wait_for_lock(self, action: Callable[[], T]) -> T:
        """Return the result of ``action``, tried again while another program holds the database, until `close`."""
        began = 0.0
        while True:
            try:
                result = action()
            except sqlite3.OperationalError as error:  # noqa: PERF203
                if self._closing or not _is_locked(error):
                    raise
                if not began:
                    began = time.monotonic()
                    log.warning("another program holds the database; waiting for it", extra={"error": str(error)})
                time.sleep(_PAUSE_S)
            else:
                if began:
                    log.info("the database is free again", extra={"waited_s": round(time.monotonic() - began, 1)})
                return result

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:  # on a full disk SQLite has already ended it
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                raise DiskFull from error
            raise
        return result

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction in the database thread. Calls run in order."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.transact, work)

    def close(self) -> None:
        """Finish the pending calls, then close the file. Calls that wait for another program fail."""
        self._closing = True
        self._thread.shutdown(wait=True)
        self._connection.close()


def _is_locked(error: sqlite3.OperationalError) -> bool:
    """Return whether an error is SQLITE_BUSY or SQLITE_PROTOCOL: another program's doing. Python 3.10 has only the words."""
    return str(error) in ("database is locked", "locking protocol")
