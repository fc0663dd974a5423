"""Asking for batches of takes of which the next one is made ahead, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from acebridge.client.client import Client
from acebridge.v1 import jobs_pb2
from tests.support.daemon import Take, expected_tone, until, until_state

SECONDS = 0.4


def ask(client: Client, seed: int = 1, *, session: str = "", steps: int = 2, **more: Any) -> Iterator[Any]:
    """Ask for takes of which the next batch shall be made ahead. ``more``: takes, seeds, seconds, auto_gen, key, caption."""
    fields = {
        "duration_s": more.get("seconds", SECONDS),
        "output": {"seeds": more.get("seeds", [seed]), "takes": more.get("takes")},
        "sampling": {"steps": steps},
        "music": {"caption": more.get("caption", "")},
    }
    submission = {
        "engine": "fake", "prefetch_next": more.get("auto_gen", True), "session": session,
        "idempotency_key": more.get("key", ""),
    }  # fmt: skip
    return client.submit("text2music", fields, submission=submission)


def followers(client: Client, job_id: str) -> list[jobs_pb2.Job]:
    """The next batches of a job, the newest first."""
    listed = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1000)).jobs
    return [made for made in listed if made.previous_job_id == job_id]


def follower(client: Client, job_id: str, *states: str) -> str:
    """Wait for the newest next batch of a job (to be in one of these states); return its id."""
    made = until(lambda: followers(client, job_id), f"a batch after {job_id}")[0].id
    if states:
        until_state(client, made, *states)
    return made


def seeds(take: Take) -> list[int]:
    return [made.seed for made in take.completed.takes]


def check_tones(take: Take, seconds: float = SECONDS) -> None:
    """Every take is the whole tone of its seed."""
    assert take.completed.takes
    for made in take.completed.takes:
        for output in made.outputs:
            assert np.array_equal(take.samples(output.output), expected_tone(made.seed, seconds))
