"""Prefetch: generate the next batch of a request ahead. Statements of the journal.

A prefetched job is queued when the batch before it has succeeded, and runs when nothing else waits. It is obsolete as soon as
its session has a newer request or the batch before it was deleted. A request for it makes it a job like any other, and lets the
next one be prefetched: never more than one at a time. Column ``asked`` is 0 until then.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from acebridge.jobs import order, tables
from acebridge.jobs.job import CANCELLED, CANCELLED_ERROR, PRIORITIES, QUEUED, RUNNING, SUCCEEDED
from acebridge.store import uses
from acebridge.workers.base import Need
from acebridge.workers.messages import TaskParams
from acestep_runtime.tasks.takes import next_seeds, replace_seeds, seeds_of

_NEWER = (
    "session != '' AND EXISTS (SELECT 1 FROM jobs AS newer WHERE newer.session != ''"
    " AND newer.session = jobs.session AND newer.number > jobs.number AND newer.next_of IS NULL)"
)
_OBSOLETE = f"asked = 0 AND ({_NEWER} OR NOT EXISTS (SELECT 1 FROM jobs AS before WHERE before.id = jobs.next_of))"


class Preemptible(NamedTuple):
    """Running jobs by id: those that are ``obsolete`` have to stop; the others that are ``prefetched``, the newest first, end
    for requests that find no worker. ``waiting`` has how many requests wait with each need.
    """

    obsolete: list[str]
    prefetched: list[str]
    waiting: Mapping[Need, int]


def find_next_batch(connection: sqlite3.Connection, row: sqlite3.Row) -> sqlite3.Row | None:
    """Return the next batch of a job, if it waits, runs or has succeeded."""
    next_row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM jobs WHERE next_of = ? AND state IN (?, ?, ?) ORDER BY number DESC LIMIT 1",
        (row["id"], QUEUED, RUNNING, SUCCEEDED),
    ).fetchone()
    return next_row


def queue_next_batch(connection: sqlite3.Connection, row: sqlite3.Row, *, owner: str, requested: bool) -> sqlite3.Row:
    """Queue the next batch of a job that has seeds; return it."""
    params = json.loads(row["params"])
    seeds = seeds_of(params)
    # Every batch counts on from the one before, so only the first request can hold seeds that lie ahead.
    spent = json.loads(row["spent"]) or seeds
    return tables.insert_job(
        connection,
        digest="",
        task=row["task"],
        params=json.dumps(replace_seeds(params, next_seeds(seeds[-1], len(seeds), spent))),
        engine=row["engine"],
        model=row["model"],
        owner=owner,
        priority=PRIORITIES["normal" if requested else "low"],
        sources=json.dumps(_sources_of_next(row, params)),
        session=row["session"],
        auto_gen=row["auto_gen"],
        next_of=row["id"],
        asked=int(requested),
        spent=json.dumps(spent),
        origin=row["origin"],
        note=row["note"],
        spare=row["spare"],
    )


def _sources_of_next(row: sqlite3.Row, params: TaskParams) -> list[str]:
    """Return the assets that the next batch of a job reads: not the preview, which was one of this job's take."""
    output = params.get("output")
    preview_id = output.get("preview_id") if isinstance(output, Mapping) else None
    return [asset_id for asset_id in json.loads(row["sources"]) if asset_id != preview_id]


def maybe_prefetch_next(connection: sqlite3.Connection, row: sqlite3.Row, max_waiting: int) -> None:
    """Queue the next batch of a requested job that has succeeded, if its request asks for it and the queue has room."""
    if not (row["auto_gen"] and row["asked"]) or find_next_batch(connection, row) is not None:
        return
    has_sources = uses.missing_of(connection, json.loads(row["sources"])) is None
    if has_sources and seeds_of(json.loads(row["params"])) and tables.count_waiting(connection) < max_waiting:
        queue_next_batch(connection, row, owner=row["owner"], requested=False)


def is_outdated(connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Return whether the session of a job has a newer request."""
    (newer,) = connection.execute(f"SELECT {_NEWER} FROM jobs WHERE number = ?", (row["number"],)).fetchone()
    return bool(newer)


def mark_requested(connection: sqlite3.Connection, row: sqlite3.Row, owner: str) -> None:
    """Turn a prefetched job into a requested one, of this owner. One that was requested keeps its owner."""
    if not row["asked"] and row["state"] in (QUEUED, RUNNING):
        order.join(connection, owner)
        connection.execute("UPDATE jobs SET owner = ? WHERE number = ?", (owner, row["number"]))
    connection.execute(
        "UPDATE jobs SET asked = 1, priority = max(priority, ?) WHERE number = ?",
        (PRIORITIES["normal"], row["number"]),
    )


def cancel_obsolete(connection: sqlite3.Connection) -> list[str]:
    """Cancel waiting jobs that are obsolete; return their ids."""
    # Without statistics SQLite would read all that wait.
    rows = connection.execute(
        f"SELECT number, id FROM jobs INDEXED BY jobs_prefetched WHERE state = ? AND {_OBSOLETE}", (QUEUED,)
    ).fetchall()
    for row in rows:
        tables.end_job(connection, row["number"], CANCELLED, CANCELLED_ERROR)
    return [row["id"] for row in rows]


def find_preemptible(connection: sqlite3.Connection) -> Preemptible:
    """Return which running jobs have to stop, and which may have to."""
    rows = connection.execute(
        f"SELECT id, {_OBSOLETE} AS obsolete FROM jobs WHERE state = ? AND NOT asked ORDER BY number DESC", (RUNNING,)
    ).fetchall()
    return Preemptible(
        [row["id"] for row in rows if row["obsolete"]],
        [row["id"] for row in rows if not row["obsolete"]],
        order.count_requested(connection),
    )
