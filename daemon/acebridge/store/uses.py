"""Which assets jobs read or have made. Statements for one transaction, so that no asset goes while a job takes it up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from acebridge.errors import NotFound

#: Jobs in these states need their assets; those of others may be evicted.
_AT_WORK = "('queued', 'running')"
IN_USE = (
    "EXISTS (SELECT 1 FROM uses JOIN jobs ON number = job_number WHERE uses.asset_id = assets.id"
    f" AND state IN {_AT_WORK})"
)
HAS_JOB = "EXISTS (SELECT 1 FROM uses WHERE uses.asset_id = assets.id)"


def no_asset(asset_id: str) -> NotFound:
    """Return the error about an asset that is not there."""
    return NotFound(
        f"There is no asset {asset_id[:80]!r}.", remedy="It may have been evicted or deleted: upload it again."
    )


def add(connection: sqlite3.Connection, job_number: int, asset_ids: Iterable[str]) -> None:
    """Record that a job reads or has made these."""
    connection.executemany(
        "INSERT OR IGNORE INTO uses VALUES (?, ?)", [(asset_id, job_number) for asset_id in asset_ids]
    )


def add_by_id(connection: sqlite3.Connection, job_id: str, asset_id: str) -> None:
    """Record that the job of this id makes an asset; nothing if there is no such job any more."""
    connection.execute("INSERT OR IGNORE INTO uses SELECT ?, number FROM jobs WHERE id = ?", (asset_id, job_id))


def remove(connection: sqlite3.Connection, job_number: int, asset_ids: Iterable[str]) -> None:
    """Record that a job has these no more."""
    rows = [(job_number, asset_id) for asset_id in asset_ids]
    connection.executemany("DELETE FROM uses WHERE job_number = ? AND asset_id = ?", rows)


def missing_of(connection: sqlite3.Connection, asset_ids: Iterable[str]) -> str | None:
    """Return the first of these that is not stored; ``None`` if all are."""
    for asset_id in asset_ids:
        if connection.execute("SELECT 1 FROM assets WHERE id = ? AND NOT missing", (asset_id,)).fetchone() is None:
            return asset_id
    return None


def check_stored(connection: sqlite3.Connection, asset_ids: Iterable[str]) -> None:
    """Raise `NotFound` for the first of these that is not stored."""
    missing = missing_of(connection, asset_ids)
    if missing is not None:
        raise no_asset(missing)
