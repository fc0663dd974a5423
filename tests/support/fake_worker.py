"""The scheduler of a daemon with workers that are no processes, and a clock that the test moves: all in one event loop.

What stands here is all that a new kind of worker has to do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from acebridge.jobs.job import Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.scheduler import Scheduler
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database
from acebridge.workers.base import Device, Need, Worker, WorkerDied
from acebridge.workers.messages import Audio, Error, Header, Message, RankedTake, StoredOutput, WorkOrder
from acebridge.workers.spool import Spool
from acestep_runtime.audio import wav
from tests.support.daemon import PATIENCE_S

CANCELLED: Error = {"kind": "Cancelled", "message": "The job was cancelled.", "remedy": "", "details": {}}
FRAMES, RATE_HZ = 100, 48_000


class FakeClock:
    """Stands for ``asyncio.sleep``: nobody wakes before the test says that the time has passed."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._sleepers: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.put_nowait(sleeper)
        await sleeper

    async def wake(self) -> None:
        """Wait for the next one who sleeps, and wake it unless it was cancelled meanwhile."""
        sleeper = await self._sleepers.get()
        if not sleeper.done():
            sleeper.set_result(None)


class FakeWorker:
    """A worker that says what the test has it say. See `acebridge.workers.base.Worker`."""

    def __init__(self, spool: Spool, device: str = "cpu", *, obeys: bool = True) -> None:
        self.device = Device(device)
        self.pid, self.restarts = 0, 0
        self.models: Sequence[str] = ()
        #: Whether it stops an order that is cancelled.
        self.obeys = obeys
        #: Which needs it suits.
        self.suits: Callable[[Need], bool] = lambda _need: True
        self.order: WorkOrder | None = None
        self.cancels: list[str] = []
        self.cancelled = asyncio.Event()
        self.kills = 0
        self._spool = spool
        self._orders: asyncio.Queue[WorkOrder] = asyncio.Queue()
        self._messages: asyncio.Queue[Message | Exception] = asyncio.Queue()

    async def run(self, order: WorkOrder) -> AsyncGenerator[Message, None]:
        assert self.order is None, "two orders at once"
        self.order, self._messages = order, asyncio.Queue()
        self._orders.put_nowait(order)
        try:
            while True:
                message = await self._messages.get()
                if isinstance(message, Exception):
                    raise message
                yield message
                if message["type"] in ("done", "error"):
                    return
        finally:
            self.order = None

    async def cancel(self, order_id: str) -> None:
        self.cancels.append(order_id)
        self.cancelled.set()
        if self.order is None:
            return
        assert self.order["id"] == order_id, "a cancel for another order"
        if self.obeys:
            self.fail(CANCELLED)

    async def kill(self) -> None:
        self.kills += 1
        self.die("exit code -9")

    # ---- what the test does ----

    async def next_order(self) -> WorkOrder:
        """Wait for the next order."""
        return await self._orders.get()

    @property
    def untaken(self) -> int:
        """How many orders it was given that the test has not waited for."""
        return self._orders.qsize()

    def say(self, message: Message) -> None:
        self._messages.put_nowait(message)

    def finish(self) -> None:
        self.say({"type": "done", "models": list(self.models)})

    def fail(self, error: Error) -> None:
        self.say({"type": "error", "body": error, "models": list(self.models)})

    def die(self, reason: str = "exit code 42", *, took_order: bool = True) -> None:
        self._messages.put_nowait(WorkerDied(reason, took_order=took_order))

    def fall(self, error: Exception) -> None:
        """Raise an error at the order."""
        self._messages.put_nowait(error)

    def rank(self, *takes: tuple[int, float, bool]) -> None:
        """Say which takes (number, score, kept) there were to choose from, the best first."""
        body: list[RankedTake] = [
            {"take": take, "seed": take, "score": score, "chosen": kept, "kept": kept} for take, score, kept in takes
        ]
        self.say({"type": "ranking", "body": body})

    def begin_output(self, output: int = 0, *, take: int = 0, level: float = 0.5) -> Header:
        """Begin an output and write half of its frames, all at one level."""
        header: Header = {
            "output": output, "take": take, "role": "mix", "sample_rate": RATE_HZ, "channels": 1,
            "encoding": "float32", "frames": FRAMES, "start_frame": 0,
        }  # fmt: skip
        assert self.order is not None
        with self._spool.append(self.order["id"], output) as file:
            file.write(wav_bytes(level)[: -FRAMES // 2 * 4])
        self.say({"type": "header", "body": header})
        self.say({"type": "audio", "body": {"output": output, "offset_frames": 0, "frames": FRAMES // 2}})
        return header

    def end_output(self, header: Header, *, level: float = 0.5) -> StoredOutput:
        """Write the rest of an output."""
        assert self.order is not None
        with self._spool.append(self.order["id"], header["output"]) as file:
            file.write(wav_bytes(level)[-FRAMES // 2 * 4 :])
        body: Audio = {"output": header["output"], "offset_frames": FRAMES // 2, "frames": FRAMES // 2}
        self.say({"type": "audio", "body": body})
        return {**header, "asset_id": asset_id(level)}

    def make_take(self, take: int = 0, *, level: float = 0.5) -> None:
        """Say all that is said of a take with one output."""
        output = self.end_output(self.begin_output(take, take=take, level=level), level=level)
        self.say({"type": "take", "body": {"take": take, "seed": take, "facts": {}, "outputs": [output]}})


def wav_bytes(level: float) -> bytes:
    """The file of an output."""
    samples = np.full((FRAMES, 1), level, np.float32)
    return wav.header(FRAMES, 1, RATE_HZ, "float32") + wav.encode(samples, "float32")


def asset_id(level: float) -> str:
    return hashlib.sha256(wav_bytes(level)).hexdigest()


@dataclass
class Core:
    """What a daemon is without its server."""

    journal: Journal
    store: AssetStore
    spool: Spool
    scheduler: Scheduler
    clock: FakeClock
    workers: list[FakeWorker] = field(default_factory=list)

    @property
    def worker(self) -> FakeWorker:
        (worker,) = self.workers
        return worker

    async def submit(self, **more: Any) -> str:
        """Queue a job; return its id. ``more``: seeds, priority, sources, session, auto_gen, output."""
        job = await self.journal.submit(
            "text2music", {"output": {"seeds": more.pop("seeds", [1]), **more.pop("output", {})}}, engine="fake",
            priority=more.pop("priority", "normal"), key="", request_digest="", sources=more.pop("sources", ()), **more,
        )  # fmt: skip
        return job.id

    async def wait_for_end(self, job_id: str) -> Job:
        """Wait for the end of a job; return it."""
        async for _ in self.journal.watch(job_id):
            pass
        return await self.journal.get(job_id)

    async def worker_of(self, job_id: str) -> FakeWorker:
        """Wait until a worker has a job; return the worker."""
        async for batch in self.journal.watch(job_id):
            for event in batch:
                if event.kind == "started":
                    worker = next(worker for worker in self.workers if worker.device.name == event.body["device"])
                    assert (await worker.next_order())["id"] == job_id
                    return worker
        raise AssertionError(f"{job_id} ended before it was started")

    async def until(self, job_id: str, kind: str) -> None:
        """Wait for an event of a job."""
        async for batch in self.journal.watch(job_id):
            if any(event.kind == kind for event in batch):
                return

    async def kinds(self, job_id: str) -> list[str]:
        """The kinds of the events of a job that has ended."""
        return [event.kind async for batch in self.journal.watch(job_id) for event in batch]


@asynccontextmanager
async def core_at(
    folder: Path, *devices: str, grace_s: float = 5.0, obeys: bool = True, max_waiting: int = 100
) -> AsyncIterator[Core]:
    """The core of a daemon with a fake worker for each device."""
    database = Database(folder / "test.db")
    store = AssetStore(database, folder, max_upload_bytes=1 << 20)
    journal, spool, clock = Journal(database, max_waiting=max_waiting), Spool(folder / "spool"), FakeClock()
    scheduler = Scheduler(journal, store, spool, grace_s=grace_s, sleep=clock.sleep)
    workers = [FakeWorker(spool, device, obeys=obeys) for device in devices or ("cpu",)]
    typed: list[Worker] = [*workers]
    scheduler.start(typed)
    try:
        yield Core(journal, store, spool, scheduler, clock, workers)
    finally:
        await scheduler.stop()
        database.close()


def play(folder: Path, scenario: Callable[[Core], Awaitable[None]], *devices: str, **options: Any) -> None:
    """Run a scenario on the core of a daemon."""

    async def run() -> None:
        async with core_at(folder, *devices, **options) as core:
            await scenario(core)

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
