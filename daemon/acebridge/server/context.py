"""What every service works with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from acebridge.audit import AuditLog
from acebridge.config import Config
from acebridge.contract.tasks import TaskRequest
from acebridge.errors import Unavailable
from acebridge.jobs.job import Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.scheduler import Scheduler
from acebridge.server.event_stream import stream_job_events
from acebridge.server.open_calls import CALLER, OpenCalls
from acebridge.server.submission import create_job
from acebridge.store.assets import AssetStore
from acebridge.v1 import tasks_pb2
from acebridge.workers.remote import Line


@dataclass(frozen=True)
class ServiceContext:
    """The parts of the daemon that services use. ``started`` is in Unix seconds."""

    config: Config
    journal: Journal
    store: AssetStore
    scheduler: Scheduler
    started: float
    pid: int
    #: Asks the daemon to stop; returns at once.
    shut_down: Callable[[], None]
    #: Whether it was asked to stop.
    stopping: Callable[[], bool]
    calls: OpenCalls
    audit: AuditLog
    #: To the machine that does neural work for this one, if there is one.
    line: Line | None = None

    def note(self, act: str, **facts: str | int) -> None:
        """Record what the running call does, and whose it is: see `acebridge.audit`."""
        self.audit.note(act, **facts, token=CALLER.get().token_name)

    def check_open(self) -> None:
        """Raise `Unavailable` when no more jobs are taken."""
        if self.stopping():
            raise Unavailable("The daemon is stopping.", remedy="Start it again.")

    async def create_job(self, request: TaskRequest) -> Job:
        """See `acebridge.server.submission.create_job`. Raises `Unavailable` when no more jobs are taken."""
        self.check_open()
        job = await create_job(
            request,
            journal=self.journal,
            store=self.store,
            roots=self.config.roots,
            owner=CALLER.get().owner,
            line=self.line,
        )
        self.note("job submitted", job=job.id, task=job.task)
        return job

    def job_events(
        self, job_id: str, after_sequence: int = 0, *, with_audio: bool = True
    ) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
        """See `stream_job_events`."""
        return stream_job_events(
            job_id, after_sequence, self.journal, self.scheduler.spool, self.store, with_audio=with_audio
        )
