"""The database while another program holds it: calls wait, and end when it is closed."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acebridge.errors import Conflict
from acebridge.store import database as module
from acebridge.store import locks
from acebridge.store.database import Database
from acebridge.store.start import open_database
from tests.support.daemon import PATIENCE_S, until

WAITS = "another program holds the database; waiting for it"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SQLite wait no time at all, so that many tries fall into a test."""
    monkeypatch.setattr(locks, "BUSY_S", 0.001)


@contextmanager
def hold(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold a database as another program does; the block ends that with a rollback, or earlier itself."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield other
    finally:
        if other.in_transaction:
            other.execute("ROLLBACK")
        other.close()


@pytest.fixture
def waiting(caplog: pytest.LogCaptureFixture) -> Iterator[threading.Event]:
    """Set once a call has said that it waits."""
    event = threading.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == WAITS:
                event.set()

    handler = Watch()
    locks.log.addHandler(handler)
    caplog.set_level(logging.INFO)
    yield event
    locks.log.removeHandler(handler)


def test_a_call_waits_for_another_program(
    tmp_path: Path, waiting: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(tmp_path / "a.db")
    database.transact(lambda c: c.execute("CREATE TABLE t (x)"))

    async def scenario() -> None:
        with hold(tmp_path / "a.db") as other:
            writing = asyncio.create_task(database.run(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount))
            reading = asyncio.create_task(database.run(lambda c: c.execute("SELECT x FROM t").fetchall()))
            assert await asyncio.to_thread(waiting.wait, PATIENCE_S)
            await asyncio.sleep(0.2)  # many times what SQLite waits
            assert not writing.done()
            other.execute("ROLLBACK")
        assert await writing == 1
        assert [tuple(row) for row in await reading] == [(1,)]

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))
    database.close()
    assert caplog.messages == [WAITS, "the database is free again"]


def test_opening_waits_for_another_program(tmp_path: Path, waiting: threading.Event) -> None:
    Database(tmp_path / "a.db").close()
    opened: list[Database] = []
    with hold(tmp_path / "a.db") as other:
        other.execute("COMMIT")
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=lambda: opened.append(Database(tmp_path / "a.db")))
        thread.start()
        assert waiting.wait(PATIENCE_S)
        assert not opened
    thread.join(PATIENCE_S)
    opened[0].close()


def test_a_start_waits_too(tmp_path: Path, waiting: threading.Event) -> None:
    open_database(tmp_path).close()
    opened: list[Database] = []
    with hold(tmp_path / "acebridge.db") as other:
        other.execute("COMMIT")
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=lambda: opened.append(open_database(tmp_path)))
        thread.start()
        until(lambda: waiting.is_set() or not thread.is_alive())
        assert thread.is_alive()
    thread.join(PATIENCE_S)
    opened[0].close()


def test_a_database_that_is_held_is_not_called_damaged(tmp_path: Path, waiting: threading.Event) -> None:
    database = Database(tmp_path / "a.db")
    database.close()  # so that it can be held alone
    found: list[str] = []
    database._closing = False
    with hold(tmp_path / "a.db") as other:
        other.execute("COMMIT")
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=lambda: found.append(database.find_damage()))
        thread.start()
        until(lambda: waiting.is_set() or not thread.is_alive())
        assert thread.is_alive()
    thread.join(PATIENCE_S)
    assert found == [""]


def test_opening_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_LIMIT_S", 0.0)
    Database(tmp_path / "a.db").close()
    with hold(tmp_path / "a.db") as other:
        other.execute("COMMIT")
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Conflict, match="Another program holds the database"):
            Database(tmp_path / "a.db")


def test_closing_ends_the_wait(tmp_path: Path, waiting: threading.Event) -> None:
    database = Database(tmp_path / "a.db")

    async def scenario() -> None:
        with hold(tmp_path / "a.db"):
            call = asyncio.create_task(database.run(lambda c: c.execute("SELECT 1").fetchone()))
            assert await asyncio.to_thread(waiting.wait, PATIENCE_S)
            await asyncio.to_thread(database.close)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await call

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


def test_a_fault_of_our_own_is_not_waited_for(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.transact(lambda c: c.execute("SELECT * FROM missing"))
    database.close()
