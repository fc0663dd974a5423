"""Making a data folder good again: a readable database, with a row for every file that is what its name says.

Nothing is deleted. A damaged database and damaged files move into quarantine, what can be read of them is kept.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acebridge.errors import DataLoss, NotFound
from acebridge.paths import DATABASE_FILE, QUARANTINE_FOLDER
from acebridge.private_files import close_folder, explain_access
from acebridge.store import asset_rows, schema
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database, explain_errors
from acebridge.store.files import AssetFiles, is_asset_id
from acebridge.store.folder_lock import hold_folder
from acebridge.store.salvage import salvage

#: A database and what SQLite keeps beside it.
_PARTS = ("", "-wal", "-shm")


@dataclass(frozen=True)
class Repair:
    """What a repair has found and done. Counts; ``database`` is where a damaged database is now, "" for none."""

    files: int
    damaged: int
    missing: int
    jobs: int
    database: str


def repair(folder: Path) -> Repair:
    """Make the data folder good again; every stored file is read.

    Raises `Conflict` while a daemon serves it, or for a database of a newer version.
    """
    with explain_access(folder):
        close_folder(folder)
    with hold_folder(folder):
        aside = _put_database_aside(folder)
        database = Database(folder / DATABASE_FILE)
        try:
            if aside is not None:
                database.transact(lambda c: salvage(aside, c))
            return asyncio.run(_check_files(database, folder, "" if aside is None else str(aside)))
        finally:
            database.close()


def _put_database_aside(folder: Path) -> Path | None:
    """Move a database that cannot be read whole into quarantine; return where it is now, ``None`` if it is well or missing.

    What SQLite would have to change to read it is changed in a copy.
    """
    path = folder / DATABASE_FILE
    if not path.exists() or _is_well(path):
        return None
    target = folder / QUARANTINE_FOLDER / f"{DATABASE_FILE}.{time.time_ns()}"
    target.parent.mkdir(mode=0o700, exist_ok=True)
    for part in _PARTS:
        file = path.with_name(path.name + part)
        if file.exists():
            file.rename(target.with_name(target.name + part))
    return target


def _is_well(path: Path) -> bool:
    """Return whether every page of a database can be read. Raises `Conflict` for one of a newer version, or in use."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        copy = Path(scratch) / path.name
        for part in _PARTS:
            file = path.with_name(path.name + part)
            if file.exists():
                shutil.copyfile(file, copy.with_name(copy.name + part))
        connection = sqlite3.connect(copy)
        try:
            if not schema.is_empty(connection):
                schema.check_version(connection, path)
            return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
        except sqlite3.DatabaseError:
            return False
        finally:
            connection.close()


async def _check_files(database: Database, folder: Path, aside: str) -> Repair:
    files = AssetFiles(folder)
    there = {file.name for file in files.all()}
    known = [row[0] for row in database.query(lambda c: c.execute("SELECT id FROM assets").fetchall())]
    # First, so that a folder of assets that is gone is no reason to stop.
    database.transact(lambda c: asset_rows.mark_missing(c, [each for each in known if each not in there]))
    with explain_errors(database.path):
        store = AssetStore(database, folder, max_upload_bytes=0)
    await store.adopt_strays()
    for asset_id in sorted(filter(is_asset_id, there)):
        with suppress(NotFound, DataLoss):  # then it is in quarantine now
            await store.verify(asset_id)
    left = sum(is_asset_id(file.name) for file in files.all())

    def count(connection: sqlite3.Connection) -> tuple[int, int]:
        (missing,) = connection.execute("SELECT count(*) FROM assets WHERE missing").fetchone()
        (jobs,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
        return int(missing), int(jobs)

    missing, jobs = database.query(count)
    return Repair(left, len(there) - left, missing, jobs, aside)
