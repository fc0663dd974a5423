"""Waiting with a limit: its result, its end, and a cancel at every moment. Work that is started again when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pytest

from acebridge.background import Supervisor, gather_arrived, wait_at_most
from acebridge.errors import DiskFailing
from tests.support.fake_worker import FakeClock


async def steps(number: int) -> int:
    """Give the event loop this many turns."""
    for _ in range(number):
        await asyncio.sleep(0)
    return number


def test_the_result_is_returned() -> None:
    assert asyncio.run(wait_at_most(600, steps(3))) == 3


def test_an_error_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match=r"^broken$"):
        asyncio.run(wait_at_most(600, fail()))


def test_work_that_takes_too_long_is_cancelled() -> None:
    ended = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(wait_at_most(0.001, hang()))
    assert ended == [True]


@pytest.mark.parametrize("turns", range(8))
def test_a_cancel_at_any_moment_is_heeded(turns: int) -> None:
    """The work ends in turn 3. A wait that was cancelled before it returned never returns."""

    async def run() -> bool:
        returned = False

        async def wait() -> None:
            nonlocal returned
            await wait_at_most(600, steps(3))
            returned = True
            await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await steps(turns)
        before = returned
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return returned == before

    assert asyncio.run(run())


# ---- supervision ----


class Work:
    """Work that fails as often as it is told, with these errors (``None``: it ends), and then runs for ever."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.runs = 0
        self.is_running = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if not self.failures:
            self.is_running.set()
            await asyncio.Event().wait()
        if (error := self.failures.pop(0)) is not None:
            raise error


def supervise(work: Work, scenario: Callable[[Supervisor, FakeClock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = FakeClock()
        supervisor = Supervisor(sleep=clock.sleep)
        task = asyncio.create_task(supervisor.run("counting sheep", work.run))
        await scenario(supervisor, clock)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(run())


@pytest.mark.parametrize("failure", [OSError("no sheep"), None])
def test_work_that_fails_is_started_again(failure: Exception | None, caplog: pytest.LogCaptureFixture) -> None:
    work, changes = Work(failure), []

    async def scenario(supervisor: Supervisor, clock: FakeClock) -> None:
        supervisor.on_change = lambda: changes.append(list(supervisor.failing))
        await clock.wake()
        await work.is_running.wait()
        assert changes == [["counting sheep"]]  # it has to run for a while first
        await clock.wake()
        await steps(3)
        assert changes == [["counting sheep"], []]
        assert clock.slept == [1.0, 5.0]

    with caplog.at_level(logging.INFO):
        supervise(work, scenario)
    assert work.runs == 2
    assert caplog.messages == ["counting sheep failed; starting it again", "counting sheep works again"]


def test_a_failure_that_repeats_itself_is_logged_once_and_pauses_grow(caplog: pytest.LogCaptureFixture) -> None:
    work = Work(*(OSError("no sheep") for _ in range(8)), OSError("wolves"))

    async def scenario(supervisor: Supervisor, clock: FakeClock) -> None:
        while work.failures or not work.is_running.is_set():
            await clock.wake()
            await steps(5)
        pauses = [slept for slept in clock.slept if slept != 5.0]
        assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
        assert supervisor.failing == {"counting sheep": "OSError: wolves"}

    supervise(work, scenario)
    assert [record.__dict__["why"] for record in caplog.records] == ["OSError: no sheep", "OSError: wolves"]


def test_work_that_may_end_is_left_alone_when_it_does() -> None:
    work = Work(None)
    asyncio.run(Supervisor().run("counting sheep", work.run, may_end=True))
    assert work.runs == 1


def test_a_failure_that_has_a_sentence_needs_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    failures = [DiskFailing()]

    async def work() -> None:
        if failures:
            raise failures.pop()

    async def pause(_: float) -> None:
        pass

    with caplog.at_level(logging.ERROR):
        asyncio.run(Supervisor(sleep=pause).run("working", work, may_end=True))
    (record,) = caplog.records
    assert (record.getMessage(), record.exc_info) == ("working failed; starting it again", None)
    assert record.__dict__["why"].startswith("DiskFailing: The disk that holds the data folder reports errors.")


# ---- reading ahead ----


async def numbers(closed: list[bool], *, error: Exception | None = None) -> AsyncIterator[int]:
    """Three at once, two after a turn, then an error if there is one."""
    try:
        for number in range(5):
            if number == 3:
                await asyncio.sleep(0)
            yield number
        if error is not None:
            raise error
    finally:
        closed.append(True)


def test_what_arrives_together_comes_together_and_all_of_it_in_order() -> None:
    async def read() -> list[list[int]]:
        return [batch async for batch in gather_arrived(numbers([]))]

    assert asyncio.run(read()) == [[0, 1, 2], [3, 4]]


def test_an_error_comes_behind_what_came_before() -> None:
    seen: list[int] = []

    async def read() -> None:
        async for batch in gather_arrived(numbers([], error=ValueError("broken"))):
            seen.extend(batch)
            await steps(9)  # meanwhile the rest has arrived

    with pytest.raises(ValueError, match=r"^broken$"):
        asyncio.run(read())
    assert seen == list(range(5))


def test_who_leaves_early_closes_the_source() -> None:
    closed: list[bool] = []

    async def read() -> None:
        async with aclosing(numbers(closed)) as source, aclosing(gather_arrived(source)) as batches:
            assert await anext(batches) == [0, 1, 2]

    asyncio.run(read())
    assert closed == [True]
