"""The daemon's side of a worker on a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import cast

from acebridge.workers.base import Device, OutOfMemory, WorkerDied
from acebridge.workers.launch import Spawner, command
from acebridge.workers.local import LocalWorker
from acebridge.workers.messages import Message, WorkOrder
from acebridge.workers.ray.messages import Node, RelayMessage
from acebridge.workers.ray.plan import Plan

log = logging.getLogger(__name__)
_RELAY = "acebridge.workers.ray.relay"


class RayWorker:
    """See `acebridge.workers.base.Worker`. Its process here is a relay, which starts an actor with the first order.

    ``folder`` is where the relay works, ``record`` gets the id of its process.
    """

    def __init__(
        self, device: Device, plan: Plan, folder: Path, *, record: Callable[[int], None] = lambda _: None
    ) -> None:
        self.device = device
        self._relay = LocalWorker(device, Spawner(folder, command(_RELAY, plan.to_json())), record=record)
        self._node: Node | None = None
        self._problem = ""

    @property
    def pid(self) -> int:
        """See `Worker.pid`."""
        return 0

    @property
    def models(self) -> Sequence[str]:
        """See `Worker.models`."""
        return self._relay.models

    @property
    def restarts(self) -> int:
        """See `Worker.restarts`."""
        return self._relay.restarts

    @property
    def problem(self) -> str:
        """See `Worker.problem`."""
        return self._problem

    async def run(self, order: WorkOrder) -> AsyncGenerator[Message, None]:
        """See `Worker.run`."""
        async with aclosing(self._relay.run(order)) as messages:
            async for message in messages:
                mine = cast("RelayMessage | Message", message)
                if mine["type"] == "node":
                    self._node = mine["body"]
                    self.device = Device(self.device.name, mine["label"])
                    log.info("a worker runs on a node", extra={"device": self.device.name, "node": mine["label"]})
                elif mine["type"] == "problem":
                    self._problem = mine["says"]
                elif mine["type"] == "sources":
                    extra = {"device": self.device.name, "job": order["id"], "bytes": mine["size_bytes"]}
                    log.info("sources are on the node", extra=extra)
                elif mine["type"] == "death":
                    await self._relay.kill()
                    if mine["remedy"]:
                        raise OutOfMemory(mine["reason"], mine["remedy"])
                    raise WorkerDied(mine["reason"], took_order=mine["took_order"])
                else:
                    yield message

    async def cancel(self, order_id: str) -> None:
        """See `Worker.cancel`."""
        await self._relay.cancel(order_id)

    async def kill(self) -> None:
        """See `Worker.kill`. The actor ends with the relay."""
        await self._relay.kill()
