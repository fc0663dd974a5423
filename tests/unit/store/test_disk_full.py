"""A full or failing disk: a plain error, and the daemon recovers when there is room again."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import NoReturn

import pytest

from acebridge.errors import AceBridgeError, DiskFailing, DiskFull, explain
from acebridge.store.database import Database
from acebridge.workers.main import describe_error


def test_the_database_reports_a_full_disk_and_recovers(tmp_path: Path) -> None:
    database = Database(tmp_path / "small.db")
    database.transact(lambda c: c.execute("CREATE TABLE notes (text TEXT)"))
    pages = database.transact(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database.transact(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall())
    with pytest.raises(DiskFull, match="The disk that holds the data folder is full"):
        database.transact(lambda c: c.execute("INSERT INTO notes VALUES (?)", ("x" * 100_000,)))
    database.transact(lambda c: c.execute("PRAGMA max_page_count = 10000").fetchall())
    database.transact(lambda c: c.execute("INSERT INTO notes VALUES (?)", ("y" * 100_000,)))
    rows = database.transact(lambda c: c.execute("SELECT substr(text, 1, 1) AS first FROM notes").fetchall())
    assert [row["first"] for row in rows] == ["y"]
    database.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_worker_reports_a_full_disk(number: int) -> None:
    error_message = describe_error(OSError(number, "no"))
    assert error_message["message"] == "The disk is full, so the result could not be kept."
    assert "Free some space" in error_message["remedy"]


def test_the_database_reports_a_failing_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")

    def fail(_: sqlite3.Connection) -> NoReturn:
        raise sqlite3.OperationalError("disk I/O error")  # SQLite's words for EIO

    for ask in (database.transact, database.query):
        with pytest.raises(DiskFailing, match=r"^The disk that holds the data folder reports errors\. "):
            ask(fail)
    assert database.query(lambda c: c.execute("SELECT count(*) FROM jobs").fetchone()[0]) == 0
    database.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_a_worker_reports_a_failing_disk(number: int) -> None:
    error_message = describe_error(OSError(number, "no"))
    assert error_message["message"] == "The disk reports errors, so the result could not be kept."
    assert "send the job again" in error_message["remedy"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EDQUOT, "no"), "is full"),
        (OSError(errno.EIO, "no"), "reports errors"),
        (OSError(errno.EMFILE, "no"), "a limit of this system"),
    ],
)
def test_errors_of_the_system_are_explained(error: OSError, words: str) -> None:
    explained = explain(error)
    assert isinstance(explained, AceBridgeError)
    assert words in explained.message


def test_other_errors_are_left_as_they_are() -> None:
    error = OSError(errno.ENOTDIR, "no")
    assert explain(error) is error
