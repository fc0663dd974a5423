"""A worker in a separate process on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from functools import partial

from acebridge.background import wait_at_most
from acebridge.workers.base import Device, WorkerDied
from acebridge.workers.launch import START_LIMIT_S, Child, Launcher, log_output
from acebridge.workers.messages import Message, Order, WorkOrder, decode_message, encode
from acestep_runtime.engines import registry

log = logging.getLogger(__name__)
#: Only a process that hangs takes longer to end once its messages have.
_END_LIMIT_S = 10.0


class LocalWorker:
    """See `acebridge.workers.base.Worker`. The process starts with the first order, and again after it has died.

    One that is not ready ``start_limit_s`` after its launch hangs: it is ended, and another one is spawned.
    """

    def __init__(self, device: Device, launcher: Launcher, *, start_limit_s: float = START_LIMIT_S) -> None:
        self.device = device
        self._launcher = launcher
        self._start_limit_s = start_limit_s
        self._starts = 0
        self._models: Sequence[str] = ()
        self._child: Child | None = None
        self._log_task: asyncio.Task[None] | None = None
        self._start_task: asyncio.Task[None] | None = None
        # Held until the process has its order, so that a cancel never overtakes it.
        self._ordering = asyncio.Lock()

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

    async def run(self, order: WorkOrder) -> AsyncGenerator[Message, None]:
        """See `Worker.run`."""
        was_idle = bool(self.pid)
        try:
            await self._send_order(order)
            message = await self._read()
        except WorkerDied as death:
            # An idle process may have died, or been ended, long before: that is not this order's fault.
            raise WorkerDied(str(death), took_order=not was_idle) from None
        while True:
            if message["type"] == "done" or message["type"] == "error":
                self._models = message["models"]
                yield message
                return
            yield message
            message = await self._read()

    async def _send_order(self, order: WorkOrder) -> None:
        async with self._ordering:
            if not self.pid:
                await self._start(registry.ENGINES[order["engine"]].modules)
            await self._send(order)

    async def _start(self, modules: Sequence[str]) -> None:
        """Start the process. Raises `WorkerDied` when `kill` ends the start."""
        self._start_task = task = asyncio.create_task(self._start_process(modules))
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()  # when this wait is cancelled
        if task.cancelled():
            raise WorkerDied("ended at its start")
        task.result()

    async def _start_process(self, modules: Sequence[str]) -> None:
        self._starts += 1
        self._models = ()
        for launch in (partial(self._launcher.launch, modules), self._launcher.spawn):
            await self._end_process()  # closes the pipes of one that has died
            self._child = await launch()
            self._log_task = asyncio.create_task(log_output(self._child.output, "worker", device=self.device.name))
            await self._send({"op": "start", "device": self.device.name})
            with suppress(asyncio.TimeoutError):
                await wait_at_most(self._start_limit_s, self._read())
                return
            log.warning("a worker hangs at its start; ending it", extra={"device": self.device.name})
        await self._end_process()
        raise WorkerDied(f"it was not ready after {self._start_limit_s:g} s")

    async def _read(self) -> Message:
        assert self._child is not None
        line = await self._child.messages.readline()
        if not line:
            raise WorkerDied(f"exit code {await _end_of(self._child)}")
        return decode_message(line)

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
        async with self._ordering:
            await self._send({"op": "cancel", "id": order_id})

    async def kill(self) -> None:
        """See `Worker.kill`."""
        if self._start_task is not None:
            self._start_task.cancel()
            await asyncio.wait([self._start_task])
        await self._end_process()

    async def _end_process(self) -> None:
        child, log_task = self._child, self._log_task
        if child is None or log_task is None:
            return
        if not child.exit_code.done():
            child.kill()
        for end in (child.exit_code, log_task):
            await asyncio.wait([end])  # which outlives it when this wait is cancelled
        child.orders.close()


async def _end_of(child: Child) -> int:
    """Return the exit code of a process that has closed its messages, and end it if it does not end."""
    await asyncio.wait([child.exit_code], timeout=_END_LIMIT_S)
    if not child.exit_code.done():
        child.kill()
    return await child.exit_code
