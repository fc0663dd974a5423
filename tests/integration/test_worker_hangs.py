"""Workers that hang or cannot be started: nothing is left of them, and no job that waits is lost."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.daemon import (
    Daemon,
    assert_gone,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    job,
    state,
    until,
    until_started,
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the system ends it on Linux alone")
def test_nothing_is_left_of_a_stopped_worker_when_the_daemon_is_killed(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home", step_ms=5)
    client = daemon.start()
    daemon.hold(1)
    job_id = create_tone_job(client, 0.3)
    until_started(client, job_id)
    (worker,) = daemon.workers()
    worker.suspend()
    assert_gone(daemon.kill())
    daemon.release()
    client = daemon.start()
    assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(1, 0.3))
    assert daemon.stop() == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux alone")
def test_jobs_wait_while_there_are_no_descriptors(tmp_path: Path) -> None:
    import resource

    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(1)
        jobs = [create_tone_job(client, 0.3, seed=seed) for seed in (1, 2, 3)]
        until_started(client, jobs[0])
        (worker,) = daemon.workers()
        whole = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        worker.kill()
        until(lambda: "jobs wait: The daemon has reached a limit of this system" in daemon.console(), "the limit")
        daemon.release()
        assert {state(client, each) for each in jobs} <= {"queued", "running"}
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, whole)
        for seed, job_id in zip((1, 2, 3), jobs, strict=True):
            assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(seed, 0.3))
        assert job(client, jobs[1]).attempts == 1
        assert daemon.console().count("jobs wait: ") == 1
