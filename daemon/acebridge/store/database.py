"""One SQLite file, one writer thread. The event loop never waits for the disk; every call is one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from acebridge.errors import DiskFull
from acebridge.store import locks

T = TypeVar("T")
#: How long a start waits for another program that holds the database: clients wait for the start, too.
OPEN_LIMIT_S = 20.0


class Database:
    """A WAL-mode SQLite database. Commits survive the death of the process; the WAL is synced at checkpoints."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._closing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=locks.BUSY_S)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            locks.wait_for_lock(
                partial(self._connection.execute, f"PRAGMA {pragma}"), lambda waited_s: waited_s > OPEN_LIMIT_S
            )

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction in the calling thread: for start-up, before the event loop is busy.

        While another program holds the database, ``work`` waits, and may run again. Raises `DiskFull`.
        """
        return locks.wait_for_lock(partial(self._attempt, work), lambda _: self._closing)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
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
