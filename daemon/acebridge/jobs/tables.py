"""The journal's tables, and the statements that several of its transactions share."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from acebridge.jobs.job import PRIORITIES, QUEUED, Job

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, key TEXT UNIQUE, digest TEXT NOT NULL,
  task TEXT NOT NULL, params TEXT NOT NULL, engine TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT -1, attempts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL,
  finished REAL, last_sequence INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}',
  error TEXT NOT NULL DEFAULT '{}', takes TEXT NOT NULL DEFAULT '[]', sources TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, priority DESC, number);
CREATE TABLE IF NOT EXISTS events (
  job_number INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE, sequence INTEGER NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY (job_number, sequence)) WITHOUT ROWID;
"""
#: Columns that the first databases did not have. ``asked`` is 0 for a next batch that nobody has asked for yet,
#: ``spent`` holds the seeds that the first request of its chain named, ``lost`` counts the attempts since a take was finished.
ADDED_COLUMNS = {
    "session": "TEXT NOT NULL DEFAULT ''",
    "auto_gen": "INTEGER NOT NULL DEFAULT 0",
    "next_of": "TEXT",
    "asked": "INTEGER NOT NULL DEFAULT 1",
    "spent": "TEXT NOT NULL DEFAULT '[]'",
    "lost": "INTEGER NOT NULL DEFAULT 0",
}
ADDED_INDEXES = """
CREATE INDEX IF NOT EXISTS jobs_by_parent ON jobs (next_of) WHERE next_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_by_session ON jobs (session, number) WHERE session != '';
"""
#: What somebody waits for goes first, even if he asked for low priority.
IN_ORDER = "SELECT * FROM jobs WHERE state = 'queued' ORDER BY priority DESC, asked DESC, number"
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date."""
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    known = {column["name"] for column in connection.execute("PRAGMA table_info(jobs)")}
    for name, kind in ADDED_COLUMNS.items():
        if name not in known:
            connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")
    for statement in ADDED_INDEXES.split(";"):
        connection.execute(statement)


def job_of(row: sqlite3.Row) -> Job:
    """Return a row as a value."""
    return Job(
        id=row["id"],
        task=row["task"],
        params=json.loads(row["params"]),
        engine=row["engine"],
        state=row["state"],
        priority=_PRIORITY_NAMES[row["priority"]],
        position=max(row["position"], 0) if row["state"] == QUEUED else 0,
        attempts=row["attempts"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        last_sequence=row["last_sequence"],
        progress=json.loads(row["progress"]),
        error=json.loads(row["error"]),
        takes=tuple(json.loads(row["takes"])),
        sources=tuple(json.loads(row["sources"])),
        next_of=row["next_of"] or "",
        asked=bool(row["asked"]),
    )


def find(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    """Return the row of a job, if there is one."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row


def waiting(connection: sqlite3.Connection, *, asked: bool = False) -> int:
    """Return how many jobs wait; with ``asked`` only those that somebody has asked for."""
    (count,) = connection.execute(
        "SELECT count(*) FROM jobs WHERE state = ? AND asked >= ?", (QUEUED, int(asked))
    ).fetchone()
    return int(count)


def insert(connection: sqlite3.Connection, **columns: Any) -> sqlite3.Row:
    """Queue a new job with these columns; return its row."""
    columns = {"id": uuid.uuid4().hex, "state": QUEUED, "created": time.time(), **columns}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(columns.values()))
    row = find(connection, columns["id"])
    assert row is not None
    return row


def append(connection: sqlite3.Connection, number: int, kind: str, body: Mapping[str, Any]) -> None:
    """Add an event to a job."""
    (sequence,) = connection.execute(
        "UPDATE jobs SET last_sequence = last_sequence + 1 WHERE number = ? RETURNING last_sequence", (number,)
    ).fetchone()
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (number, sequence, kind, json.dumps(body)))


def end(connection: sqlite3.Connection, number: int, state: str, error: Mapping[str, Any]) -> None:
    """Write down how a job ended."""
    connection.execute(
        "UPDATE jobs SET state = ?, finished = ?, error = ? WHERE number = ?",
        (state, time.time(), json.dumps(error), number),
    )


def requeue(connection: sqlite3.Connection, number: int) -> None:
    """Put a job back to its place in the queue, with the takes that are finished.

    What the interrupted attempt told of others is void; sequence numbers go on, so that watchers miss nothing.
    """
    void_audio(connection, number)
    connection.execute("DELETE FROM events WHERE job_number = ? AND kind = 'progress'", (number,))
    connection.execute("UPDATE jobs SET state = ?, position = -1, progress = '{}' WHERE number = ?", (QUEUED, number))


def void_audio(connection: sqlite3.Connection, number: int) -> None:
    """Forget the audio of takes that were never finished."""
    (takes,) = connection.execute("SELECT takes FROM jobs WHERE number = ?", (number,)).fetchone()
    whole = {output["output"] for take in json.loads(takes) for output in take["outputs"]}
    _forget(connection, number, ("header", "audio"), lambda body: body["output"] not in whole)


def choose(connection: sqlite3.Connection, number: int, order: Sequence[int]) -> list[str]:
    """Keep the takes with these numbers, in this order, and forget the others; return the assets of those."""
    (held,) = connection.execute("SELECT takes FROM jobs WHERE number = ?", (number,)).fetchone()
    takes = {take["take"]: take for take in json.loads(held)}
    kept = [takes[take] for take in order]
    heard = {output["output"] for take in kept for output in take["outputs"]}
    _forget(connection, number, ("header", "audio"), lambda body: body["output"] not in heard)
    _forget(connection, number, ("take",), lambda body: body["take"] not in order)
    connection.execute("UPDATE jobs SET takes = ? WHERE number = ?", (json.dumps(kept), number))
    return [output["asset_id"] for take in takes.values() if take["take"] not in order for output in take["outputs"]]


def _forget(
    connection: sqlite3.Connection, number: int, kinds: Sequence[str], is_void: Callable[[Mapping[str, Any]], bool]
) -> None:
    marks = ",".join("?" * len(kinds))
    events = connection.execute(
        f"SELECT sequence, body FROM events WHERE job_number = ? AND kind IN ({marks})", (number, *kinds)
    ).fetchall()
    void = [(number, event["sequence"]) for event in events if is_void(json.loads(event["body"]))]
    connection.executemany("DELETE FROM events WHERE job_number = ? AND sequence = ?", void)
