"""The next batch of a request, made ahead while somebody listens to the one before: statements of the journal.

A job made ahead is not ``asked`` for. It is queued when the batch before it has succeeded, runs when nothing else waits,
and is unwanted as soon as its session has a newer request or the batch before it was deleted. Asking for it makes it a
job like any other, and lets the next one be made ahead: never more than one at a time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from acebridge.jobs import tables
from acebridge.jobs.job import CANCELLED, CANCELLED_ERROR, PRIORITIES, QUEUED, RUNNING, SUCCEEDED
from acestep_runtime.tasks.takes import next_seeds

_NEWER = (
    "session != '' AND EXISTS (SELECT 1 FROM jobs AS newer WHERE newer.session != ''"
    " AND newer.session = jobs.session AND newer.number > jobs.number AND newer.next_of IS NULL)"
)
_UNWANTED = f"NOT asked AND ({_NEWER} OR NOT EXISTS (SELECT 1 FROM jobs AS before WHERE before.id = jobs.next_of))"


def seeds_of(params: Mapping[str, Any]) -> list[int]:
    """Return the seeds of a task, one for each take; empty when it has none, as when it only listens."""
    if "seed" in params:
        return [params["seed"]]
    return list(params.get("output", {}).get("seeds", ()))


def _with_seeds(params: Mapping[str, Any], seeds: list[int]) -> dict[str, Any]:
    if "seed" in params:
        return {**params, "seed": seeds[0]}
    return {**params, "output": {**params["output"], "seeds": seeds}}


def batch_after(connection: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row | None:
    """Return the next batch of a job, if it waits, runs or has succeeded."""
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM jobs WHERE next_of = ? AND state IN (?, ?, ?) ORDER BY number DESC LIMIT 1",
        (row["id"], QUEUED, RUNNING, SUCCEEDED),
    ).fetchone()
    return found


def queue(connection: sqlite3.Connection, row: sqlite3.Row, *, asked: bool) -> sqlite3.Row:
    """Queue the next batch of a job that has seeds; return it."""
    params = json.loads(row["params"])
    seeds = seeds_of(params)
    # Every batch counts on from the one before, so only the first request can hold seeds that lie ahead.
    spent = json.loads(row["spent"]) or seeds
    return tables.insert(
        connection,
        digest="",
        task=row["task"],
        params=json.dumps(_with_seeds(params, next_seeds(seeds[-1], len(seeds), spent))),
        engine=row["engine"],
        priority=PRIORITIES["normal" if asked else "low"],
        sources=row["sources"],
        session=row["session"],
        auto_gen=row["auto_gen"],
        next_of=row["id"],
        asked=int(asked),
        spent=json.dumps(spent),
    )


def go_on(connection: sqlite3.Connection, row: sqlite3.Row, max_waiting: int) -> None:
    """Queue the next batch of a job that has succeeded, when that is wished, nobody did it yet and there is room."""
    if not (row["auto_gen"] and row["asked"]) or batch_after(connection, row) is not None:
        return
    if seeds_of(json.loads(row["params"])) and tables.waiting(connection) < max_waiting:
        queue(connection, row, asked=False)


def is_outdated(connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Return whether the session of a job has a newer request."""
    (newer,) = connection.execute(f"SELECT {_NEWER} FROM jobs WHERE number = ?", (row["number"],)).fetchone()
    return bool(newer)


def ask(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Make a job that was made ahead one like any other."""
    connection.execute(
        "UPDATE jobs SET asked = 1, priority = max(priority, ?) WHERE number = ?",
        (PRIORITIES["normal"], row["number"]),
    )


def cancel_unwanted(connection: sqlite3.Connection) -> list[str]:
    """Cancel waiting jobs that nobody wants any more; return their ids."""
    rows = connection.execute(f"SELECT number, id FROM jobs WHERE state = ? AND {_UNWANTED}", (QUEUED,)).fetchall()
    for row in rows:
        tables.end(connection, row["number"], CANCELLED, CANCELLED_ERROR)
    return [row["id"] for row in rows]


def in_the_way(connection: sqlite3.Connection) -> list[str]:
    """Return the running jobs that nobody wants any more, and as many others made ahead as there are asked ones waiting."""
    rows = connection.execute(
        f"SELECT id FROM jobs WHERE state = ? AND {_UNWANTED} UNION ALL SELECT id FROM (SELECT id FROM jobs"
        f" WHERE state = ? AND NOT asked AND NOT ({_UNWANTED}) ORDER BY number DESC LIMIT ?)",
        (RUNNING, RUNNING, tables.waiting(connection, asked=True)),
    ).fetchall()
    return [row["id"] for row in rows]
