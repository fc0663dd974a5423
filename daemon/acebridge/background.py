"""Work in the background of an event loop: supervision, and waiting that can be cancelled at any moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSE_S = 1.0


async def wait_at_most(limit_s: float | None, work: Coroutine[None, None, T]) -> T:
    """Return the result of ``work``. Raises ``asyncio.TimeoutError`` when it takes longer, and cancels it then.

    ``None`` is no limit.

    Before Python 3.12 `asyncio.wait_for` loses a cancel that comes at the moment when the work ends: a loop that waits with it
    may run on for ever (CPython issue 86296). This wait is always cancelled.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task], timeout=limit_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        raise asyncio.TimeoutError
    return task.result()


async def supervise(
    name: str, work: Callable[[], Awaitable[None]], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Run ``work`` to its end. When it fails, log why under ``name``, pause, and run it again."""
    while True:
        try:
            await work()
        except Exception:  # noqa: PERF203
            log.exception("%s failed; starting it again", name)
            await sleep(_PAUSE_S)
        else:
            return
