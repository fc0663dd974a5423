"""Waiting with a limit: its result, its end, and a cancel at every moment."""

from __future__ import annotations

import asyncio

import pytest

from acebridge.background import wait_at_most


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
