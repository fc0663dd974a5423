"""Engines that break, die, or do not listen: that job ends, with a word on why, and the next one works."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acebridge.v1 import jobs_pb2
from tests.support.daemon import (
    Daemon,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    job,
    status,
    until,
    until_started,
    until_state,
)


def check_next_works(client: Client, seed: int = 3) -> None:
    assert np.array_equal(collect(generate(client, 0.3, seed=seed)).samples(), expected_tone(seed, 0.3))


def worker_of(daemon: Daemon) -> psutil.Process:
    (worker,) = daemon.workers()
    return worker


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process is gone, or what is left of it waits to be collected."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_an_engine_that_ends_its_process(daemon: Daemon, client: Client) -> None:
    restarts = status(client).workers[0].restarts
    events = generate(client, 0.3, caption="crash", steps=20)
    next(events)
    waiting = [create_tone_job(client, 0.2, seed=seed) for seed in (5, 6)]
    with pytest.raises(JobFailed) as caught:
        collect(events)
    fault = caught.value
    assert fault.kind == "ENGINE_FAILURE"
    assert fault.message == (
        "The engine's process ended in the middle of the job, and again when the job was repeated (exit code 42)."
    )
    assert fault.remedy.startswith(
        "The daemon goes on with the next job, and finished takes are kept; send this one again"
    )
    assert fault.__cause__.code() is grpc.StatusCode.INTERNAL  # type: ignore[union-attr]
    for seed, job_id in zip((5, 6), waiting, strict=True):
        assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(seed, 0.2))
    assert status(client).workers[0].restarts == restarts + 2
    daemon.check_store()


def test_an_engine_that_fails(daemon: Daemon, client: Client) -> None:
    collect(generate(client, 0.1))
    worker = worker_of(daemon).pid
    with pytest.raises(JobFailed, match=r"^The fake engine failed as asked\. Ask for something else\.$") as caught:
        collect(generate(client, 0.3, caption="fail", takes=2))
    assert caught.value.__cause__.code() is grpc.StatusCode.INTERNAL  # type: ignore[union-attr]
    check_next_works(client)
    assert worker_of(daemon).pid == worker


def test_a_job_whose_worker_is_killed_is_tried_again(daemon: Daemon, client: Client) -> None:
    daemon.hold(11)
    events = generate(client, 0.3, seed=10, takes=2)
    job_id = next(events).job_id
    until(lambda: daemon.home.joinpath("gates", "11.steps").exists() and job(client, job_id).takes, "the first take")
    worker_of(daemon).send_signal(signal.SIGKILL)
    until(lambda: job(client, job_id).attempts == 2, "the second attempt")
    daemon.release()
    take = collect(events)
    assert [np.array_equal(take.samples(n + 1), expected_tone(10 + n, 0.3)) for n in range(2)] == [True, True]
    check_next_works(client)
    daemon.check_store()


def test_a_worker_that_is_killed_twice_at_work(daemon: Daemon, client: Client) -> None:
    daemon.hold(1)
    events = generate(client, 0.3)
    job_id = next(events).job_id
    for attempt in (1, 2):
        until(lambda n=attempt: job(client, job_id).attempts == n, "the attempt")
        until_started(client, job_id)
        worker_of(daemon).send_signal(signal.SIGKILL)
    with pytest.raises(JobFailed, match=r"when the job was repeated \(exit code -9\)\. .* send this one again"):
        collect(events)
    check_next_works(client)
    daemon.check_store()


def test_a_worker_that_is_killed_at_rest_is_missed_by_nobody(daemon: Daemon, client: Client) -> None:
    for seed in range(3):
        collect(generate(client, 0.1))
        worker_of(daemon).send_signal(signal.SIGKILL)
        check_next_works(client, seed)


def test_a_worker_that_does_not_listen_is_ended(tmp_path: Path) -> None:
    """Stopped by SIGSTOP it cannot notice the cancel; after the grace it is ended, and its shadow is not in the way."""
    with daemon_at(tmp_path / "home", step_ms=5, config="cancel_grace_s = 0.3\n") as daemon:
        daemon.hold(1)
        with Client(daemon.address, token=daemon.token) as client:
            for _ in range(2):
                events = generate(client, 0.3)
                job_id = next(events).job_id
                until_started(client, job_id)
                worker = worker_of(daemon)
                worker.suspend()
                began = time.monotonic()
                assert client.cancel(job_id).state == jobs_pb2.JOB_STATE_RUNNING
                with pytest.raises(JobFailed, match=r"^The job was cancelled\.$"):
                    collect(events)
                assert time.monotonic() - began >= 0.3
                until(lambda worker=worker: has_ended(worker), "the end of the worker")
            check_next_works(client)
            events = generate(client, 0.3)
            job_id = next(events).job_id
            until_started(client, job_id)
            worker_of(daemon).suspend()
            client.cancel(job_id)
            until_state(client, job_id, "cancelled")
        # Nothing was run since: the daemon must stop in order all the same.
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.console()


def test_cancelling_at_every_moment(daemon: Daemon, client: Client) -> None:
    """Whatever the moment, a job ends as cancelled or as done, and the worker serves the next."""
    collect(generate(client, 0.1))
    for number in range(25):
        events = generate(client, 2.0, seed=number, steps=2)
        job_id = next(events).job_id
        time.sleep(number * 0.003)  # any moment is as good
        client.cancel(job_id)
        try:
            take = collect(events)
            assert np.array_equal(take.samples(), expected_tone(number, 2.0))
        except JobFailed as fault:
            assert fault.kind == "CANCELLED"  # noqa: PT017
    check_next_works(client)
    assert not status(client).workers[0].job_id
    daemon.check_store()
