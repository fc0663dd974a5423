"""A job as a person reads it: its state, what was asked for, and its results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from acebridge.cli.listing import SHORT, job_state, job_task
from acebridge.cli.option_names import with_options
from acebridge.cli.request_words import request_lines
from acebridge.cli.take_words import seed_words, take_line
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.v1 import jobs_pb2, tasks_pb2

_LONGEST_LINE = 1000


def job_lines(job: jobs_pb2.Job) -> Iterator[str]:
    """Yield the lines of ``acebridge jobs show``."""
    yield f"{job.id}  {job_task(job)}, engine {job.engine}, {job_state(job)}{_progress(job)}"
    yield f"created {job.create_time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC{_duration(job)}"
    if job.error.message:
        yield f"error: {printable(with_options(job.error.message), _LONGEST_LINE)}"
    if job.same_job_id:
        yield f"makes the same as job {job.same_job_id}"
    if request := list(request_lines(job)):
        yield "asked for:"
        yield from (f"  {printable(line.expandtabs(1), _LONGEST_LINE)}" for line in request)
    if job.takes:
        yield "results:"
        for take in job.takes:
            yield from _take_lines(take)


def _progress(job: jobs_pb2.Job) -> str:
    stage, state = printable(job.progress.stage, _LONGEST_LINE), job_state(job)
    if state == "queued" and stage:
        return f", {stage}"
    return f", {job.progress.fraction:.0%} {stage}" if state == "running" else ""


def _duration(job: jobs_pb2.Job) -> str:
    """Return how long a job waited and ran, where it has ended."""
    if not (job.HasField("start_time") and job.HasField("end_time")):
        return ""
    created, began, ended = (stamp.ToNanoseconds() / 1e9 for stamp in (job.create_time, job.start_time, job.end_time))
    return f", waited {max(began - created, 0):.1f} s, ran {max(ended - began, 0):.1f} s"


def _take_lines(take: tasks_pb2.TakeFinished) -> Iterator[str]:
    from acebridge.contract.metadata import metadata_values

    facts = metadata_values(take.metadata)
    yield f"  take {take.take}, {seed_words(take.seed, facts)}: {take_line(facts)}"
    for output in take.outputs:
        seconds = output.frames / output.sample_rate
        yield f"    {printable(output.role)}  {seconds:.2f} s  asset {output.asset_id[:SHORT]}"
