"""Why a job waits, where no worker takes one."""

from __future__ import annotations

import dataclasses

from acebridge.jobs.job import QUEUED, Job
from acebridge.jobs.scheduler import Scheduler


def with_reason(job: Job, scheduler: Scheduler) -> Job:
    """Return a job; one that waits while no worker has a job says the problem of a worker as its progress, if there is one."""
    if job.state != QUEUED or not (reason := scheduler.why_waiting()):
        return job
    return dataclasses.replace(job, progress={"stage": f"waiting: {reason}", "fraction": 0.0, "eta_s": None})
