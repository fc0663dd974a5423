"""One SQLite file, one thread for it. The event loop never waits for the disk; every call is one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from acebridge.errors import Conflict, DataLoss, DiskFailing, DiskFull, InvalidSetting
from acebridge.store import locks, schema
from acebridge.store.clock import SteadyClock
from acebridge.store.reserve import Reserve

T = TypeVar("T")
#: How long a start waits for another program that holds the database: clients wait for the start, too.
OPEN_LIMIT_S = 20.0
REPAIR = "Stop the daemon and run `acebridge repair`: it keeps what can be read and puts the rest aside."


def database_damage(path: Path, error: object) -> DataLoss:
    """Return the sentence about a database that SQLite cannot read."""
    return DataLoss(f"The database {path} is damaged ({error}).", remedy=REPAIR)


def _check_disk(text: str, error: sqlite3.DatabaseError) -> None:
    """Raise what an error of SQLite with this text says of the disk, if it says anything."""
    if "full" in text:
        raise DiskFull from error
    if "disk I/O error" in text:
        raise DiskFailing from error


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a database as a whole into one sentence with a remedy.

    Raises `DataLoss` for damage, `DiskFull`, `DiskFailing`, `Conflict` when another program holds it, and `InvalidSetting`
    for a folder that cannot be written.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        _check_disk(text, error)
        if "locked" in text:
            raise Conflict(
                f"Another program holds the database {path}.", remedy="Close it, then start AceBridge again."
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise InvalidSetting(
                f"The database {path} cannot be written: {text}.",
                remedy="Let it and its folder be yours to write, or set ACEBRIDGE_HOME to a folder of yours.",
            ) from error
        raise database_damage(path, text) from error


def connect(path: Path) -> sqlite3.Connection:
    """Open a database file, which is made if there is none; transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=locks.BUSY_S)
    connection.row_factory = sqlite3.Row
    return connection


class Database:
    """A SQLite database in WAL mode, with the tables of `acebridge.store.schema`.

    A transaction is on the disk when it returns, unless it said that it need not last: such a one survives the death of the
    process, and the next lasting one takes it along. SQL statements have the function ``steady_now()``, see `SteadyClock`.
    """

    def __init__(self, path: Path, *, reserve_bytes: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.reserve = Reserve(path.parent, reserve_bytes)
        self._closing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        with explain_errors(path):
            self._connection = connect(path)
            try:
                locks.wait_for_lock(self._prepare, lambda waited_s: waited_s > OPEN_LIMIT_S)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        schema.check_version(self._connection, self.path)  # before anything is written
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._lasting = True
        schema.migrate(self._connection, self.path)
        # A file that cannot be written is opened all the same. This says so, and changes nothing.
        self._connection.execute("DELETE FROM clock WHERE false")
        self.clock = SteadyClock(self._connection)
        self._connection.create_function("steady_now", 0, self.clock.now)

    def transact(self, work: Callable[[sqlite3.Connection], T], *, lasting: bool = True, frees: bool = False) -> T:
        """Run ``work`` in a transaction in the calling thread: for start-up, before the event loop is busy.

        While another program holds the database, ``work`` waits, and may run again. One that ``frees`` space, or ends a job,
        may use the reserve of the disk. Raises `DiskFull`, `DiskFailing`, and `DataLoss` for a damaged page.
        """
        if lasting != self._lasting:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
            self._lasting = lasting
        try:
            return self._attempt("BEGIN IMMEDIATE", work)
        except DiskFull:
            if not (frees and self.reserve.release()):
                raise
        return self._attempt("BEGIN IMMEDIATE", work)

    def query(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``, which only reads, in the calling thread. Neither a full disk nor another writer is in its way."""
        return self._attempt("BEGIN", work)

    def _attempt(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        return locks.wait_for_lock(partial(self._run_once, begin, work), lambda _: self._closing)

    def _run_once(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._connection.execute(begin)
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:  # on a full disk SQLite has already ended it
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                _check_disk(str(error), error)
            if type(error) is sqlite3.DatabaseError:
                raise database_damage(self.path, error) from error
            raise
        return result

    async def run(self, work: Callable[[sqlite3.Connection], T], *, lasting: bool = True, frees: bool = False) -> T:
        """Run ``work`` in a transaction in the database thread, see `transact`. Calls run in order."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self.transact(work, lasting=lasting, frees=frees)
        )

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``, which only reads, in the database thread, see `query`. Calls run in order."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.query, work)

    def find_damage(self) -> str:
        """Read every page, with a connection of its own in the calling thread; return what is wrong, "" if nothing is.

        Waits while another program holds the database.
        """
        try:
            found = locks.wait_for_lock(self._check_pages, lambda _: self._closing)
        except sqlite3.DatabaseError as error:
            found = "ok" if self._closing else str(error)
        return "" if found == "ok" else found.strip().splitlines()[-1]

    def _check_pages(self) -> str:
        with closing(connect(self.path)) as connection:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])

    def close(self) -> None:
        """Finish the pending calls, then close the file. Calls that wait for another program fail."""
        self._closing = True
        self._thread.shutdown(wait=True)
        self._connection.close()
