"""A daemon of which a part fails: health says so, clients find it all the same, and it goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import NoReturn

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.client import discovery
from acebridge.config import Config
from acebridge.server import app
from acebridge.store.database import Database
from acebridge.store.start import open_database
from tests.support.daemon import PATIENCE_S, Daemon, collect, create_tone_job, daemon_at, expected_tone, until

#: A daemon whose queue cannot be read while a file is there.
BROKEN = """
import os, sys
from pathlib import Path
from acebridge.jobs import journal
claim, broken = journal.Journal.claim, Path(os.environ["ACEBRIDGE_HOME"], "broken")
async def fail(self, *asked):
    if broken.exists():
        raise OSError(5, "Input/output error")
    return await claim(self, *asked)
journal.Journal.claim = fail
from acebridge.cli import main
main()
"""


def is_serving(daemon: Daemon, service: str) -> bool:
    with grpc.insecure_channel(daemon.address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return health_pb2_grpc.HealthStub(channel).Check(request, timeout=PATIENCE_S).status == 1


def test_health_says_that_jobs_do_not_run(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home")
    daemon.program = ["-c", BROKEN]
    (daemon.home / "broken").touch()
    client = daemon.start()
    try:
        job_id = create_tone_job(client, 0.3)
        until(lambda: not is_serving(daemon, "acebridge.v1.TaskService"), "the failure")
        assert [is_serving(daemon, name) for name in ("", "acebridge.v1.JobService")] == [False, False]
        assert is_serving(daemon, "acebridge.v1.AssetService")
        assert discovery.answers(daemon.address)
        (daemon.home / "broken").unlink()
        assert np.array_equal(collect(client.watch(job_id)).samples(), expected_tone(1, 0.3))
        until(lambda: is_serving(daemon, "acebridge.v1.TaskService"), "the daemon to be well again")
        assert is_serving(daemon, "")
        assert daemon.console().count("running jobs on cpu failed; starting it again") == 1
    finally:
        assert daemon.stop() == 0


@pytest.mark.slow
def test_a_scrub_that_is_switched_off_is_no_failure(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", config="scrub_bytes_per_s = 0\n") as daemon:
        client = daemon.client
        assert client is not None
        collect(client.watch(create_tone_job(client, 0.3)))
        assert is_serving(daemon, "")
        assert "failed; starting it again" not in daemon.console()


@pytest.mark.parametrize("fault", ["write_token", "listen"])
def test_a_start_that_fails_closes_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Whatever stops it: here, what no start expects."""
    opened: list[Database] = []

    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError

    def open_it(folder: Path, **more: int) -> Database:
        opened.append(open_database(folder, **more))
        return opened[-1]

    monkeypatch.setattr(app, "open_database", open_it)
    monkeypatch.setattr(app, fault, fail)

    async def run() -> None:
        config = Config(data_dir=tmp_path, devices=("cpu",))
        with pytest.raises(ZeroDivisionError):
            await app.run(config, asyncio.Event())

    asyncio.run(run())
    (database,) = opened
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.query(lambda c: c.execute("SELECT 1"))
