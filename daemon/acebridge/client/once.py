"""Submitting a request that has a key of its own: who asks again gets the job that is there, whatever happened meanwhile."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from acebridge.errors import ErrorReason, JobFailed
from acebridge.v1 import assets_pb2, jobs_pb2

if TYPE_CHECKING:
    from acebridge.client.client import Client
    from acebridge.contract.tasks import TaskRequest
    from acebridge.v1 import tasks_pb2

#: States of a job that has ended without a result.
ENDED_WITHOUT = (jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_CANCELLED)


def submit_once(client: Client, request: TaskRequest) -> Iterator[tasks_pb2.TaskEvent]:
    """Yield the events of the job that the ``idempotency_key`` of a request names, old and new; it is created if need be.

    See `find_or_create`.
    """
    return client.watch(find_or_create(client, request).id)


def find_or_create(
    client: Client, request: TaskRequest, before: Callable[[TaskRequest], None] = lambda _: None
) -> jobs_pb2.Job:
    """Return the job that the ``idempotency_key`` of a request names; it is created if need be.

    A job that failed, was cancelled, or whose audio was deleted, counts as none: another one is made in its place. ``before``
    gets each request, with the key of that try, before it is sent.
    """
    key = request.submission.idempotency_key
    for attempt in itertools.count():
        request.submission.idempotency_key = key if not attempt else _key_of(key, attempt)
        before(request)
        job = client.create(request)
        if job.state not in ENDED_WITHOUT and _has_audio(client, job):
            return job
    raise AssertionError("attempts do not end")


def _key_of(key: str, attempt: int) -> str:
    """Return the key of another attempt, as long as any other: keys have a longest length."""
    return hashlib.sha256(f"{key}/{attempt}".encode()).hexdigest()


def _has_audio(client: Client, job: jobs_pb2.Job) -> bool:
    """Return whether the audio of the takes that are finished is there still."""
    try:
        for output in (output for take in job.takes for output in take.outputs):
            client.call(client.assets.GetAsset, assets_pb2.GetAssetRequest(asset_id=output.asset_id))
    except JobFailed as error:
        if error.kind is ErrorReason.NOT_FOUND:
            return False
        raise
    return True
