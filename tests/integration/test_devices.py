"""A daemon on a machine with two GPUs, which are made up: the fake engine computes on neither."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from acebridge.client.client import Client
from acebridge.client.own_daemon import address_in, read_token
from acebridge.config import Config
from acebridge.errors import JobFailed
from acebridge.server import app
from acebridge.v1 import daemon_pb2, models_pb2
from acebridge.workers.base import Device
from acebridge.workers.devices import CPU
from tests.support.daemon import PATIENCE_S, Daemon, collect, expected_tone, generate, job, status, until

FOUND = (Device("cuda:0", "NVIDIA H100"), Device("cuda:1", "NVIDIA A10"), CPU)


@pytest.fixture
def searching() -> threading.Event:
    """Set when the search for devices shall end."""
    return threading.Event()


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    folder = tmp_path / "gates"
    folder.mkdir()
    return folder


@pytest.fixture
def client(home: Path, gates: Path, searching: threading.Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a daemon in a thread of this process, whose takes stand still at the files in the folder ``gates``."""
    monkeypatch.setenv("ACEBRIDGE_FAKE_GATES", str(gates))

    async def find() -> Sequence[Device]:
        await asyncio.to_thread(searching.wait, 60)
        return FOUND

    work = app.run(Config(data_dir=home, port=0), asyncio.Event(), find_devices=find)
    daemon = threading.Thread(target=lambda: asyncio.run(work))
    daemon.start()
    until(lambda: (home / "daemon.json").exists(), "the daemon")
    with Client(address_in(home), token=read_token(home)) as client:
        yield client
        searching.set()
        with suppress(JobFailed):  # it may have stopped already
            client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest())
    daemon.join(PATIENCE_S)
    assert not daemon.is_alive()


def test_each_gpu_has_a_worker_and_two_jobs_run_at_once(
    client: Client, gates: Path, searching: threading.Event
) -> None:
    held = [gates / f"{seed}.steps" for seed in range(2)]
    for gate in held:
        gate.touch()
    searching.set()
    streams = [generate(client, 0.3, seed=seed) for seed in range(2)]
    ids = [next(events).job_id for events in streams]
    for job_id in ids:
        until(lambda job_id=job_id: job(client, job_id).progress.fraction > 0, "the job to be under way")
    workers = status(client).workers
    assert [worker.device for worker in workers] == ["cuda:0", "cuda:1"]
    assert {worker.job_id for worker in workers} == set(ids)
    assert len({worker.pid for worker in workers}) == 2
    for gate in held:
        gate.unlink()
    takes = [collect(events) for events in streams]
    for seed, take in enumerate(takes):
        assert np.array_equal(take.samples(), expected_tone(seed, 0.3))
    started = [
        event.started.device for take in takes for event in take.events if event.WhichOneof("event") == "started"
    ]
    assert sorted(started) == ["cuda:0", "cuda:1"]


def test_the_daemon_serves_while_it_looks_for_devices(client: Client, searching: threading.Event) -> None:
    assert not status(client).workers
    events = generate(client, 0.1, seed=1)
    assert next(events).WhichOneof("event") == "queued"
    asked = client.models.GetCapabilities.future(models_pb2.GetCapabilitiesRequest())
    assert not asked.done()
    searching.set()
    assert list(asked.result().devices) == ["cuda:0", "cuda:1"]
    assert collect(events).completed.engine == "fake"


def test_a_daemon_stops_while_it_looks_for_devices(client: Client, searching: threading.Event) -> None:
    assert not searching.is_set()
    client.call(client.daemon.Shutdown, daemon_pb2.ShutdownRequest())


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home")
    refused = subprocess.run(
        [sys.executable, "-m", "acebridge.cli", "serve", "--port", "0", "--device", "cpu", "--device", "cuda:7"],
        env=daemon.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    message = refused.stderr.splitlines()[-1]
    assert message.startswith("acebridge: There is no device 'cuda:7' here. Set devices to one or more of these: ")
    assert "cpu" in message
    assert not (daemon.home / "daemon.json").exists()


@pytest.mark.slow
def test_the_cpu_may_be_named(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "home", config="devices = 'cpu'\n")
    try:
        client = daemon.start()
        assert [worker.device for worker in status(client).workers] == ["cpu"]
        assert list(client.call(client.models.GetCapabilities, models_pb2.GetCapabilitiesRequest()).devices) == ["cpu"]
    finally:
        assert daemon.stop() == 0
