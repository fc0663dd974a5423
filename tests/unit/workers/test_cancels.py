"""Cancelled orders whose process cannot stop: they end at once, and the process is kept with what it loads, or ended."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from acebridge.workers import local
from acebridge.workers.base import Device
from acebridge.workers.launch import Spawner
from acebridge.workers.local import Limits, LocalWorker
from acebridge.workers.main import Engines
from acebridge.workers.messages import JobOrder, Message, encode
from acestep_runtime.engines import registry
from tests.support.daemon import PATIENCE_S
from tests.unit.workers.test_local import CANCELLED, job, kinds, messages_of, until_async

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped there")


def play(folder: Path, scenario: Callable[[LocalWorker], Awaitable[None]], stop_s: float = 100.0) -> None:
    async def run() -> None:
        worker = LocalWorker(Device("cpu"), Spawner(folder), limits=Limits(stop_s=stop_s))
        try:
            await scenario(worker)
        finally:
            await worker.kill()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(local, "BEAT_S", PATIENCE_S)  # a process that goes on has as long as it takes to stop


@pytest.fixture
def slow_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobOrder:
    """An order that does not end."""
    monkeypatch.setenv("ACEBRIDGE_FAKE_GATES", str(tmp_path))
    (tmp_path / "1.steps").touch()
    return job(tmp_path)


def _is_stopped(process: psutil.Process) -> bool:
    return bool(process.status() == psutil.STATUS_STOPPED)


async def cancel_where_it_cannot_stop(worker: LocalWorker, order: JobOrder, *, loads: bool = False) -> list[Message]:
    """Run an order; cancel it while its process is stopped, which says before that it ``loads``."""
    messages = []
    async for message in worker.run(order):
        if message["type"] == "progress" and message["body"]["stage"] == "sampling":
            os.kill(worker.pid, signal.SIGSTOP)
            await until_async(partial(_is_stopped, psutil.Process(worker.pid)))  # or it answers before it stops
            await worker.cancel(order["id"])
            if loads and worker._child is not None:
                worker._child.messages.feed_data(encode({"type": "alive", "loads": True}))
        messages.append(message)
    return messages


def test_the_order_ends_at_once_and_the_next_one_finds_the_same_process(tmp_path: Path, slow_order: JobOrder) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert (await cancel_where_it_cannot_stop(worker, slow_order))[-1] == CANCELLED
        pid = worker.pid
        waiting = asyncio.create_task(messages_of(worker, job(tmp_path, seed=2, order_id="waits")))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await worker.cancel("waits")  # which has not been sent
        assert await waiting == [CANCELLED]
        last = asyncio.create_task(messages_of(worker, job(tmp_path, seed=3)))
        os.kill(pid, signal.SIGCONT)
        assert kinds(await last) == ["header", "audio", "take", "done"]  # and nothing of the first
        assert (worker.pid, worker.restarts) == (pid, 0)

    play(tmp_path, scenario)


def test_a_process_that_does_not_stop_in_time_is_ended(
    tmp_path: Path, slow_order: JobOrder, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert (await cancel_where_it_cannot_stop(worker, slow_order))[-1] == CANCELLED
        assert kinds(await messages_of(worker, job(tmp_path, seed=2)))[-1] == "done"
        assert worker.restarts == 1

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario, stop_s=0.2)
    assert caplog.messages == ["a worker hangs; ending it: it did not stop in 0.2 s"]


def test_a_process_that_loads_a_model_has_time(tmp_path: Path, slow_order: JobOrder) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert (await cancel_where_it_cannot_stop(worker, slow_order))[-1] == CANCELLED
        pid = worker.pid
        for _ in range(15):  # it says so more often than the limit, for longer than that
            assert worker._child is not None
            worker._child.messages.feed_data(encode({"type": "alive", "loads": True}))
            await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGCONT)
        assert kinds(await messages_of(worker, job(tmp_path, seed=2)))[-1] == "done"
        assert (worker.pid, worker.restarts) == (pid, 0)

    play(tmp_path, scenario, stop_s=1.0)


def test_a_process_that_loads_has_time_until_it_says_so_again_however_short_the_limit_is(
    tmp_path: Path, slow_order: JobOrder
) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert (await cancel_where_it_cannot_stop(worker, slow_order, loads=True))[-1] == CANCELLED
        pid = worker.pid
        await asyncio.sleep(0.5)  # more than the limit
        os.kill(pid, signal.SIGCONT)
        assert kinds(await messages_of(worker, job(tmp_path, seed=2)))[-1] == "done"
        assert (worker.pid, worker.restarts) == (pid, 0)

    play(tmp_path, scenario, stop_s=0.1)


def test_a_kill_ends_the_process_of_a_cancelled_order(tmp_path: Path, slow_order: JobOrder) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert (await cancel_where_it_cannot_stop(worker, slow_order))[-1] == CANCELLED
        await worker.kill()
        await until_async(lambda: worker.pid == 0)

    play(tmp_path, scenario)


def test_a_worker_says_that_it_loads_while_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    engines, seen = Engines("cpu"), list[bool]()

    class Host:
        """Keeps models."""

        resident_models = ("turbo",)
        is_loading = False

        def load(self, model: str) -> str:
            self.is_loading = True
            seen.append(engines.is_loading)
            self.is_loading = False
            return model

        def unload(self, model: str) -> None:
            raise AssertionError(model)

    def load(*_: object, **__: object) -> Host:
        seen.append(engines.is_loading)
        return Host()

    monkeypatch.setattr(registry, "load", load)
    engine = engines.get("fake")
    assert isinstance(engine, Host)
    seen.append(engines.is_loading)
    engine.load("turbo")
    assert seen == [True, False, True]
    assert (engines.models, engines.is_loading) == (["turbo"], False)
