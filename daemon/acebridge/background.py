"""Work in the background of an event loop: supervision, waits that can be cancelled at any moment, reading ahead, signals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

from acebridge.errors import AceBridgeError
from acebridge.pauses import double_pauses

log = logging.getLogger(__name__)
T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_SETTLED_S = 5.0


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


async def run_whole(work: Coroutine[None, None, T]) -> T:
    """Return the result of ``work``, which runs to its end even if the caller is cancelled meanwhile; that is raised then.

    A thread cannot be stopped: the file that it writes to must not be closed, or used again, before it has ended.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # the cancel counts, whatever it was
        raise


async def gather_arrived(source: AsyncIterator[T]) -> AsyncGenerator[list[T], None]:
    """Yield what a source yields, in lists of what has arrived since the last one: whoever takes long gets more at once.

    Close it before the source. What the source raises is raised behind all that came before.
    """
    items: list[T] = []
    arrived = asyncio.Event()

    async def read() -> None:
        async for item in source:
            items.append(item)
            arrived.set()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: arrived.set())
    try:
        while items or not reading.done():
            await arrived.wait()
            arrived.clear()
            if items:
                taken = items.copy()
                items.clear()
                yield taken
        reading.result()
    finally:
        reading.cancel()
        await asyncio.wait([reading])


def stop_on_signals(stop: asyncio.Event) -> None:
    """Have the signals that end a program set ``stop``, in the running event loop. ``nohup`` keeps ignoring a hang-up."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            continue
        with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)


def stop_with_parent(stop: asyncio.Event) -> None:
    """Have the end of our standard input set ``stop``, in the running event loop: nobody holds the other end any more."""

    def wait(loop: asyncio.AbstractEventLoop) -> None:
        while os.read(0, 1024):
            pass
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, args=(asyncio.get_running_loop(),), daemon=True).start()


class Supervisor:
    """Runs background work, again after it has failed, and knows what fails now.

    The pause before a restart doubles with each failure, up to a minute. Work that has run again for ``_SETTLED_S`` is well.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        #: Name of the work → what it failed with, while it has not settled again.
        self.failing: dict[str, str] = {}
        #: Called after every change of `failing`.
        self.on_change: Callable[[], None] = lambda: None

    async def run(self, name: str, work: Callable[[], Awaitable[None]], *, may_end: bool = False) -> None:
        """Run ``work`` until it is cancelled, or to its end if it ``may_end``; any other end is a failure.

        A failure is logged under ``name``, once while it repeats itself.
        """
        pauses = double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            error = await self._attempt(name, work)
            if error is None and may_end:
                self._settle(name)
                return
            why = "it ended" if error is None else f"{type(error).__name__}: {error}"
            if name not in self.failing:
                pauses = double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            if self.failing.get(name) != why:
                trace = None if isinstance(error, AceBridgeError) else error
                log.error("%s failed; starting it again", name, exc_info=trace, extra={"why": why})
                self.failing[name] = why
                self.on_change()
            await self._sleep(next(pauses))

    async def _attempt(self, name: str, work: Callable[[], Awaitable[None]]) -> Exception | None:
        """Run ``work`` once; return what it fails with."""
        tasks = [asyncio.ensure_future(_call(work))]
        if name in self.failing:
            tasks.append(asyncio.ensure_future(self._settle_later(name)))
        try:
            await asyncio.wait(tasks[:1])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        error = asyncio.CancelledError() if tasks[0].cancelled() else tasks[0].exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        return error

    async def _settle_later(self, name: str) -> None:
        await self._sleep(_SETTLED_S)
        self._settle(name)

    def _settle(self, name: str) -> None:
        if self.failing.pop(name, None) is not None:
            log.info("%s works again", name)
            self.on_change()


async def _call(work: Callable[[], Awaitable[None]]) -> None:
    await work()
