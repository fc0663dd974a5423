"""A worker process: its jobs, its end, and its isolation."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from acebridge.workers.base import Device, WorkerDied
from acebridge.workers.forkserver import IS_SUPPORTED, ForkServer
from acebridge.workers.launch import Child, Spawner
from acebridge.workers.local import Limits, LocalWorker
from acebridge.workers.messages import CANCELLED_ERROR, JobOrder, Message, encode
from tests.support.daemon import PATIENCE_S, expected_tone
from tests.support.signals import decode_chunk

SECONDS = 0.25
CANCELLED: Message = {"type": "error", "body": CANCELLED_ERROR, "models": []}


def job(folder: Path, *, seed: int = 1, caption: str = "", steps: int = 2, order_id: str = "job") -> JobOrder:
    params = {
        "duration_s": SECONDS, "music": {"caption": caption}, "sampling": {"steps": steps}, "output": {"seeds": [seed]},
    }  # fmt: skip
    return {
        "op": "job", "id": order_id, "priority": "normal",
        "task": "text2music", "params": params, "engine": "fake", "note": "", "spare": "",
        "files": {}, "folder": str(folder / f"{order_id}-{seed}"), "takes": [],
    }  # fmt: skip


async def messages_of(worker: LocalWorker, order: JobOrder) -> list[Message]:
    return [message async for message in worker.run(order)]


def kinds(messages: list[Message]) -> list[str]:
    return [message["type"] for message in messages if message["type"] != "progress"]


async def until_async(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    while not condition():  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0)


Play = Callable[[Path, Callable[[LocalWorker], Awaitable[None]]], None]


@pytest.fixture(params=["forked", "spawned"])
def play(request: pytest.FixtureRequest) -> Play:
    """Runs a scenario with a worker whose data folder is given."""
    if request.param == "forked" and not IS_SUPPORTED:
        pytest.skip("no fork server on this system")

    async def run(folder: Path, scenario: Callable[[LocalWorker], Awaitable[None]]) -> None:
        server = ForkServer(folder)
        worker = LocalWorker(Device("cpu"), server if request.param == "forked" else Spawner(folder))
        try:
            await scenario(worker)
        finally:
            await worker.kill()
            await server.stop()

    return lambda folder, scenario: asyncio.run(asyncio.wait_for(run(folder, scenario), PATIENCE_S))


def test_jobs_run_one_after_the_other_in_one_process(tmp_path: Path, play: Play) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert (worker.pid, worker.restarts) == (0, 0)
        pids = set()
        for seed in (1, 2):
            messages = await messages_of(worker, job(tmp_path, seed=seed))
            assert kinds(messages) == ["header", "audio", "take", "done"]
            (take,) = (message["body"] for message in messages if message["type"] == "take")
            assert take["seed"] == seed
            data = (tmp_path / f"job-{seed}" / "0.wav").read_bytes()
            samples = decode_chunk(data[-len(expected_tone(seed, SECONDS).tobytes()) :], "float32", 2)
            assert np.array_equal(samples, expected_tone(seed, SECONDS))
            pids.add(worker.pid)
        assert len(pids) == 1
        assert worker.restarts == 0
        await worker.kill()
        assert not psutil.pid_exists(pids.pop())
        assert worker.pid == 0

    play(tmp_path, scenario)


def test_printed_output_goes_to_the_log(tmp_path: Path, play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(worker: LocalWorker) -> None:
        assert kinds(await messages_of(worker, job(tmp_path, caption="print"))) == ["header", "audio", "take", "done"]
        await worker.kill()

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ['worker: {"type": "done"} printed by Python', "worker: printed by a C library"]
    assert {record.__dict__["device"] for record in caplog.records} == {"cpu"}


def test_a_cancelled_job_ends_and_the_worker_stays(tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "100")

    async def scenario(worker: LocalWorker) -> None:
        messages: list[Message] = []
        async for message in worker.run(job(tmp_path, steps=200)):
            messages.append(message)
            if message["type"] == "progress" and message["body"]["stage"] == "sampling":
                await worker.cancel("another")
                await worker.cancel("job")
        assert messages[-1]["type"] == "error"
        assert messages[-1]["body"]["kind"] == "Cancelled"
        pid = worker.pid
        assert kinds(await messages_of(worker, job(tmp_path, seed=2)))[-1] == "done"
        assert worker.pid == pid

    play(tmp_path, scenario)


def test_a_job_that_is_cancelled_while_the_process_starts_ends_at_once_and_the_start_goes_on(
    tmp_path: Path, play: Play
) -> None:
    async def scenario(worker: LocalWorker) -> None:
        for _ in range(2):
            running = asyncio.create_task(messages_of(worker, job(tmp_path)))
            await asyncio.sleep(0)
            await worker.cancel("job")
            assert await running == [CANCELLED]
        assert not (tmp_path / "job-1").exists()
        assert kinds(await messages_of(worker, job(tmp_path)))[-1] == "done"
        assert worker.restarts == 0

    play(tmp_path, scenario)


def test_a_process_that_ends_during_a_job(tmp_path: Path, play: Play) -> None:
    async def scenario(worker: LocalWorker) -> None:
        with pytest.raises(WorkerDied, match=r"^exit code 42$") as caught:
            await messages_of(worker, job(tmp_path, caption="crash"))
        assert caught.value.took_order
        assert worker.pid == 0
        assert kinds(await messages_of(worker, job(tmp_path, seed=2)))[-1] == "done"
        assert worker.restarts == 1

    play(tmp_path, scenario)


def test_a_process_that_ended_while_it_was_idle(tmp_path: Path, play: Play) -> None:
    async def scenario(worker: LocalWorker) -> None:
        await messages_of(worker, job(tmp_path))
        os.kill(worker.pid, signal.SIGKILL)
        deaths: list[WorkerDied] = []
        try:  # it depends on the moment whether the death is noticed before the order or by it
            messages = await messages_of(worker, job(tmp_path, seed=2))
        except WorkerDied as death:
            deaths.append(death)
            messages = await messages_of(worker, job(tmp_path, seed=2))
        assert not any(death.took_order for death in deaths)
        assert kinds(messages)[-1] == "done"
        assert worker.restarts == 1

    play(tmp_path, scenario)


def test_a_process_that_is_killed_during_a_job(tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "100")

    async def scenario(worker: LocalWorker) -> None:
        async def kill_midway() -> None:
            async for message in worker.run(job(tmp_path, steps=200)):
                if message["type"] == "progress" and message["body"]["stage"] == "sampling":
                    await worker.kill()

        with pytest.raises(WorkerDied, match=r"^exit code -9$") as caught:
            await kill_midway()
        assert caught.value.took_order

    play(tmp_path, scenario)


class Hanging(Spawner):
    """Its workers, all or the first, hang at their start: before there is a process (``launch``), or before it is ready."""

    def __init__(self, folder: Path, *hang: str) -> None:
        super().__init__(folder)
        self.hang = {*hang}
        self.calls: list[str] = []
        self.children: list[Child] = []

    async def launch(self, modules: Sequence[str]) -> Child:  # noqa: ARG002
        if "launch" in self.hang:
            self.calls.append("launch")
            await asyncio.Event().wait()
        return await self._start("launched")

    async def spawn(self) -> Child:
        return await self._start("spawned")

    async def _start(self, call: str) -> Child:
        self.calls.append(call)
        child = await super().spawn()
        self.children.append(child)
        if call in self.hang:
            os.kill(child.pid, signal.SIGSTOP)
        else:  # it is ready at once, however slow the machine is
            child.orders.write(encode({"op": "start", "device": "cpu", "memory_bytes": 0}))
            child.messages.feed_data(await child.messages.readline())
        return child

    def have_ended(self, count: int) -> bool:
        return [child.exit_code.done() for child in self.children] == [True] * count


def play_hanging(launcher: Hanging, scenario: Callable[[LocalWorker], Awaitable[None]], limit_s: float = 100.0) -> None:
    async def run() -> None:
        worker = LocalWorker(Device("cpu"), launcher, limits=Limits(start_s=limit_s))
        await scenario(worker)
        await worker.kill()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))


@pytest.mark.parametrize("moment", ["launch", "launched"])
def test_a_kill_works_while_the_process_starts(tmp_path: Path, moment: str) -> None:
    launcher = Hanging(tmp_path, moment)

    async def scenario(worker: LocalWorker) -> None:
        running = asyncio.create_task(messages_of(worker, job(tmp_path)))
        await until_async(lambda: launcher.calls == [moment] and (moment == "launch" or worker.pid != 0))
        await worker.kill()
        with pytest.raises(WorkerDied, match=r"^ended at its start$"):
            await running
        assert worker.pid == 0
        assert launcher.have_ended(len(launcher.children))
        launcher.hang.clear()
        assert kinds(await messages_of(worker, job(tmp_path)))[-1] == "done"

    play_hanging(launcher, scenario)


def test_a_process_that_hangs_at_its_start_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    launcher = Hanging(tmp_path, "launched")

    async def scenario(worker: LocalWorker) -> None:
        assert kinds(await messages_of(worker, job(tmp_path)))[-1] == "done"
        assert worker.pid == launcher.children[1].pid
        assert (launcher.calls, worker.restarts) == (["launched", "spawned"], 0)
        assert await launcher.children[0].exit_code == -signal.SIGKILL

    with caplog.at_level(logging.WARNING):
        play_hanging(launcher, scenario, limit_s=0.1)
    assert caplog.messages == ["a worker hangs at its start; ending it"]


def test_an_order_fails_when_every_process_hangs_at_its_start(tmp_path: Path) -> None:
    launcher = Hanging(tmp_path, "launched", "spawned")

    async def scenario(worker: LocalWorker) -> None:
        with pytest.raises(WorkerDied, match=r"^it was not ready after 0\.1 s$") as caught:
            await messages_of(worker, job(tmp_path))
        assert caught.value.took_order  # it is not sent again
        assert launcher.have_ended(2)

    play_hanging(launcher, scenario, limit_s=0.1)


def test_it_runs_in_a_session_of_its_own(tmp_path: Path, play: Play) -> None:
    """Ctrl-C reaches the processes of the session that a terminal belongs to."""

    async def scenario(worker: LocalWorker) -> None:
        await messages_of(worker, job(tmp_path))
        assert os.getsid(worker.pid) != os.getsid(0)
        assert psutil.Process(worker.pid).cwd() == str(tmp_path)

    play(tmp_path, scenario)


@pytest.mark.parametrize("where", ["data", "elsewhere"])
def test_no_module_is_imported_from_the_working_folder(
    tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for folder in (data, elsewhere):
        folder.mkdir()
    trap: Any = {"data": data, "elsewhere": elsewhere}[where]
    for name in ("acebridge", "acestep_runtime", "daemon", "numpy"):
        (trap / name).mkdir()
        (trap / name / "__init__.py").write_text("raise SystemExit('the wrong module')")
    for name in ("torch.py", "json.py", "asyncio.py"):
        (trap / name).write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(elsewhere)

    async def scenario(worker: LocalWorker) -> None:
        assert kinds(await messages_of(worker, job(data)))[-1] == "done"

    play(data, scenario)
