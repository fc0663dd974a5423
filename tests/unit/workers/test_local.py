"""A worker process: its jobs, its end, and its isolation."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from acebridge.workers.base import Device, WorkerDied
from acebridge.workers.forkserver import IS_SUPPORTED, ForkServer
from acebridge.workers.launch import Spawner
from acebridge.workers.local import LocalWorker
from acebridge.workers.messages import JobOrder, Message
from tests.support.daemon import PATIENCE_S, expected_tone
from tests.support.signals import decode_chunk

SECONDS = 0.25


def job(folder: Path, *, seed: int = 1, caption: str = "", steps: int = 2, order_id: str = "job") -> JobOrder:
    params = {
        "duration_s": SECONDS, "music": {"caption": caption}, "sampling": {"steps": steps}, "output": {"seeds": [seed]},
    }  # fmt: skip
    return {
        "op": "job", "id": order_id, "task": "text2music", "params": params, "engine": "fake", "files": {},
        "folder": str(folder / f"{order_id}-{seed}"), "takes": [],
    }  # fmt: skip


async def messages_of(worker: LocalWorker, order: JobOrder) -> list[Message]:
    return [message async for message in worker.run(order)]


def kinds(messages: list[Message]) -> list[str]:
    return [message["type"] for message in messages if message["type"] != "progress"]


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


def test_a_cancel_waits_for_its_job(tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for while the process still starts."""
    monkeypatch.setenv("ACEBRIDGE_FAKE_STEP_MS", "100")

    async def scenario(worker: LocalWorker) -> None:
        running = asyncio.create_task(messages_of(worker, job(tmp_path, steps=200)))
        await asyncio.sleep(0)
        await worker.cancel("job")
        messages = await running
        assert messages[-1]["type"] == "error"
        assert messages[-1]["body"]["kind"] == "Cancelled"

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
        async def killed() -> None:
            async for message in worker.run(job(tmp_path, steps=200)):
                if message["type"] == "progress" and message["body"]["stage"] == "sampling":
                    await worker.kill()

        with pytest.raises(WorkerDied, match=r"^exit code -9$") as caught:
            await killed()
        assert caught.value.took_order

    play(tmp_path, scenario)


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
