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
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from acebridge.errors import Busy, Conflict, NotFound, Unavailable
from acebridge.jobs import prefetch, tables
from acebridge.jobs.job import (
    CANCELLED,
    CANCELLED_ERROR,
    ENDED,
    FAILED,
    PRIORITIES,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    Event,
    Job,
)
from acebridge.store.database import Database
from acestep_runtime.tasks.choosing import is_choice

T = TypeVar("T")

#: A job that was running when the daemon died goes on; twice without a take in between is enough.
MAX_LOST = 2
_WATCH_ROWS = 256
#: What a listener is told of each take that there was to choose from.
_RANKED = ("take", "seed", "score", "chosen")


def _check_same(row: sqlite3.Row, key: str, request_digest: str) -> None:
    if row["digest"] != request_digest:
        raise Conflict(
            f"Idempotency key {key!r} already belongs to job {row['id']}, which asked for something else.",
            remedy="Use a new key for a new request.",
        )


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"There is no job {job_id[:80]!r}.", remedy="List the jobs that there are.")


def _known(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    row = tables.find(connection, job_id)
    if row is None:
        raise _no_job(job_id)
    return row


class Journal:
    """The jobs of one daemon."""

    def __init__(self, database: Database, *, max_waiting: int) -> None:
        self._database = database
        self._max_waiting = max_waiting
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._closing = False
        #: Set whenever there may be something to claim.
        self.work = asyncio.Event()
        #: Set whenever a running job may be in the way.
        self.arrival = asyncio.Event()
        database.transact(self._recover)

    def _recover(self, connection: sqlite3.Connection) -> None:
        tables.prepare(connection)
        for row in connection.execute("SELECT number, lost FROM jobs WHERE state = ?", (RUNNING,)).fetchall():
            if row["lost"] < MAX_LOST:
                tables.requeue(connection, row["number"])
            else:
                error = {
                    "kind": "EngineFailure",
                    "message": "The daemon was ended twice while this job ran.",
                    "remedy": "Look into its log for the reason, then send the job again.",
                }
                tables.void_audio(connection, row["number"])
                tables.end(connection, row["number"], FAILED, error)
        self._settle(connection)

    @staticmethod
    def _settle(connection: sqlite3.Connection) -> list[str]:
        """Cancel what waits and nobody wants any more, tell the others whose place changed; return the ids of both."""
        moved = prefetch.cancel_unwanted(connection)
        # What was made ahead and still runs makes way, so it does not count.
        (running,) = connection.execute("SELECT count(*) FROM jobs WHERE state = ? AND asked", (RUNNING,)).fetchone()
        for position, row in enumerate(connection.execute(tables.IN_ORDER).fetchall(), start=running):
            if row["position"] != position:
                connection.execute("UPDATE jobs SET position = ? WHERE number = ?", (position, row["number"]))
                tables.append(connection, row["number"], "queued", {"position": position})
                moved.append(row["id"])
        return moved

    async def _change(self, work: Callable[[sqlite3.Connection], tuple[T, list[str]]], *, arrives: bool = True) -> T:
        """Run a transaction that returns its result and the jobs to which something happened, and tell all whom it concerns.

        They are told even when the caller does not wait for the end. ``arrives``: there may be more to do than before.
        """

        async def to_the_end() -> T:
            result, told = await self._database.run(work)
            self._ring(told)
            if arrives:
                self.work.set()
                self.arrival.set()
            return result

        return await asyncio.shield(to_the_end())

    def _check_room(self, connection: sqlite3.Connection) -> None:
        if (waiting := tables.waiting(connection, asked=True)) >= self._max_waiting:
            raise Busy(f"{waiting} jobs wait already.", remedy="Try again later, or cancel some of them.")

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
        session: str = "",
        auto_gen: bool = False,
    ) -> Job:
        """Queue a job, or return the one that ``key`` already names.

        A new job is the newest of its ``session``: nobody wants what was made ahead for the others any more. Raises
        `Conflict` when the one that is there was asked for something else, `Busy` when too many jobs wait.
        """

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            known = connection.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone() if key else None
            if known is not None:
                _check_same(known, key, request_digest)
                return known, []
            self._check_room(connection)
            row = tables.insert(
                connection, key=key or None, digest=request_digest, task=task, params=json.dumps(params),
                engine=engine, priority=PRIORITIES[priority], sources=json.dumps(list(sources)), session=session,
                auto_gen=int(auto_gen),
            )  # fmt: skip
            moved = self._settle(connection)
            return _known(connection, row["id"]), moved

        return tables.job_of(await self._change(work))

    async def next_batch(self, job_id: str) -> Job:
        """Ask for the next batch of a job, which is queued unless it is there already; return it.

        Raises `NotFound`, `Conflict` when another batch would be the same again, `Busy` when too many jobs wait.
        """

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            row = _known(connection, job_id)
            following = prefetch.batch_after(connection, row)
            if following is not None:
                prefetch.ask(connection, following)
            elif not prefetch.seeds_of(json.loads(row["params"])):
                raise Conflict(
                    f"Job {job_id} ({row['task']}) has no next batch: it would be the same again.",
                    remedy="Ask for another one only of tasks that take seeds.",
                )
            else:
                self._check_room(connection)
                following = prefetch.queue(connection, row, asked=True)
            following = _known(connection, following["id"])
            if following["state"] == SUCCEEDED:
                prefetch.go_on(connection, following, self._max_waiting)
            moved = self._settle(connection)
            return _known(connection, following["id"]), moved

        return tables.job_of(await self._change(work))

    async def find_key(self, key: str, request_digest: str) -> Job | None:
        """Return the job that ``key`` names, if any. Raises `Conflict` when it was asked for something else."""
        row = await self._database.run(lambda c: c.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone())
        if row is None:
            return None
        _check_same(row, key, request_digest)
        return tables.job_of(row)

    async def claim(self, device: str) -> Job | None:
        """Take the first waiting job for ``device`` and mark it running."""

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row | None, list[str]]:
            row = connection.execute(tables.IN_ORDER + " LIMIT 1").fetchone()
            if row is None:
                return None, []
            connection.execute(
                "UPDATE jobs SET state = ?, started = ?, attempts = attempts + 1, lost = lost + 1 WHERE number = ?",
                (RUNNING, time.time(), row["number"]),
            )
            body = {
                "engine": row["engine"], "device": device, "attempt": row["attempts"] + 1,
                "chooses": is_choice(json.loads(row["params"])),
            }  # fmt: skip
            tables.append(connection, row["number"], "started", body)
            moved = self._settle(connection)
            return _known(connection, row["id"]), [*moved, row["id"]]

        row = await self._change(work, arrives=False)
        return None if row is None else tables.job_of(row)

    async def append(self, job_id: str, kind: str, body: Mapping[str, Any]) -> None:
        """Add an event to a running job; ``progress`` and ``take`` are also kept in the job itself."""

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            row = connection.execute("SELECT number, takes FROM jobs WHERE id = ?", (job_id,)).fetchone()
            tables.append(connection, row["number"], kind, body)
            if kind == "progress":
                connection.execute("UPDATE jobs SET progress = ? WHERE number = ?", (json.dumps(body), row["number"]))
            elif kind == "take":
                takes = json.dumps([*json.loads(row["takes"]), body])
                connection.execute("UPDATE jobs SET takes = ?, lost = 0 WHERE number = ?", (takes, row["number"]))
            return None, [job_id]

        await self._change(work, arrives=False)

    async def succeed(self, job_id: str, ranking: Sequence[Mapping[str, Any]] = ()) -> list[str]:
        """End a job well; queue its next batch where that is wished.

        With a ``ranking`` (see `acestep_runtime.tasks.choosing.RankedTake`) its takes are put in that order, and those that are
        not kept are forgotten; returns their assets.
        """

        def work(connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
            row = _known(connection, job_id)
            dropped: list[str] = []
            if ranking:
                dropped = tables.choose(connection, row["number"], [take["take"] for take in ranking if take["kept"]])
            now = time.time()
            body = {
                "engine": row["engine"],
                "waited_s": row["started"] - row["created"],
                "worked_s": now - row["started"],
                "ranking": [{name: take[name] for name in _RANKED if take[name] is not None} for take in ranking],
            }
            tables.end(connection, row["number"], SUCCEEDED, {})
            tables.append(connection, row["number"], "completed", body)
            if not prefetch.is_outdated(connection, row):
                prefetch.go_on(connection, row, self._max_waiting)
            return dropped, [job_id, *self._settle(connection)]

        return await self._change(work)

    async def fail(self, job_id: str, error: Mapping[str, Any], *, state: str = FAILED) -> None:
        """End a job with ``error`` (kind, message, remedy, details); audio of takes that never finished is forgotten."""

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            row = _known(connection, job_id)
            tables.void_audio(connection, row["number"])
            tables.end(connection, row["number"], state, error)
            return None, [job_id, *self._settle(connection)]

        await self._change(work)

    async def release(self, cancelled: Collection[str] = (), *, only: str = "") -> None:
        """Put the running jobs back to their places in the queue, as if not started; those ``cancelled`` end so.

        ``only`` names the one that it is about. One that was made ahead and is unwanted ends as cancelled.
        """

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            rows = connection.execute("SELECT number, id FROM jobs WHERE state = ?", (RUNNING,)).fetchall()
            rows = [row for row in rows if only in ("", row["id"])]
            for row in rows:
                if row["id"] in cancelled:
                    tables.void_audio(connection, row["number"])
                    tables.end(connection, row["number"], CANCELLED, CANCELLED_ERROR)
                else:
                    connection.execute(
                        "UPDATE jobs SET attempts = attempts - 1, lost = max(0, lost - 1) WHERE number = ?",
                        (row["number"],),
                    )
                    tables.requeue(connection, row["number"])
            return None, [*(row["id"] for row in rows), *self._settle(connection)]

        await self._change(work)

    async def in_the_way(self) -> list[str]:
        """Return the running jobs that were made ahead and have to stop: see `acebridge.jobs.prefetch.in_the_way`."""
        return await self._database.run(prefetch.in_the_way)

    async def cancel_waiting(self, job_id: str) -> Job:
        """Cancel a job that still waits; return it as it is then. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            row = _known(connection, job_id)
            if row["state"] != QUEUED:
                return row, []
            tables.end(connection, row["number"], CANCELLED, CANCELLED_ERROR)
            moved = self._settle(connection)
            return _known(connection, job_id), [job_id, *moved]

        return tables.job_of(await self._change(work))

    async def delete(self, job_id: str) -> Job:
        """Forget an ended job and its events; return it. Raises `NotFound`, or `Conflict` while it waits or runs."""

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            row = _known(connection, job_id)
            if row["state"] not in ENDED:
                raise Conflict(f"Job {job_id} is {row['state']}.", remedy="Cancel it first.")
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
            return row, [job_id, *self._settle(connection)]

        return tables.job_of(await self._change(work))

    async def prune(self, max_age_s: float) -> None:
        """Forget jobs that ended longer ago than that."""
        await self._database.run(lambda c: c.execute("DELETE FROM jobs WHERE finished < ?", (time.time() - max_age_s,)))

    async def get(self, job_id: str) -> Job:
        """Return a job. Raises `NotFound`."""
        return tables.job_of(await self._database.run(lambda c: _known(c, job_id)))

    async def recent(self, states: Sequence[str] = (), limit: int = 100) -> list[Job]:
        """Return jobs in any of ``states`` (all when empty), newest first."""
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        rows = await self._database.run(
            lambda c: c.execute(f"SELECT * FROM jobs {where} ORDER BY number DESC LIMIT ?", (*states, limit)).fetchall()
        )
        return [tables.job_of(row) for row in rows]

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

    async def holds(self, job_id: str, sequence: int) -> bool:
        """Return whether an event still counts; those of an attempt that was put back to the queue do not."""
        row = await self._database.run(
            lambda c: c.execute(
                "SELECT 1 FROM events JOIN jobs ON number = job_number WHERE id = ? AND sequence = ?",
                (job_id, sequence),
            ).fetchone()
        )
        return row is not None

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
                    raise _no_job(job_id)
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
