"""Reading what can be read of a damaged database into a new one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from acebridge.store import schema
from acebridge.store.files import is_asset_id

Row = dict[str, object]
#: Table → its key. Of the others nothing is worth keeping: they are made again from these, or only save time.
_KEYS = {"jobs": ("number",), "events": ("job_number", "sequence"), "assets": ("id",)}
_STATES = {"queued", "running", "succeeded", "failed", "cancelled"}
_JSON = ("params", "progress", "error", "takes", "sources")


def _read(source: sqlite3.Connection, table: str) -> Iterator[Row]:
    """Yield the rows of a table from both ends, each up to the first page that cannot be read; some may come twice."""
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in _KEYS[table])
        with suppress(sqlite3.Error):
            cursor = source.execute(f"SELECT * FROM {table} ORDER BY {order}")
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))


def _is_job(row: Row) -> bool:
    try:
        return row["state"] in _STATES and all(json.loads(str(row[name])) is not None for name in _JSON)
    except (ValueError, KeyError):
        return False


def salvage(damaged: Path, target: sqlite3.Connection) -> dict[str, int]:
    """Copy jobs, their events, and what is known of assets into ``target``, within a transaction; return how many of each.

    Rows that make no sense are left out.
    """
    source = sqlite3.connect(damaged)
    source.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        numbers: set[object] = set()
        checks: dict[str, Callable[[Row], bool]] = {
            "jobs": _is_job,
            "events": lambda row: row["job_number"] in numbers,
            "assets": lambda row: is_asset_id(str(row["id"])),
        }
        counts = {}
        for table, is_good in checks.items():
            counts[table] = _copy(source, target, table, is_good)
            if table == "jobs":
                numbers.update(row[0] for row in target.execute("SELECT number FROM jobs"))
    finally:
        source.close()
    schema.record_uses(target)
    return counts


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str, is_good: Callable[[Row], bool]) -> int:
    known = {column[1] for column in target.execute(f"PRAGMA table_info({table})")}
    count = 0
    for row in _read(source, table):
        if not is_good(row):
            continue
        values = {name: value for name, value in row.items() if name in known}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with suppress(sqlite3.IntegrityError):
            added = target.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
            count += added.rowcount
    return count
