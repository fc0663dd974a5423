"""Connecting to another machine than before: nothing stays at work at the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.client.known_daemons import remember
from acebridge.v1 import jobs_pb2
from tests.support.daemon import create_tone_job, until, until_state
from tests.support.shell import LoneShell
from tests.support.two_machines import Studio, laptop_at, studio_at


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with studio_at(tmp_path / "studio", step_ms=5) as studio:
        yield studio


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Studio]:
    with studio_at(tmp_path / "other", step_ms=5) as studio:
        yield studio


def jobs_of(studio: Studio, seed: int) -> list[jobs_pb2.Job]:
    """The jobs of a studio that make a take of this seed."""
    jobs = studio.client.call(studio.client.jobs.ListJobs, jobs_pb2.ListJobsRequest()).jobs
    return [each for each in jobs if each.request.text_to_music.output.seeds == [seed]]


@pytest.mark.slow
def test_who_connects_to_another_machine_has_nothing_at_work_at_the_one_before(
    studio: Studio, other: Studio, tmp_path: Path
) -> None:
    seed, home = 9571, tmp_path / "laptop"
    studio.daemon.hold(seed)
    with laptop_at(home, studio) as laptop:
        laptop.until_up()
        job_id = create_tone_job(laptop.client, 1.0, seed=seed)
        (there,) = until(lambda: jobs_of(studio, seed), "the job there")
        until_state(studio.client, there.id, "running")
        remember(home, other.daemon.address, other.known)
        shell = LoneShell(tmp_path, {**laptop.daemon.environment, "ACEBRIDGE_HOME": str(home)})
        said = shell.run("connect", other.daemon.address)
        try:
            assert said.stdout == f"connected: neural jobs go to {other.daemon.address}\n"
            assert said.stderr == (
                "note: 1 job is cancelled there. What still waits for it begins again, or fails where its model is"
                " missing.\n"
            )
            until_state(studio.client, there.id, "cancelled")
            assert not list((home / "forwarded").iterdir())
            assert shell.json("connect")["address"] == other.daemon.address
            until(lambda: shell.json("jobs", "show", job_id)["state"] == "succeeded", "the job")
            assert [each.id for each in jobs_of(studio, seed)] == [there.id]  # nothing new came to the one before
        finally:
            studio.daemon.release()
            shell.run("stop")


@pytest.mark.slow
def test_who_connects_again_leaves_the_work_as_it_is(studio: Studio, tmp_path: Path) -> None:
    seed, home = 9572, tmp_path / "laptop"
    studio.daemon.hold(seed)
    with laptop_at(home, studio) as laptop:
        laptop.until_up()
        job_id = create_tone_job(laptop.client, 1.0, seed=seed)
        (there,) = until(lambda: jobs_of(studio, seed), "the job there")
        until_state(studio.client, there.id, "running")
        shell = LoneShell(tmp_path, {**laptop.daemon.environment, "ACEBRIDGE_HOME": str(home)})
        said = shell.run("connect", laptop.line.address)
        assert (said.stdout, said.stderr) == (f"connected already: neural jobs go to {laptop.line.address}\n", "")
        studio.daemon.release()
        until_state(laptop.client, job_id, "succeeded")
        (same,) = jobs_of(studio, seed)
        assert (same.id, same.attempts) == (there.id, 1)
