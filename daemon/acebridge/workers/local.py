"""A worker in a separate process on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from acebridge.background import wait_at_most
from acebridge.workers import memory
from acebridge.workers.base import Device, Need, OutOfMemory, WorkerDied
from acebridge.workers.launch import START_LIMIT_S, Child, Launcher, log_output
from acebridge.workers.messages import (
    BEAT_S,
    CANCELLED_ERROR,
    Message,
    Order,
    StartOrder,
    WorkOrder,
    decode_message,
    encode,
)
from acestep_runtime.engines import registry

log = logging.getLogger(__name__)
T = TypeVar("T")
#: Only a process that hangs takes longer to end once its messages have; only one that a driver holds, once it was killed.
_END_LIMIT_S, _KILL_LIMIT_S = 10.0, 10.0
#: A wait counts in this many parts, each once: a computer that sleeps, or a daemon that is stopped, is no worker that hangs.
_PARTS = 4
#: Seconds that a cancelled order may take to end before its caller goes on without it.
_PATIENCE_S = 0.5
#: Seconds between two looks at the memory that a worker takes.
_LOOK_S = 0.25
#: The exit code of a process that was killed and does not end.
_KILLED = -9


@dataclass(frozen=True)
class Limits:
    """Beyond these a worker is ended; 0 is no limit."""

    #: Seconds until it is ready.
    start_s: float = START_LIMIT_S
    #: Seconds at work without a sign of life: it is stopped, or a driver hangs.
    silence_s: float = 120.0
    #: Seconds at work without progress.
    step_s: float = 0.0
    #: Seconds that it may go on with a cancelled order, unless it loads a model.
    stop_s: float = 10.0
    #: Memory that it alone takes.
    memory_bytes: int = 0


def suits_all(_need: Need) -> bool:
    """Return true: a worker runs every engine of this machine."""
    return True


class LocalWorker:
    """See `acebridge.workers.base.Worker`. The process starts with the first order, and again after it has died.

    One that is not ready in time hangs: it is ended, and another one is spawned. ``record`` gets the id of each process,
    ``suits`` says which jobs it may run.

    A cancelled order ends at once, also where the process cannot stop: it starts, imports, or loads a model. It goes on with
    that in the background; the next order waits for it, and finds what was loaded.
    """

    def __init__(
        self,
        device: Device,
        launcher: Launcher,
        *,
        limits: Limits | None = None,
        record: Callable[[int], None] = lambda _: None,
        suits: Callable[[Need], bool] = suits_all,
    ) -> None:
        self.device = device
        self._launcher = launcher
        self._limits = limits or Limits()
        self._record = record
        self._suits = suits
        self._starts = 0
        self._models: Sequence[str] = ()
        #: The memory that the process took when it was ended for that.
        self._taken_bytes = 0
        self._child: Child | None = None
        self._log_task: asyncio.Task[None] | None = None
        self._start_task: asyncio.Task[None] | None = None
        #: Reads what the process still says of a cancelled order.
        self._rest_task: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[Message] | None = None
        self._order_id = ""
        #: Set when the order has to stop.
        self._stop = asyncio.Event()
        #: Whether its last sign of life said that it loads a model.
        self._loads = False

    @property
    def pid(self) -> int:
        """See `Worker.pid`."""
        return self._child.pid if self._child is not None and not self._child.exit_code.done() else 0

    @property
    def models(self) -> Sequence[str]:
        """See `Worker.models`."""
        return self._models if self.pid else ()

    @property
    def restarts(self) -> int:
        """See `Worker.restarts`."""
        return max(self._starts - 1, 0)

    @property
    def problem(self) -> str:
        """See `Worker.problem`."""
        return ""

    def suits(self, need: Need) -> bool:
        """See `Worker.suits`."""
        return self._suits(need)

    async def run(self, order: WorkOrder) -> AsyncGenerator[Message, None]:
        """See `Worker.run`."""
        was_idle = bool(self.pid)
        watch: asyncio.Task[None] | None = None
        self._order_id, self._loads = order["id"], False
        self._stop.clear()
        try:
            if not await self._make_ready(order):
                yield self._end_of_cancelled()
                return
            await self._send(order)
            watch, stop_at_s = self._start_watch(), 0.0
            while True:
                if self._stop.is_set() and not stop_at_s:
                    await self._send({"op": "cancel", "id": order["id"]})
                    stop_at_s = asyncio.get_running_loop().time() + _PATIENCE_S
                try:
                    message = await self._read_until(stop_at_s)
                except OutOfMemory:
                    raise
                except WorkerDied as death:
                    # An idle process may have died, or been ended, long before: that is not this order's fault.
                    raise WorkerDied(str(death), took_order=not was_idle) from None
                if message is not None:
                    was_idle = False
                    yield message
                    if message["type"] == "done" or message["type"] == "error":
                        return
                elif stop_at_s:
                    self._rest_task = asyncio.create_task(self._read_rest(watch))
                    watch = None
                    yield self._end_of_cancelled()
                    return
        finally:
            self._order_id = ""
            if watch is not None:
                watch.cancel()
                self._end_reading()

    def _end_of_cancelled(self) -> Message:
        return {"type": "error", "body": CANCELLED_ERROR, "models": list(self.models)}

    async def _make_ready(self, order: WorkOrder) -> bool:
        """Have a process that takes an order; return false where the order has to stop before."""
        if not await self._wait(self._rest_task):
            return False
        if self._start_task is None or self._start_task.done():
            if self.pid:
                return True
            modules = registry.ENGINES[order["engine"]].modules
            self._start_task = _in_background(self._start_process(modules))
        if not await self._wait(self._start_task):
            return False
        if self._start_task.cancelled():
            raise WorkerDied("ended at its start")
        self._start_task.result()
        return True

    async def _wait(self, task: asyncio.Task[T] | None) -> bool:
        """Wait for a task, or until the order has to stop; return whether the task has ended. It goes on otherwise."""
        if task is None or task.done():
            return True
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        return task.done()

    async def _read_until(self, stop_at_s: float) -> Message | None:
        """Return the next message that says something; ``None`` at that time of the event loop, or, where it is 0, as soon as
        the order has to stop.
        """
        if self._reading is None:
            self._reading = _in_background(self._read())
        if stop_at_s:
            await asyncio.wait([self._reading], timeout=max(0.0, stop_at_s - asyncio.get_running_loop().time()))
        else:
            await self._wait(self._reading)
        if not self._reading.done():
            return None
        reading, self._reading = self._reading, None
        message = reading.result()
        if message["type"] == "done" or message["type"] == "error":
            self._models = message["models"]
        return message

    async def _read_rest(self, watch: asyncio.Task[None] | None) -> None:
        """Read what a process says of a cancelled order until that ends; end a process that goes on for too long."""
        limit_s, now_s = self._limits.stop_s, asyncio.get_running_loop().time
        try:
            end_s = now_s() + limit_s
            while (message := await self._read_until(end_s)) is None or message["type"] not in ("done", "error"):
                if message is None and not self._loads:
                    await self._end_hanging(f"it did not stop in {limit_s:g} s")
                    return
                if message is None:  # it says so again with each beat, however short the limit is
                    self._loads, end_s = False, now_s() + max(limit_s, 2 * BEAT_S)
        except WorkerDied as death:
            log.warning("a worker ended after a cancelled order: %s", death, extra={"device": self.device.name})
        finally:
            if watch is not None:
                watch.cancel()
            self._end_reading()

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _start_watch(self) -> asyncio.Task[None] | None:
        """Have a process end that takes more memory than it may."""
        self._taken_bytes = 0
        if not self._limits.memory_bytes or self._child is None:
            return None
        return asyncio.create_task(self._watch_memory(self._child, self._limits.memory_bytes))

    async def _watch_memory(self, child: Child, limit_bytes: int) -> None:
        while (taken := memory.memory_of(child.pid)) <= limit_bytes:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(_LOOK_S)
        self._taken_bytes = taken
        child.kill()

    async def _start_process(self, modules: Sequence[str]) -> None:
        self._starts += 1
        self._models = ()
        for launch in (partial(self._launcher.launch, modules), self._launcher.spawn):
            await self._end_process()  # closes the pipes of one that has died
            self._child = await launch()
            self._record(self._child.pid)
            self._log_task = asyncio.create_task(log_output(self._child.output, "worker", device=self.device.name))
            order: StartOrder = {
                "op": "start",
                "device": self.device.name,
                "memory_bytes": self._limits.memory_bytes,
                "parts": self.device.parts,
            }
            await self._send(order)
            with suppress(asyncio.TimeoutError):
                await wait_at_most(self._limits.start_s or None, self._read_any(self._child))
                return
            log.warning("a worker hangs at its start; ending it", extra={"device": self.device.name})
        await self._end_process()
        raise WorkerDied(f"it was not ready after {self._limits.start_s:g} s")

    async def _read(self) -> Message:
        """Return the next message that says something. Raises `WorkerDied`, also for a process that hangs, which it ends."""
        child, limits, quiet_s = self._child, self._limits, 0.0
        if child is None:
            raise WorkerDied("it was ended")
        while True:
            reading = asyncio.create_task(self._read_any(child))
            try:
                if not await _ends_within(limits.silence_s, reading):
                    raise await self._end_hanging(f"no sign of life for {limits.silence_s:g} s")
            finally:
                reading.cancel()
            message = reading.result()
            if message["type"] != "alive":
                return message
            self._loads = message["loads"]
            quiet_s += BEAT_S
            if 0 < limits.step_s <= quiet_s:
                raise await self._end_hanging(f"no progress for {limits.step_s:g} s")

    async def _end_hanging(self, why: str) -> WorkerDied:
        log.warning("a worker hangs; ending it: %s", why, extra={"device": self.device.name})
        await self._end_process()  # the next order is for another one
        return WorkerDied(why)

    async def _read_any(self, child: Child) -> Message:
        line = await child.messages.readline()
        if line:
            return decode_message(line)
        code = await _end_of(child)
        if self._taken_bytes:
            error = memory.out_of_memory(self._limits.memory_bytes, self._taken_bytes)
            raise OutOfMemory(error.message, error.remedy)
        raise WorkerDied(f"exit code {code}")

    async def _send(self, order: Order) -> None:
        if self._child is None or not self.pid:
            return
        try:
            self._child.orders.write(encode(order))
            await self._child.orders.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the reader of its messages will notice

    async def cancel(self, order_id: str) -> None:
        """See `Worker.cancel`."""
        if order_id == self._order_id:
            self._stop.set()

    async def kill(self) -> None:
        """See `Worker.kill`."""
        for task in filter(None, (self._start_task, self._rest_task)):
            task.cancel()
            await asyncio.wait([task])
        await self._end_process()

    async def _end_process(self) -> None:
        child, log_task = self._child, self._log_task
        if child is None or log_task is None:
            return
        if not child.exit_code.done():
            child.kill()
        for end in (child.exit_code, log_task):
            # Which outlives it when this wait is cancelled. What a driver holds, or a child of its own, is left behind.
            await asyncio.wait([end], timeout=_KILL_LIMIT_S)
        log_task.cancel()
        child.orders.close()
        if not child.exit_code.done():
            log.error("a worker cannot be ended", extra={"pid": child.pid, "device": self.device.name})
            if self._child is child:
                self._child = None


def _in_background(work: Coroutine[None, None, T]) -> asyncio.Task[T]:
    """Return a task for which nobody may wait in the end: then its error is missed by nobody."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _ends_within(limit_s: float, task: asyncio.Task[Message]) -> bool:
    """Return whether a task ends within a time, 0 for any."""
    for _ in range(_PARTS):
        await asyncio.wait([task], timeout=limit_s / _PARTS or None)
        if task.done():
            return True
    return False


async def _end_of(child: Child) -> int:
    """Return the exit code of a process that has closed its messages, and end it if it does not end."""
    await asyncio.wait([child.exit_code], timeout=_END_LIMIT_S)
    if not child.exit_code.done():
        child.kill()
        await asyncio.wait([child.exit_code], timeout=_KILL_LIMIT_S)
    return child.exit_code.result() if child.exit_code.done() else _KILLED
