"""Workers that are stopped, make no progress, or take too much memory: they are ended, and the order says why."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from acebridge.workers import local, memory
from acebridge.workers.base import Device, OutOfMemory, WorkerDied
from acebridge.workers.launch import Spawner
from acebridge.workers.local import Limits, LocalWorker
from acebridge.workers.messages import BEAT_S, JobOrder, Message, encode
from tests.support.daemon import PATIENCE_S, assert_gone
from tests.unit.workers.test_local import job, kinds, messages_of


def play(folder: Path, scenario: Callable[[LocalWorker], Awaitable[None]], limits: Limits) -> None:
    async def run() -> None:
        worker = LocalWorker(Device("cpu"), Spawner(folder), limits=limits)
        try:
            await scenario(worker)
        finally:
            await worker.kill()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


@pytest.fixture
def slow_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobOrder:
    """An order that does not end."""
    monkeypatch.setenv("ACEBRIDGE_FAKE_GATES", str(tmp_path))
    (tmp_path / "1.steps").touch()
    return job(tmp_path)


async def run_and(worker: LocalWorker, order: JobOrder, do: Callable[[], None]) -> list[Message]:
    """Run an order; do something once it is under way."""
    messages = []
    async for message in worker.run(order):
        if not messages:
            do()
        messages.append(message)
    return messages


def test_a_stopped_worker_is_ended(tmp_path: Path, slow_order: JobOrder, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(worker: LocalWorker) -> None:
        def stop() -> None:
            os.kill(worker.pid, signal.SIGSTOP)
            worker._limits = Limits(silence_s=0.2)  # before, only a hang takes longer than the usual limit

        with pytest.raises(WorkerDied, match=r"^no sign of life for 0\.2 s$") as caught:
            await run_and(worker, slow_order, stop)
        assert caught.value.took_order
        worker._limits = Limits()
        (tmp_path / "1.steps").unlink()
        assert kinds(await messages_of(worker, job(tmp_path, order_id="next")))[-1] == "done"
        assert worker.restarts == 1

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario, Limits())
    assert caplog.messages == ["a worker hangs; ending it: no sign of life for 0.2 s"]


def test_a_stopped_worker_can_be_killed_at_once(tmp_path: Path, slow_order: JobOrder) -> None:
    async def scenario(worker: LocalWorker) -> None:
        def stop_and_kill() -> None:
            os.kill(worker.pid, signal.SIGSTOP)
            killing.append(asyncio.create_task(worker.kill()))

        killing: list[asyncio.Task[None]] = []
        with pytest.raises(WorkerDied, match=r"^exit code -9$"):
            await run_and(worker, slow_order, stop_and_kill)
        await killing[0]

    play(tmp_path, scenario, Limits())


def test_signs_of_life_without_progress_are_not_enough(tmp_path: Path, slow_order: JobOrder) -> None:
    async def scenario(worker: LocalWorker) -> None:
        def stop_and_beat() -> None:
            os.kill(worker.pid, signal.SIGSTOP)
            assert worker._child is not None
            worker._child.messages.feed_data(4 * encode({"type": "alive", "loads": False}))

        with pytest.raises(WorkerDied, match=rf"^no progress for {4 * BEAT_S:g} s$"):
            await run_and(worker, slow_order, stop_and_beat)

    play(tmp_path, scenario, Limits(step_s=4 * BEAT_S))


def test_signs_of_life_are_no_messages(tmp_path: Path) -> None:
    async def scenario(worker: LocalWorker) -> None:
        def beat() -> None:
            assert worker._child is not None
            worker._child.messages.feed_data(3 * encode({"type": "alive", "loads": False}))

        messages = await run_and(worker, job(tmp_path), beat)
        assert kinds(messages) == ["header", "audio", "take", "done"]

    play(tmp_path, scenario, Limits(step_s=4 * BEAT_S))


BEATS = """
import acebridge.workers.messages as messages
messages.BEAT_S = 0.02
"""


def test_a_worker_at_work_says_that_it_is_alive_and_one_at_rest_says_nothing(
    tmp_path: Path, slow_order: JobOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "sitecustomize.py").write_text(BEATS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)
    beats: list[Message] = []
    read_any = LocalWorker._read_any

    async def spy(worker: LocalWorker, child: object) -> Message:
        message = await read_any(worker, child)  # type: ignore[arg-type]
        if message["type"] == "alive":
            beats.append(message)
            if len(beats) == 3:
                (tmp_path / "1.steps").unlink()
        return message

    monkeypatch.setattr(LocalWorker, "_read_any", spy)

    async def scenario(worker: LocalWorker) -> None:
        assert kinds(await messages_of(worker, slow_order))[-1] == "done"
        assert len(beats) >= 3
        assert worker._child is not None
        before = len(worker._child.messages._buffer)  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)  # ten times as long as between two beats: one may have been on its way
        assert len(worker._child.messages._buffer) - before <= 2 * len(encode({"type": "alive", "loads": False}))  # type: ignore[attr-defined]

    play(tmp_path, scenario, Limits())


def test_a_worker_that_takes_too_much_memory_is_ended(
    tmp_path: Path, slow_order: JobOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [10 << 20, 20 << 20, 3 << 30]
    monkeypatch.setattr(local, "_LOOK_S", 0.0)
    monkeypatch.setattr(memory, "memory_of", lambda _: taken.pop(0))

    async def scenario(worker: LocalWorker) -> None:
        with pytest.raises(OutOfMemory) as caught:
            await messages_of(worker, slow_order)
        assert caught.value.message == ("The engine took 3.00 GiB of memory for this job; a worker may take 2.00 GiB.")
        assert "worker_memory_bytes in config.toml" in caught.value.remedy
        monkeypatch.setattr(memory, "memory_of", lambda _: 0)
        (tmp_path / "1.steps").unlink()
        assert kinds(await messages_of(worker, job(tmp_path, order_id="next")))[-1] == "done"

    play(tmp_path, scenario, Limits(memory_bytes=2 << 30))


DAEMON = """
import asyncio, sys
from pathlib import Path
from acebridge.workers.launch import Spawner
from acebridge.workers.messages import encode

async def run():
    child = await Spawner(Path(sys.argv[1])).spawn()
    child.orders.write(encode({"op": "start", "device": "cpu", "memory_bytes": 0}))
    await child.messages.readline()
    print(child.pid, flush=True)
    await asyncio.sleep(100)

asyncio.run(run())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends it on Linux alone")
def test_a_spawned_worker_ends_with_a_daemon_that_is_killed_even_when_it_is_stopped(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", DAEMON, str(tmp_path)], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        worker = psutil.Process(int(daemon.stdout.readline()))
        worker.suspend()
        daemon.kill()
    assert_gone([worker])
