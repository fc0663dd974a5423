"""Orders for models between jobs: one at a time with them, and in nobody's way. SIGSTOP makes them take long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from numpy.testing import assert_array_equal

from acebridge.client.client import Client
from acebridge.errors import JobFailed
from acebridge.v1 import models_pb2
from tests.support.daemon import Daemon, collect, daemon_at, expected_tone, generate, queued, state, until, until_state
from tests.support.tiny_models import tiny_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GRACE_S = 0.3


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_checkpoint(folder, "original", "turbo")
    return folder


@pytest.fixture
def house(models: Path, tmp_path: Path) -> Iterator[Daemon]:
    config = f"models_dir = '{models}'\ncancel_grace_s = {GRACE_S}\n"
    with daemon_at(tmp_path / "home", step_ms=5, config=config) as house:
        yield house


@pytest.fixture
def client(house: Daemon) -> Iterator[Client]:
    with Client(house.address) as client:
        yield client


def worker_of(house: Daemon) -> psutil.Process:
    (worker,) = house.workers()
    return worker


def load(client: Client, order: str = "LoadModel") -> Any:
    kind = getattr(models_pb2, f"{order}Request")
    return client.call(getattr(client.models, order), kind(name="acestep-v15-turbo"), timeout_s=120)


def beside(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Do something in a thread; return it and the list that its result or error comes into."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(work())
        except JobFailed as error:
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, came


def loaded(client: Client) -> list[bool]:
    return [each.loaded for each in client.call(client.models.ListModels, models_pb2.ListModelsRequest()).models]


def ordered(house: Daemon, count: int = 1) -> None:
    until(lambda: house.console().count("model order") >= count, "the worker to have the order")


def test_a_job_that_is_cancelled_while_a_model_loads_stays_so_and_the_model_is_loaded(
    house: Daemon, client: Client
) -> None:
    collect(generate(client, 0.1))
    worker = worker_of(house)
    worker.suspend()
    thread, came = beside(lambda: load(client))
    ordered(house)
    job_id = queued(client, 0.3)
    client.cancel(job_id)
    assert until_state(client, job_id, "cancelled") == "cancelled"
    time.sleep(3 * GRACE_S)
    assert worker.status() == psutil.STATUS_STOPPED
    worker.resume()
    thread.join(100)
    assert came[0].loaded
    assert_array_equal(collect(generate(client, 0.2, seed=5)).samples(), expected_tone(5, 0.2))
    assert worker_of(house).pid == worker.pid
    assert state(client, job_id) == "cancelled"


def test_a_model_waits_behind_the_job_that_runs_and_goes_before_the_next(house: Daemon, client: Client) -> None:
    events = generate(client, 0.3, steps=150)
    first = next(events).job_id
    until_state(client, first, "running")
    second = queued(client, 0.2, seed=5)
    thread, came = beside(lambda: load(client))
    take = collect(client.watch(second))
    assert_array_equal(take.samples(), expected_tone(5, 0.2))
    thread.join(100)
    assert came[0].loaded
    assert loaded(client) == [True]
    told = [line for line in house.console().splitlines() if "job " in line or "model order" in line]
    assert ["model order" in line for line in told] == [False, False, True, False, False]


def test_a_worker_that_dies_while_it_loads_is_told_and_it_is_not_tried_again(house: Daemon, client: Client) -> None:
    collect(generate(client, 0.1))
    worker = worker_of(house)
    idle_s = worker.cpu_times().user
    thread, came = beside(lambda: load(client))
    until(lambda: worker.cpu_times().user > idle_s + 0.1, "the worker to be in the middle")
    worker.kill()
    thread.join(100)
    assert isinstance(came[0], JobFailed)
    assert came[0].kind == "EngineFailure"
    assert "acestep-v15-turbo (exit code -9)" in came[0].message
    assert loaded(client) == [False]
    collect(generate(client, 0.1))
    assert load(client).loaded


def test_a_worker_that_died_at_rest_is_no_reason_to_fail(house: Daemon, client: Client) -> None:
    collect(generate(client, 0.1))
    worker_of(house).kill()
    assert load(client).loaded


@pytest.mark.parametrize("busy", ["with a job", "with a model"])
def test_a_daemon_stops_at_once_while_a_model_waits(house: Daemon, client: Client, busy: str) -> None:
    collect(generate(client, 0.1))
    worker = worker_of(house)
    if busy == "with a job":
        until_state(client, queued(client, 0.3, steps=200), "running")
    worker.suspend()
    calls = [beside(lambda: load(client)) for _ in range(2)]
    if busy == "with a model":
        ordered(house)
    time.sleep(0.3)  # nothing tells that a call waits
    before = {each.pid for each in house.children()}
    pids: set[int] = set()
    watched = threading.Event()

    def watch() -> None:
        while not watched.wait(0.002):
            with suppress(psutil.Error):
                pids.update(each.pid for each in house.children())

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert house.stop() == 0
    watched.set()
    watcher.join()
    for thread, came in calls:
        thread.join(20)
        assert came[0].kind.upper() in ("UNAVAILABLE", "CANCELLED")
    assert pids <= before
    assert "Traceback" not in house.console()


def test_what_is_loaded_can_be_let_go_without_its_files(client: Client, models: Path) -> None:
    assert load(client).loaded
    moved = models.rename(models.with_name("elsewhere"))
    try:
        assert load(client, "UnloadModel").name == "acestep-v15-turbo"
        with pytest.raises(JobFailed, match="acebridge models pull"):
            load(client)
    finally:
        moved.rename(models)
    assert loaded(client) == [False]


def test_jobs_and_orders_at_once_all_end_well(client: Client) -> None:
    jobs = [beside(lambda seed=seed: collect(generate(client, 0.1, seed=seed)).samples()) for seed in range(4)]
    orders = [beside(lambda order=order: load(client, order)) for order in ("LoadModel", "UnloadModel") * 3]
    for thread, _ in (*jobs, *orders):
        thread.join(120)
    for seed, (_, came) in enumerate(jobs):
        assert_array_equal(came[0], expected_tone(seed, 0.1))
    assert {came[0].name for _, came in orders} == {"acestep-v15-turbo"}
