"""What a daemon imports before the first job: what takes long, and only where it can be used."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from acebridge.workers.forkserver import IS_SUPPORTED
from tests.support.daemon import Daemon, collect, daemon_at, generate, status, until

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="no fork server on this system")


def fork_servers(daemon: Daemon) -> list[psutil.Process]:
    return [process for process in daemon.children() if process.name() == "ace-forkserver"]


def has_torch(process: psutil.Process) -> bool:
    return any("libtorch" in each.path for each in process.memory_maps())


def test_without_weights_torch_is_not_imported(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        assert daemon.client is not None
        collect(generate(daemon.client, 0.1))
        (server,) = fork_servers(daemon)
        (worker,) = daemon.workers()
        assert worker.ppid() == server.pid
        assert not has_torch(server)
        assert not has_torch(worker)


@pytest.mark.slow
def test_with_weights_torch_is_there_before_the_first_job(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the neural engine needs torch")
    from tests.support.tiny_models import tiny_checkpoint

    models = tmp_path / "models"
    models.mkdir()
    tiny_checkpoint(models, "original", "turbo")
    with daemon_at(tmp_path / "home", config=f"models_dir = '{models}'\n") as daemon:
        assert daemon.client is not None
        (server,) = until(lambda: fork_servers(daemon), "the fork server")
        until(lambda: has_torch(server), "torch to be imported")
        assert not status(daemon.client).workers[0].pid
        collect(generate(daemon.client, 0.1))
        (worker,) = daemon.workers()
        assert worker.ppid() == server.pid
        assert has_torch(worker)
