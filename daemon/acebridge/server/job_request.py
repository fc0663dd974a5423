"""The request of a job as its message, from the parameters that the journal keeps."""

from __future__ import annotations

from acebridge.contract.parameters import request_from_parameters
from acebridge.contract.tasks import wrap
from acebridge.jobs.job import Job
from acebridge.v1 import tasks_pb2
from acestep_runtime.errors import InvalidValue


def request_message(job: Job) -> tasks_pb2.TaskRequest | None:
    """Return what a job was asked for; ``None`` where another version wrote it, with fields that this one does not have."""
    try:
        return wrap(request_from_parameters(job.task, job.params, {"engine": job.engine, "priority": job.priority}))
    except (KeyError, InvalidValue):
        return None
