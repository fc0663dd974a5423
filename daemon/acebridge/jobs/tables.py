"""Statements that several transactions of the journal share. Its tables are in `acebridge.store.schema`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

from acebridge.jobs import order, shares
from acebridge.jobs.job import PRIORITIES, QUEUED, Event, EventBody, Job, JobEvent, Queued, Started
from acebridge.store import uses
from acebridge.workers.messages import EngineChange, Error, Json, Take, TaskParams
from acestep_runtime.tasks.choosing import is_choice
from acestep_runtime.tasks.takes import seeds_of

#: What a list has of a job: all but what is known of its takes, which may be long.
_LISTED = """number, id, task, params, engine, state, priority, attempts, created, started, finished, last_sequence, progress,
  error, sources, next_of, asked, origin, note, spare,
  iif(json_valid(takes), (SELECT json_group_array(json_remove(value, '$.facts')) FROM json_each(takes)), takes) AS takes"""
#: The newest job before one that makes the same and did not fail; its index is `jobs_by_content`.
SAME = """SELECT id FROM jobs WHERE content = ? AND content != '' AND number < ?
  AND state IN ('queued', 'running', 'succeeded') ORDER BY number DESC LIMIT 1"""
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


def job_of(connection: sqlite3.Connection, row: sqlite3.Row) -> Job:
    """Return a row of ``jobs`` as a value, with its place in the queue and the job that makes the same."""
    position = order.position_of(connection, row["number"]) if row["state"] == QUEUED else 0
    return dataclasses.replace(job_from_row(row, position), same_as=_find_same(connection, row))


def _find_same(connection: sqlite3.Connection, row: sqlite3.Row) -> str:
    """Return the id of the newest job before a row that makes the same and did not fail; empty without one."""
    found = connection.execute(SAME, (row["content"], row["number"])).fetchone() if row["content"] else None
    return "" if found is None else str(found["id"])


def job_from_row(row: sqlite3.Row, position: int = 0) -> Job:
    """Return a row of ``jobs`` as a value, with this place in the queue."""
    return Job(
        id=row["id"],
        task=row["task"],
        params=json.loads(row["params"]),
        engine=row["engine"],
        state=row["state"],
        priority=_PRIORITY_NAMES[row["priority"]],
        position=position,
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
        note=row["note"],
        spare=row["spare"],
    )


def find_row(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row | None:
    """Return the row of a job, if there is one."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return row


def newest(
    connection: sqlite3.Connection, states: Collection[str], limit: int, before: tuple[float, str] | None
) -> list[sqlite3.Row]:
    """Return the newest rows of jobs in any of ``states`` (all when empty); ``before`` those before that time and id.

    Their takes are without ``facts``. One index has each state in order, so that no other rows are read: there may be many.
    """
    older = "(created, id) < (?, ?)" if before else "TRUE"
    one = f"SELECT {_LISTED} FROM jobs WHERE {{}} AND {older} ORDER BY created DESC, id DESC LIMIT ?"
    if not states:
        return connection.execute(one.format("TRUE"), (*(before or ()), limit)).fetchall()
    parts = " UNION ALL ".join(f"SELECT * FROM ({one.format('state = ?')})" for _ in set(states))
    values = [value for state in set(states) for value in (state, *(before or ()), limit)]
    return connection.execute(f"{parts} ORDER BY created DESC, id DESC LIMIT ?", (*values, limit)).fetchall()


def event_from_row(row: sqlite3.Row) -> Event:
    """Return a row of ``events`` as a value."""
    return JobEvent(row["sequence"], row["kind"], json.loads(row["body"]))


def position_event(sequence: int, position: int, reason: str) -> Event:
    """Return the event about the place of a job in the queue, and why no worker takes it."""
    event: JobEvent[Literal["queued"], Queued] = JobEvent(sequence, "queued", {"position": position, "reason": reason})
    return event


def results_of(takes: Sequence[Take]) -> list[str]:
    """Return the ids of the assets that takes consist of."""
    return [output["asset_id"] for take in takes for output in take["outputs"]]


def count_waiting(connection: sqlite3.Connection, *, requested: bool = False) -> int:
    """Return how many jobs wait; with ``requested`` only those that were requested, not prefetched."""
    (count,) = connection.execute(
        "SELECT coalesce(sum(jobs), 0) FROM waiting WHERE asked >= ?", (int(requested),)
    ).fetchone()
    return int(count)


