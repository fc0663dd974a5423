"""Stopping in order: what runs goes back to the queue, and those who watch are told so."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acebridge.errors import JobFailed
from acebridge.v1 import daemon_pb2
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    assert_gone,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    job,
    state,
    until_started,
    until_state,
)
from tests.support.tiers import Rounds


def by_signal(daemon: Daemon) -> None:
    assert daemon.stop() == 0


def by_hang_up(daemon: Daemon) -> None:
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.process.wait(PATIENCE_S) == 0


def by_request(daemon: Daemon) -> None:
    assert daemon.client is not None
    assert daemon.process is not None
    daemon.client.call(daemon.client.daemon.Shutdown, daemon_pb2.ShutdownRequest())
    assert daemon.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("stop", [by_signal, by_hang_up, by_request])
def test_a_running_job_is_put_back_and_runs_again(tmp_path: Path, stop: Callable[[Daemon], None]) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(3)
        events = generate(client, 1.0, seed=3)
        running = next(events).job_id
        waiting = create_tone_job(client, 0.2, seed=4)
        until_started(client, running)
        workers = daemon.children()
        received: list[BaseException] = []

        def watch() -> None:
            try:
                collect(events)
            except BaseException as error:
                received.append(error)

        watcher = threading.Thread(target=watch)
        watcher.start()
        stop(daemon)
        watcher.join()
        assert_gone(workers)
        (fault,) = received
        assert isinstance(fault, JobFailed)
        assert fault.kind == "UNAVAILABLE"
        assert str(fault) == "The daemon is stopping. The job goes on when it is started again."
        assert not (daemon.home / "daemon.json").exists()
        daemon.check_store()

        daemon.release()
        client = daemon.start()
        take = collect(client.watch(running))
        assert np.array_equal(take.samples(), expected_tone(3, 1.0))
        assert job(client, running).attempts == 1
        assert next(e.started.attempt for e in take.events if e.WhichOneof("event") == "started") == 1
        assert np.array_equal(collect(client.watch(waiting)).samples(), expected_tone(4, 0.2))


@pytest.mark.slow
def test_a_job_that_was_being_cancelled_stays_cancelled(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5, config="cancel_grace_s = 30\n") as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(1)
        job_id = create_tone_job(client, 1.0)
        until_started(client, job_id)
        (worker,) = daemon.workers()
        worker.suspend()
        client.cancel(job_id)
        assert daemon.stop() == 0
        client = daemon.start()
        assert state(client, job_id) == "cancelled"


@pytest.mark.slow
@pytest.mark.campaign("kill")
def test_stopping_at_any_moment_loses_and_repeats_nothing(tmp_path: Path, rounds: Rounds) -> None:
    with daemon_at(tmp_path / "home", step_ms=1) as daemon:
        client = daemon.client
        assert client is not None
        asked = {}
        for moment in rounds(4, 60):
            for number in range(4):
                asked[create_tone_job(client, 0.2, seed=10 * moment + number, steps=2)] = 10 * moment + number
            time.sleep(0.03 * (moment % 5))  # any moment is as good
            before = {job_id for job_id in asked if state(client, job_id) == "succeeded"}
            assert daemon.stop() == 0
            client = daemon.start()
            assert all(state(client, job_id) == "succeeded" for job_id in before)
        for job_id, seed in asked.items():
            until_state(client, job_id, "succeeded", "failed", "cancelled")
            ended = job(client, job_id)
            assert (ended.HasField("error"), ended.attempts) == (False, 1)
            assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(seed, 0.2))
        daemon.check_store()


def test_a_second_daemon_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    def serve(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "acebridge.cli", "serve", *arguments],
            env={**daemon.environment, "ACEBRIDGE_HOME": str(home)},
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    second = serve(daemon.home, "--port", "0")
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1].startswith(f"acebridge: A daemon already serves {daemon.home}.")
    port = daemon.address.rpartition(":")[2]
    other = serve(tmp_path / "other", "--port", port)
    assert other.returncode == 2
    message = f"acebridge: Port {port} of 127.0.0.1 is taken by another program. Choose another with --port"
    assert other.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in second.stderr + other.stderr
