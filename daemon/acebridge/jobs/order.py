"""The order of the waiting jobs: which one is next for a worker, and how many go before each."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable

from acebridge.jobs.job import QUEUED
from acebridge.workers.base import Need

#: Requested jobs run before prefetched ones, even a low-priority request.
_ORDER = "priority DESC, asked DESC, number"
FIRST_WITH_NEED = f"""SELECT * FROM jobs WHERE state = 'queued' AND engine = ? AND task = ? AND model = ?
  ORDER BY {_ORDER} LIMIT 1"""
# Without statistics SQLite would sort all that wait.
NEXT_NEED = """SELECT engine, task, model FROM jobs INDEXED BY jobs_by_need WHERE state = 'queued'
  AND (engine, task, model) >= (?, ?, ?) ORDER BY engine, task, model LIMIT 1"""
# Running prefetched jobs are preempted, so they do not count.
_RUNNING = "(SELECT count(*) FROM jobs WHERE state = 'running' AND asked)"
_POSITION = f"""SELECT {_RUNNING} + count(*) FROM jobs AS other, jobs AS own
  WHERE own.number = ? AND other.state = 'queued' AND (other.priority > own.priority OR other.priority = own.priority
    AND (other.asked > own.asked OR other.asked = own.asked AND other.number < own.number))"""
_POSITIONS = f"""SELECT id, {_RUNNING} + row_number() OVER (ORDER BY {_ORDER}) - 1 AS position
  FROM jobs WHERE state = 'queued'"""
#: Up to this many jobs, counting for each is faster than counting for all that wait.
_FEW = 8


def waiting_needs(connection: sqlite3.Connection) -> list[Need]:
    """Return what the waiting jobs need, each need once. This reads one row for each need, however many wait."""
    needs: list[Need] = []
    start = ("", "", "")
    while (row := connection.execute(NEXT_NEED, start).fetchone()) is not None:
        needs.append(Need(*row))
        engine, task, model = row
        start = (engine, task, f"{model}\0")  # the next text in order: with ">" SQLite would read all rows of this need
    return needs


def count_requested(connection: sqlite3.Connection) -> Counter[Need]:
    """Return how many requested jobs wait with each need; prefetched ones do not count."""
    rows = connection.execute(
        "SELECT engine, task, model, count(*) FROM jobs WHERE state = 'queued' AND asked GROUP BY engine, task, model"
    )
    return Counter({Need(engine, task, model): count for engine, task, model, count in rows})


def first_of(connection: sqlite3.Connection, needs: Iterable[Need]) -> sqlite3.Row | None:
    """Return the first waiting job that has one of ``needs``."""
    found = (connection.execute(FIRST_WITH_NEED, (each.engine, each.task, each.model)).fetchone() for each in needs)
    rows = [row for row in found if row is not None]
    return min(rows, key=lambda row: (-row["priority"], -row["asked"], row["number"]), default=None)


def position_of(connection: sqlite3.Connection, number: int) -> int:
    """Return how many jobs go before a waiting one, where every worker suits every job."""
    return int(connection.execute(_POSITION, (number,)).fetchone()[0])


def positions(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the same for each waiting job, by its id."""
    return {row["id"]: row["position"] for row in connection.execute(_POSITIONS)}


def positions_of(connection: sqlite3.Connection, job_ids: Collection[str]) -> dict[str, int]:
    """Return the same for those of these jobs that wait."""
    if len(job_ids) > _FEW:
        return {job_id: place for job_id, place in positions(connection).items() if job_id in job_ids}
    found = (
        connection.execute("SELECT id, number FROM jobs WHERE id = ? AND state = ?", (job_id, QUEUED)).fetchone()
        for job_id in job_ids
    )
    return {row["id"]: position_of(connection, row["number"]) for row in found if row is not None}
