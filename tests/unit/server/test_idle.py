"""When a daemon counts as idle, by a clock that tests move, and what it does then."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from acebridge.server.idle import is_busy, run_when_idle, unload_models
from acebridge.server.open_calls import CallLimits, OpenCalls

#: None of them is reached.
LIMITS = CallLimits(1000, 1000, 1e6, 1e6)


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.events: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        target = self.now + seconds
        for event in sorted((e for e in self.events if e[0] <= target), key=lambda e: e[0]):
            self.events.remove(event)
            self.now = event[0]
            event[1]()
        self.now = target
        if target > 200:
            raise asyncio.CancelledError


def action_times(idle_s: float, plan: Callable[[Clock, Any, OpenCalls], None]) -> list[float]:
    """Return when the action ran in 100 seconds. ``plan`` says what happens meanwhile."""
    clock = Clock()
    calls = OpenCalls(LIMITS, clock)
    work = SimpleNamespace(jobs=0)
    ran: list[float] = []
    plan(clock, work, calls)

    async def busy() -> bool:
        return bool(work.jobs)

    async def action() -> None:
        ran.append(clock.now)

    async def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run_when_idle(idle_s, action, busy=busy, calls=calls, clock=clock, sleep=clock.sleep)

    asyncio.run(run())
    return ran


async def _answer() -> None:
    """Stands for a call: what gRPC runs an interceptor in."""


def test_calls_of_grpc_itself_do_not_count() -> None:
    async def scenario() -> None:
        calls = OpenCalls(LIMITS)
        for method, count in (("/grpc.health.v1.Health/Watch", 0), ("/acebridge.v1.JobService/WatchJob", 1)):
            details: Any = SimpleNamespace(method=method)
            await calls.intercept_service(lambda _: _answer(), details)
            assert (calls.count, calls.begun) == (count, count)

    asyncio.run(scenario())


class Jobs:
    """A journal whose jobs are counted while calls come and go, as ``meanwhile`` says."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile

    async def count(self, _state: str) -> int:
        self._meanwhile()
        return 0


def test_a_call_that_came_and_ended_while_jobs_were_counted_may_have_left_one() -> None:
    calls = OpenCalls(LIMITS)

    def call() -> None:
        calls.begun += 1

    quiet: Any = Jobs(lambda: None)
    eventful: Any = Jobs(call)
    assert not asyncio.run(is_busy(quiet, calls))
    assert asyncio.run(is_busy(eventful, calls))


def test_the_call_that_asks_is_no_work() -> None:
    calls: Any = SimpleNamespace(count=1, begun=0)
    jobs: Any = Jobs(lambda: None)
    assert asyncio.run(is_busy(jobs, calls))
    assert not asyncio.run(is_busy(jobs, calls, own_calls=1))


def test_time_counts_from_the_start() -> None:
    assert action_times(40, lambda *_: None) == [140, 180]


def test_time_counts_from_the_last_call() -> None:
    def plan(clock: Clock, _: Any, calls: OpenCalls) -> None:
        def end_call() -> None:
            calls.last_end = clock.now

        clock.events += [(110.0, end_call), (135.0, end_call)]

    assert action_times(40, plan) == [175]


def test_time_counts_from_the_last_job() -> None:
    def plan(clock: Clock, work: Any, _: OpenCalls) -> None:
        clock.events += [(120.0, lambda: setattr(work, "jobs", 1)), (150.5, lambda: setattr(work, "jobs", 0))]

    (first,) = action_times(40, plan)
    assert 190 <= first <= 191  # the end of a job is seen within a second


class Health(health_pb2_grpc.HealthServicer):
    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def Check(self, *_: Any) -> health_pb2.HealthCheckResponse:  # noqa: N802
        self.asked.set()
        await self.may_answer.wait()
        return health_pb2.HealthCheckResponse()

    async def Watch(self, *_: Any) -> Any:  # noqa: N802
        self.asked.set()
        while True:
            yield health_pb2.HealthCheckResponse()
            await self.may_answer.wait()


@pytest.mark.parametrize("end", ["answer", "cancel", "cancel stream"])
def test_calls_are_open_until_they_end(end: str) -> None:
    async def until(found: Callable[[], bool]) -> None:
        while not found():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def scenario() -> None:
        calls, health = OpenCalls(LIMITS, ignored=()), Health()
        server = grpc.aio.server(interceptors=(calls,))
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        before = calls.last_end
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            assert calls.count == 0
            call = (stub.Watch if end == "cancel stream" else stub.Check)(health_pb2.HealthCheckRequest())
            await health.asked.wait()
            assert calls.count == 1
            assert calls.last_end == before
            if end == "answer":
                health.may_answer.set()
                await call
            else:
                call.cancel()
            await until(lambda: calls.count == 0)
            assert calls.last_end > before
        await server.stop(None)
        del server  # while there is a loop: it stops again when it is deleted
        gc.collect()
        await asyncio.sleep(0)

    run(scenario())


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 600))


def test_all_models_of_all_workers_are_unloaded_once() -> None:
    orders: list[tuple[str, str, str]] = []

    async def manage_model(op: str, model: str, engine: str) -> None:
        orders.append((op, model, engine))

    workers = {"cuda:0": SimpleNamespace(models=("b", "a")), "cuda:1": SimpleNamespace(models=("a",))}
    scheduler: Any = SimpleNamespace(workers=workers, manage_model=manage_model)
    asyncio.run(unload_models(scheduler, "neural"))
    assert orders == [("unload", "a", "neural"), ("unload", "b", "neural")]
