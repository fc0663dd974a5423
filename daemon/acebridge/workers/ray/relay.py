"""The relay of a worker: the process between the daemon and an actor. Its orders and messages: `acebridge.workers.messages`.

It starts the actor with its first order, and keeps it. Once it has lost it, it says so and does no more: the next order is for
another relay, which begins with nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from acebridge.background import wait_at_most
from acebridge.workers.launch import LINE_LIMIT, PARENT, end_with_parent
from acebridge.workers.messages import (
    BEAT_S,
    CANCELLED_ERROR,
    Error,
    ErrorMessage,
    Message,
    WorkOrder,
    decode_order,
    encode,
)
from acebridge.workers.ray import cluster, sources
from acebridge.workers.ray.cluster import Refusal, Unreachable
from acebridge.workers.ray.files import Inbox
from acebridge.workers.ray.messages import DeathMessage, FilePiece, Node, Parcel, PlaceOrder, RelayMessage
from acebridge.workers.ray.plan import Plan, plan_from_json
from acestep_runtime.raw_files import write_all

#: Seconds between two tries to reach a cluster.
_RETRY_S = 5.0
#: Seconds that an actor may wait for a node before somebody is told.
_PATIENCE_S = 15.0
#: Seconds without an answer of an actor at work: its node hangs.
SILENCE_S = 60.0
_CANCELLED: ErrorMessage = {"type": "error", "body": CANCELLED_ERROR, "models": []}
_ENDS = ("done", "error", "death")

T = TypeVar("T")
Send = Callable[[Message | RelayMessage], None]


class _DiskFault(Exception):
    """A disk of this machine cannot take or give what it has to. What Ray raises about nodes is no such fault."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


async def _on_disk(function: Callable[..., T], *arguments: object) -> T:
    """Call a function that works with files, in a thread. Raises `_DiskFault`."""
    try:
        return await asyncio.to_thread(function, *arguments)
    except OSError as error:
        raise _DiskFault(error) from error


