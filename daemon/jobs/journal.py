"""Every job and every event of it, on disk before anybody hears of it.

The database is the only copy: streams to clients are readers of this journal, so a slow or absent client costs no memory,
and one that comes back goes on where it was. Events hold no audio, only which frames of which output are ready.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any

from daemon.errors import Busy, Conflict, NotFound, Unavailable
from daemon.jobs.job import CANCELLED, ENDED, FAILED, PRIORITIES, QUEUED, RUNNING, SUCCEEDED, Event, Job
from daemon.store.database import Database

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
#: A job that was running when the daemon died runs again, once.
MAX_ATTEMPTS = 2
CANCELLED_ERROR = {"kind": "Cancelled", "message": "The job was cancelled."}
_WATCH_ROWS = 256
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}
_IN_ORDER = "SELECT * FROM jobs WHERE state = 'queued' ORDER BY priority DESC, number"


def _job(row: sqlite3.Row) -> Job:
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
    )


def _append(connection: sqlite3.Connection, number: int, kind: str, body: Mapping[str, Any]) -> None:
    (sequence,) = connection.execute(
        "UPDATE jobs SET last_sequence = last_sequence + 1 WHERE number = ? RETURNING last_sequence", (number,)
    ).fetchone()
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (number, sequence, kind, json.dumps(body)))


def _check_same(row: sqlite3.Row, key: str, request_digest: str) -> None:
    if row["digest"] != request_digest:
        raise Conflict(
            f"Idempotency key {key!r} already belongs to job {row['id']}, which asked for something else.",
            remedy="Use a new key for a new request.",
        )


class Journal:
    """The jobs of one daemon."""

    def __init__(self, database: Database, *, max_waiting: int) -> None:
        self._database = database
        self._max_waiting = max_waiting
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._closing = False
        #: Set whenever there may be something to claim.
        self.work = asyncio.Event()
        database.transact(self._recover)

    def _recover(self, connection: sqlite3.Connection) -> None:
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        for row in connection.execute("SELECT number, attempts FROM jobs WHERE state = ?", (RUNNING,)).fetchall():
            if row["attempts"] < MAX_ATTEMPTS:
                self._requeue(connection, row["number"])
            else:
                error = {
                    "kind": "EngineFailure",
                    "message": "The daemon was ended twice while this job ran.",
                    "remedy": "Look into its log for the reason, then send the job again.",
                }
                self._void(connection, row["number"])
                self._end(connection, row["number"], FAILED, error)
        self._announce_positions(connection)

    @staticmethod
    def _requeue(connection: sqlite3.Connection, number: int) -> None:
        # What the interrupted attempt told is void; sequence numbers go on, so that watchers miss nothing.
        connection.execute("DELETE FROM events WHERE job_number = ?", (number,))
        connection.execute(
            "UPDATE jobs SET state = ?, position = -1, progress = '{}', takes = '[]' WHERE number = ?", (QUEUED, number)
        )

    @staticmethod
    def _void(connection: sqlite3.Connection, number: int) -> None:
        """Forget the audio of takes that were never finished."""
        (takes,) = connection.execute("SELECT takes FROM jobs WHERE number = ?", (number,)).fetchone()
        whole = {output["output"] for take in json.loads(takes) for output in take["outputs"]}
        events = connection.execute(
            "SELECT sequence, body FROM events WHERE job_number = ? AND kind IN ('header', 'audio')", (number,)
        ).fetchall()
        void = [(number, event["sequence"]) for event in events if json.loads(event["body"])["output"] not in whole]
        connection.executemany("DELETE FROM events WHERE job_number = ? AND sequence = ?", void)

    @staticmethod
    def _end(connection: sqlite3.Connection, number: int, state: str, error: Mapping[str, Any]) -> None:
        connection.execute(
            "UPDATE jobs SET state = ?, finished = ?, error = ? WHERE number = ?",
            (state, time.time(), json.dumps(error), number),
        )

    @staticmethod
    def _announce_positions(connection: sqlite3.Connection) -> list[str]:
        """Tell waiting jobs whose place changed; return their ids."""
        (running,) = connection.execute("SELECT count(*) FROM jobs WHERE state = ?", (RUNNING,)).fetchone()
        moved = []
        for position, row in enumerate(connection.execute(_IN_ORDER).fetchall(), start=running):
            if row["position"] != position:
                connection.execute("UPDATE jobs SET position = ? WHERE number = ?", (position, row["number"]))
                _append(connection, row["number"], "queued", {"position": position})
                moved.append(row["id"])
        return moved

    async def submit(
        self,
        task: str,
        params: Mapping[str, Any],
        *,
        engine: str,
        priority: str,
        key: str,
        request_digest: str,
        sources: Sequence[str],
    ) -> Job:
        """Queue a job, or return the one that ``key`` already names.

        Raises `Conflict` when that one was asked for something else, `Busy` when too many jobs wait.
        """
        job_id = uuid.uuid4().hex

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            known = connection.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone() if key else None
            if known is not None:
                _check_same(known, key, request_digest)
                return known, []
            (waiting,) = connection.execute("SELECT count(*) FROM jobs WHERE state = ?", (QUEUED,)).fetchone()
            if waiting >= self._max_waiting:
                raise Busy(f"{waiting} jobs wait already.", remedy="Try again later, or cancel some of them.")
            connection.execute(
                "INSERT INTO jobs (id, key, digest, task, params, engine, state, priority, created, sources)"
                " VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    job_id,
                    key or None,
                    request_digest,
                    task,
                    json.dumps(params),
                    engine,
                    QUEUED,
                    PRIORITIES[priority],
                    time.time(),
                    json.dumps(list(sources)),
                ),
            )
            moved = self._announce_positions(connection)
            return connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone(), moved

        row, moved = await self._database.run(work)
        self._ring(moved)
        self.work.set()
        return _job(row)

    async def find_key(self, key: str, request_digest: str) -> Job | None:
        """Return the job that ``key`` names, if any. Raises `Conflict` when it was asked for something else."""
        row = await self._database.run(lambda c: c.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone())
        if row is None:
            return None
        _check_same(row, key, request_digest)
        return _job(row)

    async def claim(self, device: str) -> Job | None:
        """Take the first waiting job for ``device`` and mark it running."""

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row | None, list[str]]:
            row = connection.execute(_IN_ORDER + " LIMIT 1").fetchone()
            if row is None:
                return None, []
            connection.execute(
                "UPDATE jobs SET state = ?, started = ?, attempts = attempts + 1 WHERE number = ?",
                (RUNNING, time.time(), row["number"]),
            )
            body = {"engine": row["engine"], "device": device, "attempt": row["attempts"] + 1}
            _append(connection, row["number"], "started", body)
            moved = self._announce_positions(connection)
            return connection.execute("SELECT * FROM jobs WHERE number = ?", (row["number"],)).fetchone(), moved

        row, moved = await self._database.run(work)
        self._ring(moved + ([row["id"]] if row is not None else []))
        return None if row is None else _job(row)

    async def append(self, job_id: str, kind: str, body: Mapping[str, Any]) -> None:
        """Add an event to a running job; ``progress`` and ``take`` are also kept in the job itself."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT number, takes FROM jobs WHERE id = ?", (job_id,)).fetchone()
            _append(connection, row["number"], kind, body)
            if kind == "progress":
                connection.execute("UPDATE jobs SET progress = ? WHERE number = ?", (json.dumps(body), row["number"]))
            elif kind == "take":
                takes = json.dumps([*json.loads(row["takes"]), body])
                connection.execute("UPDATE jobs SET takes = ? WHERE number = ?", (takes, row["number"]))

        await self._database.run(work)
        self._ring([job_id])

    async def succeed(self, job_id: str) -> None:
        """End a job well."""

        def work(connection: sqlite3.Connection) -> list[str]:
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
            now = time.time()
            body = {
                "engine": row["engine"],
                "waited_s": row["started"] - row["created"],
                "worked_s": now - row["started"],
            }
            self._end(connection, row["number"], SUCCEEDED, {})
            _append(connection, row["number"], "completed", body)
            return self._announce_positions(connection)

        self._ring([job_id, *await self._database.run(work)])

    async def fail(self, job_id: str, error: Mapping[str, Any], *, state: str = FAILED) -> None:
        """End a job with ``error`` (kind, message, remedy, details); audio of takes that never finished is forgotten."""

        def work(connection: sqlite3.Connection) -> list[str]:
            row = connection.execute("SELECT number FROM jobs WHERE id = ?", (job_id,)).fetchone()
            self._void(connection, row["number"])
            self._end(connection, row["number"], state, error)
            return self._announce_positions(connection)

        self._ring([job_id, *await self._database.run(work)])

    async def release(self, cancelled: Collection[str] = ()) -> None:
        """Put the running jobs back to their places in the queue, as if not started; those ``cancelled`` end so."""

        def work(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute("SELECT number, id FROM jobs WHERE state = ?", (RUNNING,)).fetchall()
            for row in rows:
                if row["id"] in cancelled:
                    self._void(connection, row["number"])
                    self._end(connection, row["number"], CANCELLED, CANCELLED_ERROR)
                else:
                    connection.execute("UPDATE jobs SET attempts = attempts - 1 WHERE number = ?", (row["number"],))
                    self._requeue(connection, row["number"])
            return [*(row["id"] for row in rows), *self._announce_positions(connection)]

        self._ring(await self._database.run(work))

    async def cancel_waiting(self, job_id: str) -> Job:
        """Cancel a job that still waits; return it as it is then. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> list[str]:
            changed = connection.execute(
                "UPDATE jobs SET state = ?, finished = ?, error = ? WHERE id = ? AND state = ?",
                (
                    CANCELLED,
                    time.time(),
                    json.dumps(CANCELLED_ERROR),
                    job_id,
                    QUEUED,
                ),
            ).rowcount
            return self._announce_positions(connection) if changed else []

        self._ring([job_id, *await self._database.run(work)])
        return await self.get(job_id)

    async def delete(self, job_id: str) -> Job:
        """Forget an ended job and its events; return it. Raises `NotFound`, or `Conflict` while it waits or runs."""
        job = await self.get(job_id)
        if not job.ended:
            raise Conflict(f"Job {job_id} is {job.state}.", remedy="Cancel it first.")
        await self._database.run(lambda c: c.execute("DELETE FROM jobs WHERE id = ?", (job_id,)))
        self._ring([job_id])
        return job

    async def prune(self, max_age_s: float) -> None:
        """Forget jobs that ended longer ago than that."""
        await self._database.run(lambda c: c.execute("DELETE FROM jobs WHERE finished < ?", (time.time() - max_age_s,)))

    async def get(self, job_id: str) -> Job:
        """Return a job. Raises `NotFound`."""
        row = await self._database.run(lambda c: c.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())
        if row is None:
            raise NotFound(f"There is no job {job_id[:80]!r}.", remedy="List the jobs that there are.")
        return _job(row)

    async def recent(self, states: Sequence[str] = (), limit: int = 100) -> list[Job]:
        """Return jobs in any of ``states`` (all when empty), newest first."""
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        rows = await self._database.run(
            lambda c: c.execute(f"SELECT * FROM jobs {where} ORDER BY number DESC LIMIT ?", (*states, limit)).fetchall()
        )
        return [_job(row) for row in rows]

    async def count(self, state: str) -> int:
        """Return how many jobs are in ``state``."""
        row = await self._database.run(
            lambda c: c.execute("SELECT count(*) FROM jobs WHERE state = ?", (state,)).fetchone()
        )
        return int(row[0])

    async def assets_in_use(self, states: Sequence[str] = (QUEUED, RUNNING)) -> set[str]:
        """Return the assets that waiting and running jobs, or those in ``states``, read or have made."""
        marks = ",".join("?" * len(states))
        rows = await self._database.run(
            lambda c: c.execute(f"SELECT sources, takes FROM jobs WHERE state IN ({marks})", tuple(states)).fetchall()
        )
        used = {asset for row in rows for asset in json.loads(row["sources"])}
        made = (output for row in rows for take in json.loads(row["takes"]) for output in take["outputs"])
        return used | {output["asset_id"] for output in made}

    async def headers(self, job_id: str) -> list[dict[str, Any]]:
        """Return the bodies of the job's ``header`` events."""
        rows = await self._database.run(
            lambda c: c.execute(
                "SELECT body FROM events JOIN jobs ON number = job_number WHERE id = ? AND kind = 'header'", (job_id,)
            ).fetchall()
        )
        return [json.loads(row["body"]) for row in rows]

    async def watch(self, job_id: str, after_sequence: int = 0) -> AsyncGenerator[list[Event], None]:
        """Yield the job's events after ``after_sequence``, then new ones as they come, until it has ended.

        They come in lists of those that are there already.

        Raises `NotFound` when there is no such job, or no longer, and `Unavailable` when the daemon stops before its end.
        """
        bell = asyncio.Event()
        self._bells.setdefault(job_id, set()).add(bell)

        def work(connection: sqlite3.Connection) -> tuple[list[sqlite3.Row], str | None]:
            job = connection.execute("SELECT number, state FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if job is None:
                return [], None
            rows = connection.execute(
                "SELECT * FROM events WHERE job_number = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (job["number"], after_sequence, _WATCH_ROWS),
            ).fetchall()
            return rows, job["state"]

        try:
            while True:
                bell.clear()
                rows, state = await self._database.run(work)
                if rows:
                    after_sequence = rows[-1]["sequence"]
                    yield [Event(row["sequence"], row["kind"], json.loads(row["body"])) for row in rows]
                if state is None:
                    raise NotFound(f"There is no job {job_id[:80]!r}.", remedy="List the jobs that there are.")
                if not rows and state in ENDED:
                    return
                if not rows and self._closing:
                    raise Unavailable("The daemon is stopping.", remedy="The job goes on when it is started again.")
                if not rows:
                    await bell.wait()
        finally:
            self._bells[job_id].discard(bell)
            if not self._bells[job_id]:
                del self._bells[job_id]

    def end_watches(self) -> None:
        """Tell every watcher that the daemon stops, once it has heard all that there is."""
        self._closing = True
        self._ring(list(self._bells))

    def _ring(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            for bell in self._bells.get(job_id, ()):
                bell.set()


def digest(content: Mapping[str, Any]) -> str:
    """Return a fingerprint of a request, the same for equal content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
