"""The journal of all jobs and their events. Events are on disk before a client receives them.

The database is the only copy: streams to clients are readers of this journal, so a slow or absent client costs no memory,
and one that comes back resumes where it was. Events hold no audio, only which frames of which output are ready.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import TypeVar, cast

from acebridge.errors import Busy, Conflict
from acebridge.jobs import order, prefetch, shares, tables
from acebridge.jobs.job import (
    CANCELLED,
    CANCELLED_ERROR,
    ENDED,
    FAILED,
    PRIORITIES,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    Choice,
    Completed,
    Event,
    EventBody,
    Job,
)
from acebridge.jobs.recovery import MAX_LOST, recover
from acebridge.jobs.watchers import Watchers, no_job
from acebridge.store import uses
from acebridge.store.database import Database
from acebridge.tokens import OWN_NAME
from acebridge.workers.base import Need
from acebridge.workers.messages import EngineChange, Error, Header, Progress, RankedTake, Take, TaskParams
from acestep_runtime.tasks.takes import seeds_of

T = TypeVar("T")

#: How many jobs that ended long ago one call of `Journal.prune` forgets.
_PRUNE_STEP = 16
#: Events that a crash of the whole machine may take along: a job whose takes are stored begins the others again.
_PASSING = frozenset({"progress", "header", "audio"})


def _check_same(row: sqlite3.Row, key: str, request_digest: str) -> None:
    if row["digest"] != request_digest:
        raise Conflict(
            f"Idempotency key {key!r} already belongs to job {row['id']}, which asked for something else.",
            remedy="Use a new key for a new request.",
        )


def _choice(take: RankedTake) -> Choice:
    choice: Choice = {"take": take["take"], "seed": take["seed"], "chosen": take["chosen"]}
    if note := take.get("note"):
        choice["note"] = note
    return choice if take["score"] is None else {**choice, "score": take["score"]}


def _existing_row(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    row = tables.find_row(connection, job_id)
    if row is None:
        raise no_job(job_id)
    return row


class Journal:
    """The jobs of one daemon."""

    def __init__(self, database: Database, *, max_waiting: int) -> None:
        self._database = database
        self._max_waiting = max_waiting
        #: Returns why no worker takes the jobs that wait, see `acebridge.jobs.scheduler.Scheduler.why_waiting`.
        self.why_waiting: Callable[[], str | None] = lambda: ""
        self._watchers = Watchers(database, lambda: self.why_waiting())
        #: Called whenever there may be a job to claim.
        self.on_work: Callable[[], None] = lambda: None
        #: Set whenever a running job may have to stop, see `preemptible`.
        self.preempt_requested = asyncio.Event()
        database.transact(recover)

    async def _change(
        self,
        work: Callable[[sqlite3.Connection], tuple[T, list[str]]],
        *,
        wakes: bool = True,
        moves: bool = True,
        lasting: bool = True,
        frees: bool = False,
    ) -> T:
        """Run a transaction that returns its result and the ids of the affected jobs; notify their watchers.

        With ``wakes`` also the scheduler, because there may be more to do than before; with ``moves`` the watchers of waiting
        jobs, whose places may be others now. All this happens even when the caller is cancelled meanwhile. ``lasting`` and
        ``frees`` are those of `Database.run`.
        """

        async def run_and_notify() -> T:
            result, affected = await self._database.run(work, lasting=lasting, frees=frees)
            self._watchers.notify(affected)
            if moves and affected:
                self._watchers.count_positions()
            if wakes:
                self.on_work()
                self.preempt_requested.set()
            return result

        task = asyncio.create_task(run_and_notify())
        # Whoever is not there any more does not miss its error.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    def _check_capacity(self, connection: sqlite3.Connection) -> None:
        if (waiting := tables.count_waiting(connection, requested=True)) >= self._max_waiting:
            raise Busy(f"{waiting} jobs wait already.", remedy="Try again later, or cancel some of them.")

    async def submit(
        self,
        task: str,
        params: TaskParams,
        *,
        engine: str,
        priority: str,
        key: str,
        request_digest: str,
        sources: Sequence[str],
        model: str = "",
        session: str = "",
        auto_gen: bool = False,
        origin: Mapping[str, str] | None = None,
        note: str = "",
        spare: str = "",
        owner: str = OWN_NAME,
    ) -> Job:
        """Queue a job, or return the one that ``key`` already names.

        ``owner`` is the name of the token that asks. A new job makes the prefetched jobs of older requests of its ``session``
        obsolete. Raises
        `Conflict` when the job of that key is of another request, `Busy` when too many jobs wait, `NotFound` when one of its
        ``sources`` is not stored any more. From here on none of them is deleted until the job has ended.
        """

        def work(connection: sqlite3.Connection) -> tuple[Job, list[str]]:
            existing = connection.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone() if key else None
            if existing is not None:
                _check_same(existing, key, request_digest)
                return tables.job_of(connection, existing), []
            self._check_capacity(connection)
            uses.check_stored(connection, sources)
            order.join(connection, owner)
            row = tables.insert_job(
                connection, key=key or None, digest=request_digest, task=task, params=json.dumps(params),
                engine=engine, model=model, priority=PRIORITIES[priority], sources=json.dumps(list(sources)), session=session,
                auto_gen=int(auto_gen), origin=json.dumps(origin or {}), note=note, spare=spare, owner=owner,
            )  # fmt: skip
            obsolete = prefetch.cancel_obsolete(connection)
            return tables.job_of(connection, _existing_row(connection, row["id"])), [row["id"], *obsolete]

        return await self._change(work)

    async def next_batch(self, job_id: str, owner: str = OWN_NAME) -> Job:
        """Request the next batch of a job for ``owner``: return the one that is there, or queue it.

        Raises `NotFound` also for a source that was deleted, `Conflict` when another batch would be the same again, `Busy`
        when too many jobs wait.
        """

        def work(connection: sqlite3.Connection) -> tuple[Job, list[str]]:
            row = _existing_row(connection, job_id)
            following = prefetch.find_next_batch(connection, row)
            if following is not None:
                prefetch.mark_requested(connection, following, owner)
            elif not seeds_of(json.loads(row["params"])):
                raise Conflict(
                    f"Job {job_id} ({row['task']}) has no next batch: it would be the same again.",
                    remedy="Ask for another one only of tasks that take seeds.",
                )
            else:
                self._check_capacity(connection)
                uses.check_stored(connection, json.loads(row["sources"]))
                order.join(connection, owner)
                following = prefetch.queue_next_batch(connection, row, owner=owner, requested=True)
            following = _existing_row(connection, following["id"])
            if following["state"] == SUCCEEDED:
                prefetch.maybe_prefetch_next(connection, following, self._max_waiting)
            affected = [following["id"], *prefetch.cancel_obsolete(connection)]
            return tables.job_of(connection, _existing_row(connection, following["id"])), affected

        return await self._change(work)

    async def find_key(self, key: str, request_digest: str) -> Job | None:
        """Return the job that ``key`` names, if any. Raises `Conflict` when it belongs to another request."""

        def work(connection: sqlite3.Connection) -> Job | None:
            row = connection.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            _check_same(row, key, request_digest)
            return tables.job_of(connection, row)

        return await self._database.read(work)

    async def claim(self, device: str, suits: Callable[[Need], bool] = lambda _need: True) -> Job | None:
        """Take the first waiting job whose need ``suits`` a worker, for its ``device``, and mark the job running.

        ``suits`` is asked once for each need, in the event loop. Jobs that do not suit stay in the queue, in nobody's way.
        """
        heads = await self._database.read(order.waiting_heads)
        needs = {need for need in {head.need for head in heads} if suits(need)}
        if not needs:
            return None

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row | None, list[str]]:
            row = order.find_next(connection, needs)
            if row is None:  # cancelled, or taken by another worker
                return None, []
            connection.execute(
                "UPDATE jobs SET state = ?, started = ?, began = steady_now(), attempts = attempts + 1, lost = lost + 1"
                " WHERE number = ?",
                (RUNNING, time.time(), row["number"]),
            )
            tables.append_started(connection, row, device, row["attempts"] + 1)
            return _existing_row(connection, row["id"]), [*prefetch.cancel_obsolete(connection), row["id"]]

        row = await self._change(work, wakes=False, lasting=False)
        return None if row is None else tables.job_from_row(row)

    async def append(self, job_id: str, events: Sequence[tuple[str, EventBody]]) -> None:
        """Add events, each a kind and a body, to a running job; ``progress`` and ``take`` are also stored in the job's row."""
        if not events:
            return

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            (number,) = connection.execute("SELECT number FROM jobs WHERE id = ?", (job_id,)).fetchone()
            for kind, body in events:
                tables.append_event(connection, number, kind, body)
                if kind == "take":
                    tables.add_take(connection, number, cast("Take", body))
            if progress := [body for kind, body in events if kind == "progress"]:
                connection.execute("UPDATE jobs SET progress = ? WHERE number = ?", (json.dumps(progress[-1]), number))
            return None, [job_id]

        lasting = any(kind not in _PASSING for kind, _ in events)
        await self._change(work, wakes=False, moves=False, lasting=lasting)

    async def change_engine(self, job_id: str, change: EngineChange, device: str) -> None:
        """Have another engine do a running job, as a second ``started`` event says."""

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            tables.change_engine(connection, _existing_row(connection, job_id), change)
            row = _existing_row(connection, job_id)
            tables.append_started(connection, row, device, row["attempts"])
            return None, [job_id]

        await self._change(work, wakes=False, moves=False)

    async def succeed(self, job_id: str, ranking: Sequence[RankedTake] = ()) -> list[str]:
        """End a job as succeeded; prefetch its next batch if its request asks for it.

        With a ``ranking`` its takes are sorted, and those not kept are deleted; returns their assets.
        """

        def work(connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
            row = _existing_row(connection, job_id)
            dropped: list[str] = []
            if ranking:
                dropped = tables.keep_takes(
                    connection, row["number"], [take["take"] for take in ranking if take["kept"]]
                )
            now = time.time()
            body: Completed = {
                "engine": row["engine"],
                "waited_s": max(row["started"] - row["created"], 0.0),  # a clock may have been set meanwhile
                "worked_s": max(now - row["started"], 0.0),
                "ranking": [_choice(take) for take in ranking],
            }
            end: Progress = {"stage": "done", "fraction": 1.0, "eta_s": None}
            connection.execute("UPDATE jobs SET progress = ? WHERE number = ?", (json.dumps(end), row["number"]))
            tables.append_event(connection, row["number"], "progress", end)
            tables.end_job(connection, row["number"], SUCCEEDED, {})
            tables.append_event(connection, row["number"], "completed", body)
            if not prefetch.is_outdated(connection, row):
                prefetch.maybe_prefetch_next(connection, row, self._max_waiting)
            return dropped, [job_id, *prefetch.cancel_obsolete(connection)]

        return await self._change(work, frees=True)

    async def fail(self, job_id: str, error: Error, *, state: str = FAILED) -> None:
        """End a job with ``error``; events about audio of takes that never finished are deleted."""

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            row = _existing_row(connection, job_id)
            tables.delete_unfinished_audio(connection, row["number"])
            tables.end_job(connection, row["number"], state, error)
            return None, [job_id, *prefetch.cancel_obsolete(connection)]

        await self._change(work, frees=True)

    async def retry(self, job_id: str) -> bool:
        """Put a running job whose worker died back to its place in the queue, with the takes that are finished.

        Returns false, and changes nothing, after `MAX_LOST` attempts without a finished take in between.
        """

        def work(connection: sqlite3.Connection) -> tuple[bool, list[str]]:
            row = _existing_row(connection, job_id)
            if row["lost"] >= MAX_LOST:
                return False, []
            tables.requeue(connection, row["number"])
            tables.append_queued(connection, row["number"])
            return True, [job_id, *prefetch.cancel_obsolete(connection)]

        return await self._change(work)

    async def release(self, cancelled: Collection[str] = (), *, only: str = "") -> None:
        """Put the running jobs back to their places in the queue, as if not started, but end those that were ``cancelled``.

        ``only`` restricts this to one job. An obsolete one ends as cancelled.
        """

        def work(connection: sqlite3.Connection) -> tuple[None, list[str]]:
            rows = connection.execute("SELECT number, id FROM jobs WHERE state = ?", (RUNNING,)).fetchall()
            rows = [row for row in rows if only in ("", row["id"])]
            for row in rows:
                if row["id"] in cancelled:
                    tables.delete_unfinished_audio(connection, row["number"])
                    tables.end_job(connection, row["number"], CANCELLED, CANCELLED_ERROR)
                else:
                    connection.execute(
                        "UPDATE jobs SET attempts = attempts - 1, lost = max(0, lost - 1) WHERE number = ?",
                        (row["number"],),
                    )
                    tables.requeue(connection, row["number"])
            for row in rows:  # when all of them are back, so that the places are right
                if row["id"] not in cancelled:
                    tables.append_queued(connection, row["number"])
            return None, [*(row["id"] for row in rows), *prefetch.cancel_obsolete(connection)]

        await self._change(work, frees=True)

    async def preemptible(self) -> prefetch.Preemptible:
        """Return the running jobs that have to stop, or may have to."""
        return await self._database.read(prefetch.find_preemptible)

    async def cancel_waiting(self, job_id: str) -> Job:
        """Cancel a job that still waits; return it as it is then. Raises `NotFound`."""

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            row = _existing_row(connection, job_id)
            if row["state"] != QUEUED:
                return row, []
            tables.end_job(connection, row["number"], CANCELLED, CANCELLED_ERROR)
            obsolete = prefetch.cancel_obsolete(connection)
            return _existing_row(connection, job_id), [job_id, *obsolete]

        return tables.job_from_row(await self._change(work, frees=True))

    async def delete(self, job_id: str) -> Job:
        """Forget an ended job and its events; return it. Raises `NotFound`, or `Conflict` while it waits or runs."""

        def work(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
            row = _existing_row(connection, job_id)
            if row["state"] not in ENDED:
                raise Conflict(f"Job {job_id} is {row['state']}.", remedy="Cancel it first.")
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
            return row, [job_id, *prefetch.cancel_obsolete(connection)]

        return tables.job_from_row(await self._change(work, frees=True))

    async def prune(self, max_age_s: float) -> None:
        """Forget a few of the jobs that ended longer ago than that, by the steady clock: see `acebridge.store.clock`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM jobs WHERE number IN"
                " (SELECT number FROM jobs WHERE ended < steady_now() - ? ORDER BY ended LIMIT ?)",
                (max_age_s, _PRUNE_STEP),
            )
            shares.forget_old(connection)
            self._database.clock.save(connection)

        await self._database.run(work, lasting=False, frees=True)

    async def get(self, job_id: str) -> Job:
        """Return a job. Raises `NotFound`."""
        return await self._database.read(lambda c: tables.job_of(c, _existing_row(c, job_id)))

    async def recent(
        self, states: Sequence[str] = (), limit: int = 100, *, before: tuple[float, str] | None = None
    ) -> list[Job]:
        """Return jobs in any of ``states`` (all when empty), newest first; ``before`` those before that time and id.

        Their takes are without ``facts``.
        """

        def work(connection: sqlite3.Connection) -> list[Job]:
            rows = tables.newest(connection, states, limit, before)
            places = order.positions(connection) if any(row["state"] == QUEUED for row in rows) else {}
            return [tables.job_from_row(row, places.get(row["id"], 0)) for row in rows]

        return await self._database.read(work)

    async def count(self, state: str) -> int:
        """Return how many jobs are in ``state``."""
        row = await self._database.read(
            lambda c: c.execute("SELECT count(*) FROM jobs WHERE state = ?", (state,)).fetchone()
        )
        return int(row[0])

    async def headers(self, job_id: str) -> list[Header]:
        """Return the bodies of the job's ``header`` events."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT body FROM events JOIN jobs ON number = job_number WHERE id = ? AND kind = 'header'", (job_id,)
            ).fetchall()
        )
        return [json.loads(row["body"]) for row in rows]

    async def holds(self, job_id: str, sequence: int) -> bool:
        """Return whether an event is still there; those of an attempt that was put back to the queue are not."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT 1 FROM events JOIN jobs ON number = job_number WHERE id = ? AND sequence = ?",
                (job_id, sequence),
            ).fetchone()
        )
        return row is not None

    def watch(self, job_id: str, after_sequence: int = 0) -> AsyncGenerator[list[Event], None]:
        """Yield the job's events after ``after_sequence``, then new ones as they come, until it has ended.

        They come in lists of those that are there already. While the job waits, a ``queued`` event with the number of the last
        one says each new place in the queue, and each new reason why no worker takes it.

        Raises `NotFound` when there is no such job, or no longer, and `Unavailable` when the daemon stops before its end.
        """
        return self._watchers.watch(job_id, after_sequence)

    def note_reason(self) -> None:
        """Have those who watch waiting jobs learn what `why_waiting` returns now."""
        self._watchers.note_reason()

    def end_watches(self) -> None:
        """End every `watch` with `Unavailable`, once it has yielded all events."""
        self._watchers.close()
