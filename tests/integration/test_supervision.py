"""A daemon of which a part fails: health says so, clients find it all the same, and it goes on."""

from __future__ import annotations

from pathlib import Path

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.client import discovery
from tests.support.daemon import PATIENCE_S, Daemon, collect, create_tone_job, daemon_at, expected_tone, until

#: A daemon whose queue cannot be read while a file is there.
BROKEN = """
import os, sys
from pathlib import Path
from acebridge.jobs import journal
claim, broken = journal.Journal.claim, Path(os.environ["ACEBRIDGE_HOME"], "broken")
async def fail(self, device):
    if broken.exists():
        raise OSError(5, "Input/output error")
    return await claim(self, device)
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


def test_a_scrub_that_is_switched_off_is_no_failure(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", config="scrub_bytes_per_s = 0\n") as daemon:
        client = daemon.client
        assert client is not None
        collect(client.watch(create_tone_job(client, 0.3)))
        assert is_serving(daemon, "")
        assert "failed; starting it again" not in daemon.console()
