"""A request with a key of its own: one job, unless that has failed, was cancelled or has lost its audio."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from acebridge.client.once import submit_once
from acebridge.errors import ErrorReason, JobFailed
from acebridge.limits import LONGEST_KEY
from acebridge.v1 import jobs_pb2, tasks_pb2

LOST = JobFailed(ErrorReason.NOT_FOUND, "There is no such asset.")


class Daemon:
    """Jobs by their key, in these states; ``error`` is what happens when their audio is looked at."""

    def __init__(self, *states: int, error: JobFailed | None = None) -> None:
        self.keys: list[str] = []
        self.assets = SimpleNamespace(GetAsset=None)
        self._states, self._error = list(states), error

    def create(self, request: Any) -> jobs_pb2.Job:
        self.keys.append(request.submission.idempotency_key)
        output = tasks_pb2.StoredOutput(asset_id="a")
        take = tasks_pb2.TakeFinished(outputs=[output])
        state = self._states.pop(0) if self._states else jobs_pb2.JOB_STATE_QUEUED
        done = state == jobs_pb2.JOB_STATE_SUCCEEDED
        return jobs_pb2.Job(id=f"job {len(self.keys)}", state=state, takes=[take] if done else [])  # type: ignore[arg-type]

    def call(self, method: Any, request: Any) -> None:
        del method
        assert request.asset_id == "a"
        if self._error is not None:
            raise self._error

    def watch(self, job_id: str) -> Any:
        return iter([job_id])


def submit(daemon: Daemon, key: str = "mine") -> list[Any]:
    request = tasks_pb2.TextToMusicRequest(submission=tasks_pb2.Submission(idempotency_key=key))
    client: Any = daemon
    return list(submit_once(client, request))


@pytest.mark.parametrize("state", [jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING, jobs_pb2.JOB_STATE_SUCCEEDED])
def test_a_job_that_is_there_is_the_one(state: int) -> None:
    daemon = Daemon(state)
    assert submit(daemon) == ["job 1"]
    assert daemon.keys == ["mine"]


def test_jobs_that_ended_without_a_result_count_as_none() -> None:
    states = (jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_CANCELLED)
    daemon, again = Daemon(*states), Daemon(*states)
    key = "k" * LONGEST_KEY
    assert submit(daemon, key) == submit(again, key) == ["job 3"]
    assert daemon.keys == again.keys  # the same attempts are found again
    assert len(set(daemon.keys)) == 3
    assert all(len(each) <= LONGEST_KEY for each in daemon.keys)


def test_a_job_whose_audio_was_deleted_is_made_again() -> None:
    assert submit(Daemon(jobs_pb2.JOB_STATE_SUCCEEDED, error=LOST)) == ["job 2"]
    other = JobFailed(ErrorReason.PERMISSION_DENIED, "Not allowed.")
    with pytest.raises(JobFailed, match="Not allowed"):
        submit(Daemon(jobs_pb2.JOB_STATE_SUCCEEDED, error=other))