class Relay:
    """One worker on a cluster. ``send`` is the way to the daemon."""

    def __init__(self, plan: Plan, send: Send) -> None:
        self._plan = plan
        self._send = send
        self._is_connected = False
        self._actor: Any = None
        self._label = ""
        #: The id of the order that is at work, and whether it was cancelled.
        self._order_id = ""
        self._cancelled = asyncio.Event()
        #: Whether the actor has the order.
        self._has_begun = False

    async def run(self, order: WorkOrder | PlaceOrder) -> None:
        """Run an order to its end. Raises nothing."""
        self._order_id, self._has_begun = order["id"], False
        self._cancelled.clear()
        end = await self._find_end(order)
        self._order_id = ""  # before the message: the next order may have the same id
        self._send(end)

    async def _find_end(self, order: WorkOrder | PlaceOrder) -> Message | DeathMessage:
        """Run an order; return its last message."""
        try:
            return await self._run(order)
        except Refusal as refusal:
            await self._drop_actor()
            error: Error = {
                "kind": "EngineFailure",
                "message": refusal.message,
                "remedy": refusal.remedy,
                "details": {},
            }
        except _DiskFault as fault:
            await self._drop_actor()
            from acebridge.workers.main import describe_error

            error = describe_error(fault.error)
        except Exception as fault:
            where = f" on {self._label}" if self._label else ""
            reason = f"the actor{where} is lost: {cluster.describe_death(fault)}"
            return {"type": "death", "reason": reason, "took_order": self._has_begun, "remedy": ""}
        return {"type": "error", "body": error, "models": []}

    async def _drop_actor(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            with suppress(Exception):
                await asyncio.to_thread(cluster.end_actor, actor)

    async def _run(self, order: WorkOrder | PlaceOrder) -> Message | DeathMessage:
        if order["op"] == "place":
            await self._connect()
            await self._start_actor()
            return {"type": "done", "models": []}
        names = await self._bring_sources(order)
        if self._cancelled.is_set():
            return _CANCELLED
        inbox = Inbox(Path(order["folder"])) if order["op"] == "job" else None
        try:
            await cluster.ask(self._actor.begin, order, names)
            self._has_begun = True
            if self._cancelled.is_set():
                await cluster.ask(self._actor.cancel, order["id"])
            return await self._follow(inbox)
        finally:
            if inbox is not None:
                inbox.close()

    async def _follow(self, inbox: Inbox | None) -> Message | DeathMessage:
        """Pass on what the actor says and sends; return the end of the order."""
        reading = asyncio.create_task(self._read())
        try:
            while True:
                parcel = await reading
                end = parcel[-1] if parcel else None
                has_ended = end is not None and not isinstance(end, FilePiece) and end["type"] in _ENDS
                if not has_ended:
                    reading = asyncio.create_task(self._read())  # which goes on while this parcel is written
                self._send({"type": "alive", "loads": False})
                for item in parcel:
                    if isinstance(item, FilePiece):
                        assert inbox is not None
                        await _on_disk(inbox.write, item)
                    elif has_ended and item is end:
                        await cluster.ask(self._actor.finish)
                        return item
                    else:
                        if item["type"] == "take":
                            assert inbox is not None
                            await _on_disk(inbox.finish, item["body"])
                        self._send(item)
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self) -> Parcel:
        try:
            parcel: Parcel = await wait_at_most(SILENCE_S, cluster.ask(self._actor.read))
        except asyncio.TimeoutError:
            raise RuntimeError(f"no sign of life for {SILENCE_S:g} s") from None
        return parcel

    async def cancel(self, order_id: str) -> None:
        """Stop the order with this id, wherever it is by now."""
        if order_id != self._order_id:
            return
        self._cancelled.set()
        if self._has_begun:
            with suppress(Exception):  # the one that reads finds out
                await cluster.ask(self._actor.cancel, order_id)

    # ---- getting ready ----

    async def _beat_until(self, work: Coroutine[None, None, T]) -> T:
        """Return the result of ``work``; say meanwhile that this process is alive."""
        task = asyncio.create_task(work)
        while not task.done():
            await asyncio.wait([task], timeout=BEAT_S)
            self._send({"type": "alive", "loads": False})
        return task.result()

    async def _connect(self) -> None:
        """Connect to the cluster as soon as it answers. Raises `Refusal`."""
        known = ""
        while not self._is_connected:
            if problem := await self._try_connect():
                if problem != known:
                    self._send({"type": "problem", "says": problem})
                known = problem
                await self._beat_until(asyncio.sleep(_RETRY_S))

    async def _try_connect(self) -> str:
        """Return why the cluster does not answer, "" when this process is connected. Raises `Refusal`."""
        try:
            await self._beat_until(asyncio.to_thread(cluster.connect, self._plan.address))
        except Unreachable as fault:
            return str(fault)
        self._is_connected = True
        return ""

    async def _start_actor(self) -> None:
        """Start the actor, unless there is one. Raises `Refusal`."""
        if self._actor is not None:
            return
        self._actor, resources = await asyncio.to_thread(cluster.start_actor, self._plan)
        needs = ", ".join(f"{name} {amount:g}" for name, amount in resources.items())
        describing = asyncio.create_task(self._beat_until(cluster.ask(self._actor.describe)))
        await asyncio.wait([describing], timeout=_PATIENCE_S)
        if not describing.done():
            says = f"It waits for a node of the Ray cluster with {needs} free. Add one, or lower ray_workers or ray_resources."
            self._send({"type": "problem", "says": says})
        try:
            node: Node = await describing
        except Exception as fault:
            if not cluster.is_fault_of_node(fault):
                raise
            raise Refusal(
                f"A node of the Ray cluster cannot run AceBridge {self._plan.version}: {cluster.describe_death(fault)}.",
                "Install the same version there, into the Python that runs Ray.",
            ) from fault
        label = await asyncio.to_thread(cluster.label_of, node)
        if node["version"] != self._plan.version:
            raise Refusal(
                f"Node {label} of the Ray cluster has AceBridge {node['version']}, and this daemon is version"
                f" {self._plan.version}.",
                "Install the same version on all of them.",
            )
        self._label = label
        self._send({"type": "node", "label": label, "body": node})

    async def _bring_sources(self, order: WorkOrder) -> list[str]:
        """Have the node get the sources that it lacks; return the names of all. Raises ``OSError``."""
        if order["op"] != "job" or not order["files"]:
            return []
        names = await _on_disk(sources.names_of, order["files"])
        size_bytes = 0
        for name in await cluster.ask(self._actor.missing_sources, list(names)):
            offset_bytes, is_last = 0, False
            while not is_last and not self._cancelled.is_set():
                piece, is_last = await _on_disk(sources.read_piece, names[name], offset_bytes)
                reference = await asyncio.to_thread(cluster.put, piece)
                await cluster.ask(self._actor.keep_source, name, reference, offset_bytes, is_last)
                offset_bytes += len(piece)
                self._send({"type": "alive", "loads": False})
            size_bytes += offset_bytes
        self._send({"type": "sources", "size_bytes": size_bytes})
        return list(names)


async def serve(plan: Plan, send: Send) -> NoReturn:
    """Run the orders on stdin until there are no more."""
    orders = asyncio.StreamReader(limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), os.fdopen(os.dup(0), "rb"))
    relay = Relay(plan, send)
    tasks: set[asyncio.Task[None]] = set()
    while line := await orders.readline():
        order = decode_order(line)
        if order["op"] == "start":
            send({"type": "ready"})
            continue
        work = relay.cancel(order["id"]) if order["op"] == "cancel" else relay.run(order)
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    os._exit(0)  # the daemon has ended


def main() -> None:
    """Serve on stdin and stdout; the plan is the argument."""
    if parent := os.environ.pop(PARENT, ""):
        end_with_parent(int(parent))
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not break the protocol

    def send(message: Message | RelayMessage) -> None:
        write_all(messages, encode(message))  # type: ignore[arg-type]

    asyncio.run(serve(plan_from_json(sys.argv[1]), send))
