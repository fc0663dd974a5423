"""What a client was promised, and whether a daemon has kept it, whatever happened to it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from acebridge.client.client import Client
from acebridge.v1 import jobs_pb2
from tests.support.daemon import (
    ENDED,
    assets,
    collect,
    create_tone_job,
    download,
    expected_tone,
    job,
    state,
    until,
)

SECONDS, TAKES = 0.5, 2
#: How a sentence begins that says why a job has failed, and how often it was started at least.
_REASONS = {
    "The daemon was ended twice while this job ran.": 2,
    "The engine's process ended in the middle of the job, and again": 2,
    "The disk is full, so the result could not be kept.": 1,
    "The disk reports errors, so the result could not be kept.": 1,
    "The disk that holds the data folder is full.": 1,
    "The disk that holds the data folder reports errors.": 1,
}


def list_jobs(client: Client) -> list[jobs_pb2.Job]:
    """Return all jobs, the newest first."""
    listed, token = [], ""
    while True:
        page = client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1000, page_token=token))
        listed += page.jobs
        if not (token := page.next_page_token):
            return listed


@dataclass
class History:
    """All that was accepted so far: jobs by their ids, with their seeds; those that were cancelled; files by their hashes."""

    jobs: dict[str, int] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    uploads: set[str] = field(default_factory=set)
    downloads: int = 0
    #: Outputs of jobs that were seen to have succeeded.
    outputs: dict[str, list[str]] = field(default_factory=dict)

    @staticmethod
    def key_of(seed: int) -> str:
        """The idempotency key of the job with a seed: there is one at most."""
        return f"tone {seed}"

    def submit(self, client: Client, seed: int) -> str:
        """Have a job accepted, or find the one that was."""
        job_id = create_tone_job(client, SECONDS, seed=seed, takes=TAKES, key=self.key_of(seed))
        assert self.jobs.setdefault(job_id, seed) == seed
        return job_id

    def note_results(self, client: Client) -> None:
        """Note which jobs have succeeded by now, and with what: that may not change any more."""
        listed = {each.id: each for each in list_jobs(client)}
        assert self.jobs.keys() <= listed.keys()
        for job_id in self.jobs:
            now = listed[job_id]
            made = [output.asset_id for take in now.takes for output in take.outputs]
            if job_id in self.outputs:
                assert made == self.outputs[job_id]
            elif now.state == jobs_pb2.JOB_STATE_SUCCEEDED:
                self.outputs[job_id] = made

    def check(self, client: Client) -> dict[str, int]:
        """Wait for all jobs and assert that nothing accepted was lost, doubled or changed; return how many ended how."""
        ends: dict[str, int] = {}
        for job_id, seed in self.jobs.items():
            end = until(lambda j=job_id: (now := state(client, j)) in ENDED and now, f"the end of {job_id}")
            ends[end] = ends.get(end, 0) + 1
            self._check_end(client, job_id, seed, end)
            assert create_tone_job(client, SECONDS, seed=seed, takes=TAKES, key=self.key_of(seed)) == job_id
        assert sorted(each.id for each in list_jobs(client)) == sorted(self.jobs)
        self.note_results(client)
        self._check_files(client)
        return ends

    def _check_end(self, client: Client, job_id: str, seed: int, end: str) -> None:
        if end == "succeeded":
            take = collect(client.watch(job_id))
            for number in range(TAKES):
                assert np.array_equal(take.samples(number + 1), expected_tone(seed + number, SECONDS))
        elif end == "cancelled":
            assert job_id in self.cancelled
        else:
            now = job(client, job_id)
            (attempts,) = [least for reason, least in _REASONS.items() if now.error.message.startswith(reason)] or [0]
            assert 0 < attempts <= now.attempts, now.error.message

    def _check_files(self, client: Client) -> None:
        known = {asset.id for asset in assets(client)}
        expected = {*self.uploads, *(each for made in self.outputs.values() for each in made)}
        assert expected <= known
        for asset_id in expected:
            download(client, asset_id)  # compares the hash
            self.downloads += 1