def insert_job(connection: sqlite3.Connection, **columns: str | int | None) -> sqlite3.Row:
    """Queue a new job with these columns; return its row."""
    job_id = uuid.uuid4().hex
    content = _content_of(str(columns["task"]), str(columns["engine"]), json.loads(str(columns["params"])))
    values = {"id": job_id, "state": QUEUED, "created": time.time(), "content": content, **columns}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(values.values()))
    row = find_row(connection, job_id)
    assert row is not None
    uses.add(connection, row["number"], json.loads(row["sources"]))
    append_queued(connection, row["number"])
    return row


def _content_of(task: str, engine: str, params: TaskParams) -> str:
    """Return a digest of what a job makes; empty without seeds: whoever analyses a song again wants to hear the same."""
    return digest({"task": task, "engine": engine, "params": params}) if seeds_of(params) else ""


def digest(content: Mapping[str, Json]) -> str:
    """Return a fingerprint of a request, the same for equal content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def append_queued(connection: sqlite3.Connection, number: int) -> None:
    """Add the event that a job waits. That its place has changed since is told to those who watch, and not stored."""
    append_event(connection, number, "queued", {"position": order.position_of(connection, number)})


def append_started(connection: sqlite3.Connection, row: sqlite3.Row, device: str, attempt: int) -> None:
    """Add the event that an engine works on a job."""
    body: Started = {
        "engine": row["engine"],
        "device": device,
        "attempt": attempt,
        "chooses": is_choice(json.loads(row["params"])),
    }
    append_event(connection, row["number"], "started", body)


def change_engine(connection: sqlite3.Connection, row: sqlite3.Row, change: EngineChange) -> None:
    """Store that another engine does a job."""
    content = _content_of(row["task"], change["engine"], json.loads(row["params"]))
    connection.execute(
        "UPDATE jobs SET engine = ?, model = '', note = ?, spare = '', content = ? WHERE number = ?",
        (change["engine"], change["note"], content, row["number"]),
    )


def append_event(connection: sqlite3.Connection, number: int, kind: str, body: EventBody) -> None:
    """Add an event to a job."""
    (sequence,) = connection.execute(
        "UPDATE jobs SET last_sequence = last_sequence + 1 WHERE number = ? RETURNING last_sequence", (number,)
    ).fetchone()
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (number, sequence, kind, json.dumps(body)))


def add_take(connection: sqlite3.Connection, number: int, take: Take) -> None:
    """Record that a job has finished a take."""
    takes = json.dumps([*_takes(connection, number), take])
    connection.execute("UPDATE jobs SET takes = ?, lost = 0 WHERE number = ?", (takes, number))
    uses.add(connection, number, results_of([take]))


def end_job(connection: sqlite3.Connection, number: int, state: str, error: Error) -> None:
    """Store the end of a job."""
    shares.charge(connection, number)
    connection.execute(
        "UPDATE jobs SET state = ?, finished = ?, ended = steady_now(), error = ? WHERE number = ?",
        (state, time.time(), json.dumps(error), number),
    )


def requeue(connection: sqlite3.Connection, number: int) -> None:
    """Put a job back to its place in the queue, with the takes that are finished.

    Events of the other takes are deleted. Sequence numbers go on, so that watchers miss nothing.
    """
    shares.charge(connection, number)
    delete_unfinished_audio(connection, number)
    connection.execute("DELETE FROM events WHERE job_number = ? AND kind = 'progress'", (number,))
    connection.execute("UPDATE jobs SET state = ?, progress = '{}' WHERE number = ?", (QUEUED, number))


def delete_unfinished_audio(connection: sqlite3.Connection, number: int) -> None:
    """Delete the events about audio of takes that were never finished."""
    _delete_audio_except(connection, number, _takes(connection, number))


def keep_takes(connection: sqlite3.Connection, number: int, kept_takes: Sequence[int]) -> list[str]:
    """Keep the takes with these numbers, in this order, and delete the others; return the assets of those."""
    takes = _takes(connection, number)
    by_number = {take["take"]: take for take in takes}
    retained = [by_number[take] for take in kept_takes]
    _delete_audio_except(connection, number, retained)
    _delete_events(connection, number, lambda event: event.kind == "take" and event.body["take"] not in kept_takes)
    connection.execute("UPDATE jobs SET takes = ? WHERE number = ?", (json.dumps(retained), number))
    dropped = results_of([take for take in takes if take["take"] not in kept_takes])
    (sources,) = connection.execute("SELECT sources FROM jobs WHERE number = ?", (number,)).fetchone()
    kept = {*json.loads(sources), *results_of(retained)}
    uses.remove(connection, number, set(dropped) - kept)
    return dropped


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
