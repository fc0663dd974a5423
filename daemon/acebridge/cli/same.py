"""A line about a job that makes the same as one before it: the same request with the same seeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from acebridge.cli.listing import SHORT
from acebridge.contract.fields import fields_of
from acebridge.errors import JobFailed

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.contract.tasks import TaskRequest
    from acebridge.v1 import jobs_pb2, tasks_pb2


def same_note(job: jobs_pb2.Job) -> str:
    """Return what to say of a job that makes the same as one before it; empty for any other."""
    if not job.same_job_id:
        return ""
    return f"the result will be the same as that of job {job.same_job_id[:SHORT]}: another --seed makes another."


def note_same(
    client: Client, request: TaskRequest, events: Iterator[tasks_pb2.TaskEvent]
) -> Iterator[tasks_pb2.TaskEvent]:
    """Yield the events of a request; say with the first if its result will be that of a job before it.

    The daemon is not asked about a request without seeds: it draws those.
    """
    from acebridge.v1 import jobs_pb2
    from acestep_runtime.tasks.takes import seeds_of

    asks = bool(seeds_of(fields_of(request)))
    for event in events:
        if asks:
            asks = False
            with suppress(JobFailed):  # what becomes of the job is in its events
                job = client.call(client.jobs.GetJob, jobs_pb2.GetJobRequest(job_id=event.job_id))
                print_same(job)
        yield event


def print_same(job: jobs_pb2.Job) -> None:
    """Print what `same_note` says, if anything."""
    if note := same_note(job):
        typer.echo(f"note: {note}", err=True)
