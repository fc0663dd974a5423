"""Orders for models between jobs: one at a time with them, and in nobody's way. SIGSTOP makes them take long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from numpy.testing import assert_array_equal

from acebridge.client.client import Client
from acebridge.contract.status import unpack_error
from acebridge.errors import JobFailed
from acebridge.v1 import models_pb2
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    collect,
    create_tone_job,
    daemon_at,
    expected_tone,
    generate,
    state,
    until,
    until_state,
)
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow

GRACE_S = 0.3


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, "original", "turbo")
    return folder


def config(models: Path) -> str:
    return f"models_dir = '{models}'\ncancel_grace_s = {GRACE_S}\n"


@pytest.fixture(scope="module")
def shared_daemon(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home"), config=config(models)) as daemon:
        yield daemon


@pytest.fixture
def daemon(shared_daemon: Daemon) -> Iterator[Daemon]:
    """The daemon of all tests, with a worker at rest that has no model, and no word in its log."""
    assert shared_daemon.client is not None
    collect(generate(shared_daemon.client, 0.1))
    with suppress(JobFailed):
        load(shared_daemon.client, "UnloadModel")
    os.truncate(shared_daemon.home / "console.txt", 0)
    yield shared_daemon
    shared_daemon.release()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(daemon.address, token=daemon.token) as client:
        yield client


def worker_of(daemon: Daemon) -> psutil.Process:
    (worker,) = daemon.workers()
    return worker


def fresh_worker_of(daemon: Daemon, client: Client) -> psutil.Process:
    """Return a new worker, which has imported nothing that models need."""
    worker_of(daemon).kill()
    collect(generate(client, 0.1))
    return worker_of(daemon)


def begin(client: Client, order: str = "LoadModel") -> Any:
    """Send an order; return the call."""
    kind = getattr(models_pb2, f"{order}Request")
    return getattr(client.models, order).future(kind(name="acestep-v15-turbo"), timeout=PATIENCE_S)


def outcome(call: Any) -> Any:
    """Return what came of a call, or the error that it ended with."""
    try:
        return call.result()
    except grpc.RpcError as error:
        return unpack_error(error)


def load(client: Client, order: str = "LoadModel") -> Any:
    came = outcome(begin(client, order))
    if isinstance(came, JobFailed):
        raise came
    return came


def until_it_waits(client: Client) -> None:
    """Let calls that were sent before get to where they wait: nothing tells that one does, so others overtake it."""
    for _ in range(20):
        load_states(client)


def beside(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Do something in a thread; return it and the list that its result comes into."""
    came: list[Any] = []
    thread = threading.Thread(target=lambda: came.append(work()), daemon=True)
    thread.start()
    return thread, came


def load_states(client: Client) -> list[bool]:
    return [each.loaded for each in client.call(client.models.ListModels, models_pb2.ListModelsRequest()).models]


def until_ordered(daemon: Daemon) -> None:
    until(lambda: "model order" in daemon.console(), "the worker to have the order")


def test_a_job_that_is_cancelled_while_a_model_loads_stays_so_and_the_model_is_loaded(
    daemon: Daemon, client: Client
) -> None:
    worker = worker_of(daemon)
    worker.suspend()
    call = begin(client)
    until_ordered(daemon)
    job_id = create_tone_job(client, 0.3)
    client.cancel(job_id)
    assert until_state(client, job_id, "cancelled") == "cancelled"
    time.sleep(3 * GRACE_S)
    assert worker.status() == psutil.STATUS_STOPPED
    worker.resume()
    assert outcome(call).loaded
    assert_array_equal(collect(generate(client, 0.2, seed=5)).samples(), expected_tone(5, 0.2))
    assert worker_of(daemon).pid == worker.pid
    assert state(client, job_id) == "cancelled"


def test_a_model_waits_behind_the_job_that_runs_and_goes_before_the_next(daemon: Daemon, client: Client) -> None:
    daemon.hold(1)
    first = create_tone_job(client, 0.3)
    until_state(client, first, "running")
    second = create_tone_job(client, 0.2, seed=5)
    call = begin(client)
    until_it_waits(client)
    daemon.release()
    take = collect(client.watch(second))
    assert_array_equal(take.samples(), expected_tone(5, 0.2))
    assert outcome(call).loaded
    assert load_states(client) == [True]
    reply = [line for line in daemon.console().splitlines() if "job " in line or "model order" in line]
    assert ["model order" in line for line in reply] == [False, False, True, False, False]


def test_a_worker_that_dies_while_it_loads_is_reported_and_it_is_not_tried_again(
    daemon: Daemon, client: Client
) -> None:
    worker = fresh_worker_of(daemon, client)
    idle_s = worker.cpu_times().user
    call = begin(client)
    until(lambda: worker.cpu_times().user > idle_s + 0.1, "the worker to be in the middle")
    worker.kill()
    came = outcome(call)
    assert isinstance(came, JobFailed)
    assert came.kind == "ENGINE_FAILURE"
    assert "acestep-v15-turbo (exit code -9)" in came.message
    assert load_states(client) == [False]
    collect(generate(client, 0.1))
    assert load(client).loaded


def test_a_worker_that_died_at_rest_is_no_reason_to_fail(daemon: Daemon, client: Client) -> None:
    worker_of(daemon).kill()
    assert load(client).loaded


@pytest.mark.parametrize("busy", ["with a job", "with a model"])
def test_a_daemon_stops_at_once_while_a_model_waits(models: Path, tmp_path: Path, busy: str) -> None:
    with (
        daemon_at(tmp_path / "home", config=config(models)) as daemon,
        Client(daemon.address, token=daemon.token) as client,
    ):
        collect(generate(client, 0.1))
        worker = worker_of(daemon)
        if busy == "with a job":
            daemon.hold(1)
            until_state(client, create_tone_job(client, 0.3), "running")
        worker.suspend()
        calls = [begin(client) for _ in range(2)]
        if busy == "with a model":
            until_ordered(daemon)
        until_it_waits(client)
        before = {each.pid for each in daemon.children()}
        pids: set[int] = set()
        watched = threading.Event()

        def watch() -> None:
            while not watched.wait(0.002):
                with suppress(psutil.Error):
                    pids.update(each.pid for each in daemon.children())

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert daemon.stop() == 0
        watched.set()
        watcher.join()
        assert all(outcome(call).kind.upper() in ("UNAVAILABLE", "CANCELLED") for call in calls)
        assert pids <= before
        assert "Traceback" not in daemon.console()


def test_what_is_loaded_can_be_let_go_without_its_files(client: Client, models: Path) -> None:
    assert load(client).loaded
    moved = models.rename(models.with_name("elsewhere"))
    try:
        assert load(client, "UnloadModel").name == "acestep-v15-turbo"
        with pytest.raises(JobFailed, match="acebridge models pull"):
            load(client)
    finally:
        moved.rename(models)
    assert load_states(client) == [False]


def test_jobs_and_orders_at_once_all_end_well(client: Client) -> None:
    jobs = [beside(lambda seed=seed: collect(generate(client, 0.1, seed=seed)).samples()) for seed in range(4)]
    orders = [beside(lambda order=order: load(client, order)) for order in ("LoadModel", "UnloadModel") * 3]
    for thread, _ in (*jobs, *orders):
        thread.join(PATIENCE_S)
    for seed, (_, came) in enumerate(jobs):
        assert_array_equal(came[0], expected_tone(seed, 0.1))
    assert {came[0].name for _, came in orders} == {"acestep-v15-turbo"}
