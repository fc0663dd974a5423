"""Who reads the journal: streams of a job's events, each a reader of the database that sleeps until something has happened.

Of events that are on the disk a watcher misses none. The place of a waiting job is not one of them: it is counted for those who
watch when the queue moves, so a queue of a thousand costs a start no more than one of ten. Nor is why no worker takes it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable

from acebridge.errors import AceBridgeError, NotFound, Unavailable
from acebridge.jobs import order, tables
from acebridge.jobs.job import ENDED, QUEUED, Event
from acebridge.store.database import Database

log = logging.getLogger(__name__)
_ROWS = 256
#: Up to this many watchers learn at once that places in the queue have changed, more of them after a pause.
_FEW, _PAUSE_S = 16, 0.25


def no_job(job_id: str) -> NotFound:
    """Return the error about a job that is not there."""
    return NotFound(f"There is no job {job_id[:80]!r}.", remedy="List the jobs to see their ids.")


class Watchers:
    """The watchers of one journal."""

    def __init__(self, database: Database, why_waiting: Callable[[], str | None]) -> None:
        self._database = database
        #: Job → an event for each of its watchers, set when something has happened to it.
        self._subscribers: dict[str, set[asyncio.Event]] = {}
        self._closing = False
        #: Jobs that are watched and wait, as far as is known; how many go first; and what counts that again.
        self._waiting: set[str] = set()
        self._positions: dict[str, int] = {}
        self._counting: asyncio.Task[None] | None = None
        self._moved = False
        #: Returns why no worker takes the jobs that wait, "" for their turn alone, ``None`` while that is open.
        self._why_waiting = why_waiting
        #: What it returned when that was told last.
        self._reason = ""

    @property
    def job_ids(self) -> set[str]:
        """The ids of the jobs that somebody watches."""
        return set(self._subscribers)

    def notify(self, job_ids: Iterable[str]) -> None:
        """Wake the watchers of these jobs."""
        for job_id in job_ids:
            for changed in self._subscribers.get(job_id, ()):
                changed.set()

    def close(self) -> None:
        """End every `watch` with `Unavailable`, once it has yielded all events."""
        self._closing = True
        self.notify(self.job_ids)

    def count_positions(self) -> None:
        """Have the watchers of waiting jobs learn their places, if these have changed."""
        if not self._waiting:
            return
        self._moved = True
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._update_positions())

    def note_reason(self) -> None:
        """Have the watchers of waiting jobs learn why no worker takes one, if that has changed."""
        reason = self._why_waiting()
        if reason not in (None, self._reason):
            self._reason = reason
            self.notify(self._waiting)

    async def _update_positions(self) -> None:
        while self._moved:
            self._moved = False
            if len(self._waiting) > _FEW:
                await asyncio.sleep(_PAUSE_S)
            if self._closing:
                return
            try:
                waiting = self._waiting.copy()
                current = await self._database.read(lambda c: order.positions_of(c, waiting))  # noqa: B023
            except (sqlite3.Error, AceBridgeError) as error:
                log.warning("places in the queue cannot be counted", extra={"error": str(error)})
                return
            changed = [job_id for job_id, position in current.items() if self._positions.get(job_id) != position]
            self._positions = current
            self.notify(changed)

    async def watch(self, job_id: str, after_sequence: int) -> AsyncGenerator[list[Event], None]:
        """See `acebridge.jobs.journal.Journal.watch`."""
        changed = asyncio.Event()
        self._subscribers.setdefault(job_id, set()).add(changed)
        self._waiting.add(job_id)
        position, reason = -1, ""

        def read(connection: sqlite3.Connection) -> tuple[list[Event], str | None, int | None]:
            job = connection.execute("SELECT number, state FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if job is None:
                return [], None, None
            rows = connection.execute(
                "SELECT * FROM events WHERE job_number = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (job["number"], after_sequence, _ROWS),
            ).fetchall()
            place = None
            if job["state"] == QUEUED and not rows:
                place = self._positions.get(job_id)
                if place is None:
                    place = order.position_of(connection, job["number"])
            return [tables.event_from_row(row) for row in rows], job["state"], place

        try:
            while True:
                changed.clear()
                events, state, place = await self._database.read(read)
                self._note_state(job_id, state)
                if events:
                    after_sequence = events[-1].sequence
                    if events[-1].kind == "queued":
                        position, reason = events[-1].body["position"], ""
                    yield events
                elif place is not None:
                    why = self._why_waiting()
                    why = reason if why is None else why
                    if (place, why) != (position, reason):
                        position, reason = place, why
                        yield [tables.position_event(after_sequence, position, reason)]
                if state is None:
                    raise no_job(job_id)
                if state in ENDED and len(events) < _ROWS:
                    return
                if not events and self._closing:
                    raise Unavailable("The daemon is stopping.", remedy="The job goes on when it is started again.")
                if not events:
                    await changed.wait()
        finally:
            self._subscribers[job_id].discard(changed)
            if not self._subscribers[job_id]:
                del self._subscribers[job_id]
                self._note_state(job_id, None)

    def _note_state(self, job_id: str, state: str | None) -> None:
        """Note whether a job that is watched waits."""
        if state == QUEUED:
            self._waiting.add(job_id)
        else:
            self._waiting.discard(job_id)
            self._positions.pop(job_id, None)
