"""The journal's tables, and the statements that several of its transactions share."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence

from acebridge.jobs.job import PRIORITIES, QUEUED, Event, EventBody, Job, JobEvent
from acebridge.workers.messages import Error, Take

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
#: Columns that the first databases did not have. ``asked`` is 0 for a prefetched batch that was not requested yet, ``spent``
#: holds the seeds that the first request of its chain named, ``lost`` counts the attempts since a take was finished,
#: ``origin`` is where the request came from.
ADDED_COLUMNS = {
    "session": "TEXT NOT NULL DEFAULT ''",
    "auto_gen": "INTEGER NOT NULL DEFAULT 0",
    "next_of": "TEXT",
    "asked": "INTEGER NOT NULL DEFAULT 1",
    "spent": "TEXT NOT NULL DEFAULT '[]'",
    "lost": "INTEGER NOT NULL DEFAULT 0",
    "origin": "TEXT NOT NULL DEFAULT '{}'",
}
ADDED_INDEXES = """
CREATE INDEX IF NOT EXISTS jobs_by_parent ON jobs (next_of) WHERE next_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_by_session ON jobs (session, number) WHERE session != '';
"""
#: Requested jobs run before prefetched ones, even a low-priority request.
QUEUE_ORDER = "SELECT * FROM jobs WHERE state = 'queued' ORDER BY priority DESC, asked DESC, number"
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date."""
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    known = {column["name"] for column in connection.execute("PRAGMA table_info(jobs)")}
    for name, kind in ADDED_COLUMNS.items():
        if name not in known:
            connection.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")
    for statement in ADDED_INDEXES.split(";"):
        connection.execute(statement)


def job_from_row(row: sqlite3.Row) -> Job:
    """Return a row of ``jobs`` as a value."""
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
        requested=bool(row["asked"]),
        origin=json.loads(row["origin"]),
    )


def find_row(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    """Return the row of a job, if there is one."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row


def event_from_row(row: sqlite3.Row) -> Event:
    """Return a row of ``events`` as a value."""
    return JobEvent(row["sequence"], row["kind"], json.loads(row["body"]))


def count_waiting(connection: sqlite3.Connection, *, requested: bool = False) -> int:
    """Return how many jobs wait; with ``requested`` only those that were requested, not prefetched."""
    (count,) = connection.execute(
        "SELECT count(*) FROM jobs WHERE state = ? AND asked >= ?", (QUEUED, int(requested))
    ).fetchone()
    return int(count)


def insert_job(connection: sqlite3.Connection, **columns: str | int | None) -> sqlite3.Row:
    """Queue a new job with these columns; return its row."""
    job_id = uuid.uuid4().hex
    values = {"id": job_id, "state": QUEUED, "created": time.time(), **columns}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(values.values()))
    row = find_row(connection, job_id)
    assert row is not None
    return row


def append_event(connection: sqlite3.Connection, number: int, kind: str, body: EventBody) -> None:
    """Add an event to a job."""
    (sequence,) = connection.execute(
        "UPDATE jobs SET last_sequence = last_sequence + 1 WHERE number = ? RETURNING last_sequence", (number,)
    ).fetchone()
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (number, sequence, kind, json.dumps(body)))


def end_job(connection: sqlite3.Connection, number: int, state: str, error: Error) -> None:
    """Store the end of a job."""
    connection.execute(
        "UPDATE jobs SET state = ?, finished = ?, error = ? WHERE number = ?",
        (state, time.time(), json.dumps(error), number),
    )


def requeue(connection: sqlite3.Connection, number: int) -> None:
    """Put a job back to its place in the queue, with the takes that are finished.

    Events of the other takes are deleted. Sequence numbers go on, so that watchers miss nothing.
    """
    delete_unfinished_audio(connection, number)
    connection.execute("DELETE FROM events WHERE job_number = ? AND kind = 'progress'", (number,))
    connection.execute("UPDATE jobs SET state = ?, position = -1, progress = '{}' WHERE number = ?", (QUEUED, number))


def delete_unfinished_audio(connection: sqlite3.Connection, number: int) -> None:
    """Delete the events about audio of takes that were never finished."""
    _delete_audio_except(connection, number, _takes(connection, number))


def keep_takes(connection: sqlite3.Connection, number: int, order: Sequence[int]) -> list[str]:
    """Keep the takes with these numbers, in this order, and delete the others; return the assets of those."""
    takes = _takes(connection, number)
    by_number = {take["take"]: take for take in takes}
    retained = [by_number[take] for take in order]
    _delete_audio_except(connection, number, retained)
    _delete_events(connection, number, lambda event: event.kind == "take" and event.body["take"] not in order)
    connection.execute("UPDATE jobs SET takes = ? WHERE number = ?", (json.dumps(retained), number))
    return [output["asset_id"] for take in takes if take["take"] not in order for output in take["outputs"]]


def _takes(connection: sqlite3.Connection, number: int) -> list[Take]:
    (text,) = connection.execute("SELECT takes FROM jobs WHERE number = ?", (number,)).fetchone()
    takes: list[Take] = json.loads(text)
    return takes


def _delete_audio_except(connection: sqlite3.Connection, number: int, takes: Sequence[Take]) -> None:
    outputs = {output["output"] for take in takes for output in take["outputs"]}

    def is_of_others(event: Event) -> bool:
        return (event.kind == "header" or event.kind == "audio") and event.body["output"] not in outputs

    _delete_events(connection, number, is_of_others)


def _delete_events(connection: sqlite3.Connection, number: int, is_void: Callable[[Event], bool]) -> None:
    rows = connection.execute(
        "SELECT * FROM events WHERE job_number = ? AND kind IN ('header', 'audio', 'take')", (number,)
    ).fetchall()
    void = [(number, event.sequence) for event in map(event_from_row, rows) if is_void(event)]
    connection.executemany("DELETE FROM events WHERE job_number = ? AND sequence = ?", void)
