"""A worker in a separate process on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from acebridge.workers.base import Device, WorkerDied
from acebridge.workers.launch import Child, Launcher, log_output
from acebridge.workers.messages import Message, Order, WorkOrder, decode_message, encode
from acestep_runtime.engines import registry


class LocalWorker:
    """See `acebridge.workers.base.Worker`. The process starts with the first order, and again after it has died."""

    def __init__(self, device: Device, launcher: Launcher) -> None:
        self.device = device
        self._launcher = launcher
        self._starts = 0
        self._models: Sequence[str] = ()
        self._child: Child | None = None
        self._log_task: asyncio.Task[None] | None = None
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
        await self.kill()  # closes the pipes of one that has died
        self._starts += 1
        self._models = ()
        self._child = await self._launcher.launch(modules)
        self._log_task = asyncio.create_task(log_output(self._child.output, "worker", device=self.device.name))
        await self._send({"op": "start", "device": self.device.name})
        await self._read()

    async def _read(self) -> Message:
        assert self._child is not None
        line = await self._child.messages.readline()
        if not line:
            raise WorkerDied(f"exit code {await self._child.exit_code}")
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
        child, log_task = self._child, self._log_task
        if child is None or log_task is None:
            return
        if not child.exit_code.done():
            child.kill()
        for end in (child.exit_code, log_task):
            await asyncio.wait([end])  # which outlives it when this wait is cancelled
        child.orders.close()
