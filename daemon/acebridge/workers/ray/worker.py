"""The daemon's side of a worker on a Ray cluster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import cast

from acebridge.pauses import double_pauses
from acebridge.workers.base import Device, Need, NotReady, OutOfMemory, WorkerDied
from acebridge.workers.launch import START_LIMIT_S, Spawner, command
from acebridge.workers.local import LocalWorker
from acebridge.workers.messages import Message, WorkOrder
from acebridge.workers.ray.messages import PLACE, Node, PlaceOrder, RelayMessage
from acebridge.workers.ray.plan import Plan

log = logging.getLogger(__name__)
_RELAY = "acebridge.workers.ray.relay"
#: The pause after the first attempt to start that failed, and the longest. A relay tries again itself while it lives.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0


class RayWorker:
    """See `acebridge.workers.base.Worker`. Its process here is a relay, and an actor runs the engines.

    It starts when a job waits that no other of its ``team`` can take at once: one worker starts at a time, so that a cluster
    gives no more than is asked for. Until the actor is there no job suits, so jobs wait in the queue and not here.

    The relay works in ``folder``, and ``record`` gets the id of its process. ``wake`` is called when jobs suit, or its
    problem is another.
    """

    def __init__(
        self,
        device: Device,
        plan: Plan,
        folder: Path,
        *,
        team: list[RayWorker],
        wake: Callable[[], None] = lambda: None,
        record: Callable[[int], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.device = device
        #: Why it cannot start, and the last need that its node did not meet.
        self._problem = ""
        self._unmet: Need | None = None
        self._relay = LocalWorker(device, Spawner(folder, command(_RELAY, plan.to_json())), record=record)
        self._team = team
        self._wake = wake
        self._sleep = sleep
        #: What the node of the actor can do; ``None`` while there is no actor.
        self._node: Node | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_busy = False
        team.append(self)

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
        if self._problem or self._unmet is None or any(each.can_do(self._unmet) for each in self._team):
            return self._problem
        model = f" and the model {self._unmet.model}" if self._unmet.model else ""
        return (
            f"Node {self.device.label} cannot do {self._unmet.task} with the {self._unmet.engine} engine{model}. Install what"
            " is missing there, then run `acebridge stop`."
        )

    def _note_problem(self, says: str) -> None:
        """Keep why it cannot start, "" for nothing; jobs that wait say so."""
        if says != self._problem:
            self._problem = says
            if says:
                log.error("a worker cannot start", extra={"device": self.device.name, "why": says})
            self._wake()

    def suits(self, need: Need) -> bool:
        """See `Worker.suits`. Starts the actor where nobody else can take such a job."""
        if self._node is not None:
            if self.can_do(need):
                return True
            self._unmet = need
            return False
        if self._starting is None and not any(each.will_take(need) for each in self._team):
            self._starting = asyncio.create_task(self._start())
        return False

    def will_take(self, need: Need) -> bool:
        """Return whether it can take a job with this need now, or may as soon as it has started."""
        if self._node is None:
            return self._starting is not None
        return not self._is_busy and self.can_do(need)

    def can_do(self, need: Need) -> bool:
        """Return whether there is an actor whose node can run a job with this need, now or later."""
        return self._node is not None and can_do(self._node, need)

    # ---- the actor ----

    async def _start(self) -> None:
        """Have the relay start the actor, again and again until it is there."""
        pauses = double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        try:
            while not await self._try_start():
                await self._sleep(next(pauses))
        finally:
            self._starting = None
        self._problem = ""
        self._wake()

    async def _try_start(self) -> bool:
        """Return whether there is an actor now. Says why where there is none."""
        problem = ""
        try:
            async with aclosing(self._relay_messages(PLACE)) as messages:
                async for message in messages:
                    if message["type"] == "error":
                        problem = f"{message['body']['message']} {message['body']['remedy']}"
        except WorkerDied as death:
            problem = f"The Ray worker could not start: {death}. See the log of Ray."
        except Exception as fault:  # such as no process for the relay
            log.exception("a relay failed", extra={"device": self.device.name})
            problem = f"The Ray worker could not start: {fault}. See the daemon's log."
        if problem:
            self._note_problem(problem)
            await self._lose()
        return self._node is not None

    async def _relay_messages(self, order: WorkOrder | PlaceOrder) -> AsyncGenerator[Message, None]:
        """Give an order to the relay; keep what it says about the worker, yield the rest. Raises `WorkerDied`."""
        async with aclosing(self._relay.run(cast("WorkOrder", order))) as messages:
            async for message in messages:
                own = cast("RelayMessage | Message", message)
                if own["type"] == "death":
                    if own["remedy"]:
                        raise OutOfMemory(own["reason"], own["remedy"])
                    raise WorkerDied(own["reason"], took_order=own["took_order"])
                if own["type"] == "node":
                    self._node = own["body"]
                    self.device = Device(self.device.name, own["label"])
                    log.info("a worker runs on a node", extra={"device": self.device.name, "node": own["label"]})
                elif own["type"] == "problem":
                    self._note_problem(own["says"])
                elif own["type"] == "sources":
                    extra = {"device": self.device.name, "job": order["id"], "bytes": own["size_bytes"]}
                    log.info("sources are on the node", extra=extra)
                else:
                    yield message

    async def _lose(self) -> None:
        """Forget the actor, which ends with its relay."""
        self._node = self._unmet = None
        self.device = Device(self.device.name)
        await self._relay.kill()

    # ---- orders ----

    async def run(self, order: WorkOrder) -> AsyncGenerator[Message, None]:
        """See `Worker.run`. Raises `NotReady` where there is no actor, for an order about models after some time, unless there
        is one of another worker.
        """
        if order["op"] != "job" and all(each._node is None for each in self._team):
            await self._wait_for_start()
        if self._node is None:
            raise NotReady(self._problem or "it starts")
        self._is_busy, self._unmet = True, None
        self._wake()  # a job that was left to this worker may need another one to start
        try:
            async with aclosing(self._relay_messages(order)) as messages:
                async for message in messages:
                    yield message
        except OutOfMemory:
            raise  # the actor lives, and starts another process
        except WorkerDied as death:
            await self._lose()
            if not death.took_order:
                raise NotReady(str(death)) from None
            raise
        finally:
            self._is_busy = False

    async def _wait_for_start(self) -> None:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        await asyncio.wait([self._starting], timeout=START_LIMIT_S)

    async def cancel(self, order_id: str) -> None:
        """See `Worker.cancel`."""
        await self._relay.cancel(order_id)

    async def kill(self) -> None:
        """See `Worker.kill`."""
        if (starting := self._starting) is not None:
            starting.cancel()
            await asyncio.wait([starting])
        await self._lose()


def can_do(node: Node, need: Need) -> bool:
    """Return whether a node can run a job with this need."""
    return need.task in node["engines"].get(need.engine, ()) and (not need.model or need.model in node["models"])
