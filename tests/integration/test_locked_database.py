"""Another program holds the daemon's database: that takes time, and changes nothing else."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from acebridge.client import discovery
from tests.support.daemon import (
    Daemon,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    until,
    until_started,
)


def holder_of(daemon: Daemon) -> sqlite3.Connection:
    """Lock a daemon's database as a backup or a shell does."""
    other = sqlite3.connect(daemon.home / "acebridge.db", isolation_level=None, timeout=60, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def waits(daemon: Daemon) -> int:
    return daemon.console().count("another program holds the database; waiting for it")


def test_jobs_go_on_once_the_database_is_free(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(1)
        running = generate(client, 0.3, seed=1)
        first = next(running)
        until_started(client, first.job_id)
        waiting = create_tone_job(client, 0.2, seed=2)
        other = holder_of(daemon)
        daemon.release()  # the worker's messages come while the database is locked
        until(lambda: waits(daemon), "the daemon to wait")
        sent: list[str] = []
        sending = threading.Thread(target=lambda: sent.append(create_tone_job(client, 0.2, seed=3)))
        sending.start()
        assert discovery.answers(daemon.address)
        other.execute("ROLLBACK")
        other.close()
        sending.join()
        assert np.array_equal(collect(iter([first, *running])).samples(), expected_tone(1, 0.3))
        for job_id, seed in ((waiting, 2), (sent[0], 3)):
            assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(seed, 0.2))
        assert waits(daemon) == 1


@pytest.mark.slow
def test_it_stops_while_the_database_is_locked(tmp_path: Path) -> None:
    """Though it cannot write that the running job waits again."""
    with daemon_at(tmp_path / "home", step_ms=5) as daemon:
        client = daemon.client
        assert client is not None
        daemon.hold(1)
        job_id = create_tone_job(client, 0.3, seed=1)
        until_started(client, job_id)
        other = holder_of(daemon)
        assert daemon.stop() == 0
        other.close()
        daemon.release()
        client = daemon.start()
        assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(1, 0.3))


@pytest.mark.slow
def test_it_starts_once_the_database_is_free(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home")
    daemon.start()
    daemon.stop()
    other = holder_of(daemon)

    def free() -> None:
        until(lambda: waits(daemon), "the daemon to wait")
        other.execute("ROLLBACK")

    freeing = threading.Thread(target=free)
    freeing.start()
    try:
        client = daemon.start()
        assert np.array_equal(collect(generate(client, 0.3)).samples(), expected_tone(1, 0.3))
    finally:
        freeing.join()
        daemon.stop()
        other.close()
