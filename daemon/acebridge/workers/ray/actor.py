"""The actor of a worker: it runs the worker process on its node, and hands over what that says and writes.

Whoever has it asks: nothing is sent that nobody waits for, and an actor that nobody asks ends its work.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import time
import traceback
from contextlib import aclosing, suppress
from pathlib import Path

from acebridge.background import wait_at_most
from acebridge.config import load_config
from acebridge.paths import data_folder
from acebridge.private_files import make_private_folder
from acebridge.processes import start_of
from acebridge.version import VERSION
from acebridge.workers import memory
from acebridge.workers.base import Device, OutOfMemory, WorkerDied
from acebridge.workers.launch import Spawner
from acebridge.workers.local import Limits, LocalWorker
from acebridge.workers.messages import BEAT_S, JobOrder, WorkOrder
from acebridge.workers.ray.files import Outbox
from acebridge.workers.ray.messages import Node, Parcel
from acebridge.workers.ray.plan import plan_from_json
from acebridge.workers.ray.sources import SourceFolder
from acestep_runtime.engines import registry
from acestep_runtime.tasks import TASKS
from acestep_runtime.weights.folder import VARIABLE as MODELS_FOLDER
from acestep_runtime.weights.folder import models_folder
from acestep_runtime.weights.installed import find_installed_models

#: Seconds at work without a question, after which the one who asks is gone, whatever Ray knows of it.
FORSAKEN_S = 120.0


class NodeWorker:
    """One worker on a node of the cluster. Ray calls its methods in one event loop; one order at a time."""

    def __init__(self, plan_text: str, gpus: int = 0) -> None:
        plan = plan_from_json(plan_text)
        os.environ.update(plan.variables)
        os.environ[registry.PLACE] = registry.HERE
        if MODELS_FOLDER not in os.environ:
            os.environ[MODELS_FOLDER] = str(load_config().models_dir)
        folder = data_folder() / "ray"
        self._sources = SourceFolder(folder / "sources")
        self._folder = _own_folder(folder / "orders")
        memory_bytes = memory.default_limit() if plan.memory_bytes is None else plan.memory_bytes
        self._worker = LocalWorker(
            Device("cuda:0" if gpus else "cpu"),  # Ray lets an actor see its own GPUs only
            Spawner(self._folder),
            limits=Limits(step_s=plan.step_s, memory_bytes=memory_bytes),
        )
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self._outbox = Outbox(self._folder)
        self._news = asyncio.Event()
        self._asked_s = 0.0

    async def describe(self) -> Node:
        """Return what this node can do."""
        return await asyncio.to_thread(self._describe)

    def _describe(self) -> Node:
        engines = {
            name: [task for task, lack in registry.missing_by_task(info, TASKS.values()).items() if lack is None]
            for name, info in registry.ENGINES.items()
        }
        models = [model.name for model in find_installed_models(models_folder()) if model.complete]
        return {
            "node_id": _node_id(),
            "host": platform.node(),
            "version": VERSION,
            "device": self._worker.device.name,
            "engines": engines,
            "models": models,
        }

    # ---- sources ----

    async def missing_sources(self, names: list[str]) -> list[str]:
        """Return those of ``names`` that are not on this node: see `acebridge.workers.ray.sources.names_of`."""
        return await asyncio.to_thread(self._sources.missing, names)

    async def keep_source(self, name: str, piece: bytes, offset_bytes: int, is_last: bool) -> None:
        """Store the next piece of a source."""
        await asyncio.to_thread(self._sources.keep, name, piece, offset_bytes, is_last=is_last)

    # ---- an order ----

    async def begin(self, order: WorkOrder, sources: list[str]) -> None:
        """Begin an order, whose sources are here under these names."""
        await self._end_task()
        self._number += 1
        folder = self._folder / str(self._number)
        make_private_folder(folder)
        if order["op"] == "job":
            order = await asyncio.to_thread(self._place, order, sources, folder)
        self._outbox, self._asked_s = Outbox(folder / "out"), time.monotonic()
        self._news.clear()
        self._task = asyncio.create_task(self._run(order, self._outbox))
        await asyncio.sleep(0)  # so that a cancel that comes next waits until the process has the order

    def _place(self, order: JobOrder, sources: list[str], folder: Path) -> JobOrder:
        """Return the order with the paths that it has on this node."""
        inputs = folder / "in"
        make_private_folder(inputs)
        return {**order, "files": self._sources.link(sources, inputs), "folder": str(folder / "out")}

    async def _run(self, order: WorkOrder, outbox: Outbox) -> None:
        watch = asyncio.create_task(self._end_forsaken())
        try:
            async with aclosing(self._worker.run(order)) as messages:
                async for message in messages:
                    outbox.add(message)
                    self._news.set()
        except WorkerDied as death:
            remedy = death.remedy if isinstance(death, OutOfMemory) else ""
            outbox.add({"type": "death", "reason": str(death), "took_order": death.took_order, "remedy": remedy})
        except Exception as fault:
            traceback.print_exc()
            outbox.add(
                {"type": "death", "reason": f"{type(fault).__name__}: {fault}", "took_order": True, "remedy": ""}
            )
        finally:
            self._news.set()
            watch.cancel()

    async def _end_forsaken(self) -> None:
        """End this process, and so the worker process, once nobody asks any more what becomes of an order."""
        while time.monotonic() - self._asked_s < FORSAKEN_S:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(BEAT_S)
        os._exit(1)

    async def read(self) -> Parcel:
        """Return what is new, as soon as there is something; nothing after `BEAT_S` without news."""
        self._asked_s = time.monotonic()
        if not self._outbox:
            with suppress(asyncio.TimeoutError):
                await wait_at_most(BEAT_S, self._wait_for_news())
        self._news.clear()
        return await asyncio.to_thread(self._outbox.take)

    async def _wait_for_news(self) -> None:
        await self._news.wait()

    async def cancel(self, order_id: str) -> None:
        """See `acebridge.workers.base.Worker.cancel`."""
        await self._worker.cancel(order_id)

    async def finish(self) -> None:
        """Remove what the last order has left here. Its end has been read."""
        await self._end_task()
        await asyncio.to_thread(shutil.rmtree, self._folder / str(self._number), ignore_errors=True)

    async def _end_task(self) -> None:
        """End an order that nobody waits for."""
        if self._task is not None and not self._task.done():
            await self._worker.kill()
            await asyncio.wait([self._task])


def _own_folder(parent: Path) -> Path:
    """Return a new folder for this process, and remove those of processes of this machine that have ended."""
    make_private_folder(parent)
    host = platform.node()
    for folder in parent.iterdir():
        pid, start, other = (*folder.name.split("-", 2), "", "")[:3]
        if other == host and pid.isdigit() and start_of(int(pid)) != start:
            shutil.rmtree(folder, ignore_errors=True)
    own = parent / f"{os.getpid()}-{start_of(os.getpid())}-{host}"
    make_private_folder(own)
    return own


def _node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""
