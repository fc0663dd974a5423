"""One call: progress arrives before the result, in order; a cancelled call cancels its job."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from acebridge.errors import JobFailed
from acebridge.hosts.mcp.access import Access
from acebridge.hosts.mcp.calls import MAX_CALLS, Call, run_call
from tests.support.daemon import PATIENCE_S


class Stream:
    """A stream of events that ends when it is cancelled."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def cancel(self) -> bool:
        self.ended.set()
        return True


class FakeClient:
    """Notes the jobs that are cancelled, and hands out streams."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.stream = Stream()

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def watch(self, job_id: str, on_call: Any) -> Any:
        on_call(self.stream)
        return job_id


class FakeAccess(Access):
    """Access to a fake client."""

    def connect(self) -> Any:
        return CLIENTS[id(self.names)]


CLIENTS: dict[int, FakeClient] = {}


@pytest.fixture
def access(tmp_path: Path) -> FakeAccess:
    access = FakeAccess(None, tmp_path)
    CLIENTS[id(access.names)] = FakeClient()
    return access


async def no_report(_: float, __: str) -> None:
    pass


def test_progress_comes_in_order_grows_and_is_over_before_the_result(access: FakeAccess) -> None:
    reports: list[tuple[float, str]] = []

    async def report(fraction: float, message: str) -> None:
        await anyio.sleep(0.001)
        reports.append((fraction, message))

    def work(call: Call) -> str:
        for fraction, message in (
            (0.0, "waits"),
            (0.0, "again"),
            (0.5, "half"),
            (0.25, "another attempt"),
            (1.0, "done"),
        ):
            call.report(fraction, message)
        return f"made for {call.origin}"

    async def run() -> str:
        return await run_call(work, access, "a chat", report, anyio.CapacityLimiter(1))

    assert anyio.run(run) == "made for a chat"
    assert reports == [(0.0, "waits"), (0.5, "half"), (1.0, "done")]


@pytest.mark.parametrize("cancels", [True, False])
def test_a_cancelled_call_ends_its_stream_and_its_job(access: FakeAccess, cancels: bool) -> None:
    client = access.connect()
    watching, ended = threading.Event(), threading.Event()

    def work(call: Call) -> None:
        call.watch(client, "job-1", cancels=cancels)
        watching.set()
        assert client.stream.ended.wait(PATIENCE_S)
        ended.set()

    async def run() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run_call, work, access, "", no_report, anyio.CapacityLimiter(1))
            await anyio.to_thread.run_sync(watching.wait, PATIENCE_S)
            group.cancel_scope.cancel()

    anyio.run(run)
    assert ended.wait(PATIENCE_S)
    assert client.cancelled == (["job-1"] if cancels else [])


def test_a_job_that_is_made_after_the_call_was_cancelled_is_cancelled_too(access: FakeAccess) -> None:
    client = access.connect()
    call = Call(access, "", lambda *_: None)
    call.cancel()
    with pytest.raises(JobFailed, match="cancelled"):
        call.watch(client, "job-2")
    assert client.cancelled == ["job-2"]


def test_who_leaves_ends_the_stream_alone(access: FakeAccess) -> None:
    client = access.connect()
    call = Call(access, "", lambda *_: None)
    call.leave()
    call.watch(client, "job-3")
    assert client.stream.ended.is_set()
    assert call.left
    assert client.cancelled == []


def test_errors_of_the_function_are_those_of_the_call(access: FakeAccess) -> None:
    def work(_: Call) -> None:
        raise ValueError("no")

    async def run() -> None:
        await run_call(work, access, "", no_report, anyio.CapacityLimiter(1))

    with pytest.raises(ValueError, match="no"):
        anyio.run(run)


def test_calls_beyond_the_limit_wait(access: FakeAccess) -> None:
    running, go_on, made = threading.Semaphore(0), threading.Event(), []

    def work(_: Call) -> None:
        running.release()
        assert go_on.wait(PATIENCE_S)
        made.append(1)

    async def run() -> None:
        limiter = anyio.CapacityLimiter(MAX_CALLS)
        async with anyio.create_task_group() as group:
            for _ in range(MAX_CALLS + 1):
                group.start_soon(run_call, work, access, "", no_report, limiter)
            for _ in range(MAX_CALLS):
                await anyio.to_thread.run_sync(running.acquire)
            assert limiter.statistics().tasks_waiting == 1
            go_on.set()

    anyio.run(run)
    assert len(made) == MAX_CALLS + 1
