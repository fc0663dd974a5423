"""Work in the background of an event loop: supervision, waits that can be cancelled at any moment, the end by a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
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


def stop_on_signals(stop: asyncio.Event) -> None:
    """Have the signals that end a program set ``stop``, in the running event loop. ``nohup`` keeps ignoring a hang-up."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            continue
        with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)


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
