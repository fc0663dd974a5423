"""A daemon that nobody uses: it unloads its models, and exits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from acebridge.v1 import models_pb2
from tests.support.daemon import PATIENCE_S, Daemon, assert_gone, create_tone_job, daemon_at, until
from tests.support.shell import belongs
from tests.support.tiny_models import tiny_checkpoint


def test_an_idle_daemon_exits_in_order(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home", config="idle_exit_s = 0.3\n")
    assert daemon.launch().wait(PATIENCE_S) == 0
    assert "stopping, for nobody has used the daemon" in daemon.console()
    assert not (daemon.home / "daemon.json").exists()


@pytest.mark.slow
def test_a_daemon_does_not_exit_while_a_job_runs(tmp_path: Path) -> None:
    """A job that waits when the daemon starts takes longer than the daemon may be idle."""
    daemon = Daemon(tmp_path / "home", step_ms=20)
    daemon.hold(1)
    create_tone_job(daemon.start(), 0.5, seed=1, steps=50)
    assert daemon.stop() == 0
    daemon.release()
    (daemon.home / "config.toml").write_text("idle_exit_s = 0.3\n")
    assert daemon.launch().wait(PATIENCE_S) == 0
    assert "stopping, for nobody has used the daemon" in daemon.console()
    with closing(sqlite3.connect(daemon.home / "acebridge.db")) as database:
        assert database.execute("SELECT state FROM jobs").fetchall() == [("succeeded",)]
    assert_gone([each for each in psutil.process_iter() if belongs(each, daemon.home)])


@pytest.mark.slow
def test_idle_models_are_unloaded_and_loaded_again_by_the_next_job(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the neural engine needs torch")
    tiny_checkpoint(tmp_path / "models", "original", "turbo")
    config = f"models_dir = '{tmp_path / 'models'}'\nidle_unload_s = 0.2\n"
    with daemon_at(tmp_path / "home", config=config) as daemon:
        client = daemon.client
        assert client is not None
        (model,) = client.call(client.models.ListModels, models_pb2.ListModelsRequest()).models
        for times in (1, 2):
            request = models_pb2.LoadModelRequest(name=model.name)
            assert client.call(client.models.LoadModel, request, timeout_s=PATIENCE_S).loaded
            # No call asks for it meanwhile: the daemon would not be idle.
            until(
                lambda n=times: log(daemon).count('"message": "unloading an idle model"') == n,
                "the model to be unloaded",
            )
            until(lambda: models_in_memory(daemon) == [], "the memory to be free")


def models_in_memory(daemon: Daemon) -> list[str]:
    assert daemon.client is not None
    listed = daemon.client.call(daemon.client.models.ListModels, models_pb2.ListModelsRequest())
    return [model.name for model in listed.models if model.loaded]


def log(daemon: Daemon) -> str:
    return (daemon.home / "logs" / "daemon.log").read_text("utf-8")
