"""Runs waiting jobs, one at a time on each device, and brings what the worker says into the journal and the store."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from acebridge.errors import DaemonFault, DiskFull, JobFailed, NotFound, Unavailable
from acebridge.jobs.job import CANCELLED, CANCELLED_ERROR, FAILED, RUNNING, Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.results import remove_results
from acebridge.store.assets import AssetStore
from acebridge.workers.local import WorkerDied, WorkerProcess

log = logging.getLogger(__name__)
_FULL_DISK_PAUSE_S = 1.0


class Scheduler:
    """The devices of a daemon and the jobs on them."""

    def __init__(
        self, journal: Journal, store: AssetStore, spool: Path, devices: tuple[str, ...], grace_s: float
    ) -> None:
        self._journal = journal
        self._store = store
        self._spool = spool
        self._grace_s = grace_s
        self.workers = {device: WorkerProcess(device) for device in devices}
        self.running: dict[str, str] = {}
        self._cancelled: set[str] = set()
        #: Running jobs that were made ahead and have to stop.
        self._displaced: set[str] = set()
        #: Of running jobs: output → its place in the store, known from just before it moves there.
        self._kept: dict[str, dict[int, Path]] = {}
        #: Of running jobs that choose: all their takes, best first.
        self._rankings: dict[str, list[dict[str, Any]]] = {}
        self._cancels: dict[str, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []
        #: Orders for models, waiting or at work.
        self._orders: set[asyncio.Task[None]] = set()
        self._stopping = False
        #: Called after every job that ended.
        self.on_end: Callable[[], None] = lambda: None
        shutil.rmtree(spool, ignore_errors=True)

    def start(self) -> None:
        """Begin to work."""
        serving = (self._serve(worker) for worker in self.workers.values())
        self._loops = [asyncio.create_task(loop) for loop in (*serving, self._make_way())]

    async def stop(self) -> None:
        """Stop working: running jobs go back to the queue, worker processes end."""
        self._stopping = True
        cancelled = set(self._cancelled)  # the loops forget it as they end
        tasks = [*self._loops, *self._orders]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for worker in self.workers.values():
            await worker.kill()
        # What the journal says is running, for a loop may have been stopped between two steps.
        await self._journal.release(cancelled)
        self.running.clear()
        shutil.rmtree(self._spool, ignore_errors=True)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job wherever it is; one that has ended stays as it is. Raises `NotFound`."""
        job = await self._journal.cancel_waiting(job_id)
        if job.state == RUNNING:
            self._cancelled.add(job_id)
            self._pass_on_cancel(job_id)
        return job

    async def keep_model(self, order: str, model: str, engine: str) -> None:
        """Have every worker "load" or "unload" a model, when its job is done.

        Raises `JobFailed` with what a worker says, and `Unavailable` when the daemon stops meanwhile.
        """
        for worker in self.workers.values():
            if self._stopping:
                raise _stopping()
            task = asyncio.create_task(self._keep_model(worker, order, model, engine))
            self._orders.add(task)
            task.add_done_callback(self._orders.discard)
            try:
                await asyncio.shield(task)  # a call that is cancelled must not leave a worker whose answer nobody reads
            except asyncio.CancelledError:
                if task.cancelled():
                    raise _stopping() from None
                raise

    async def _keep_model(self, worker: WorkerProcess, order: str, model: str, engine: str) -> None:
        async with worker.turn:
            if (order == "load") == (model in worker.models):
                return
            log.info("model order", extra={"order": order, "model": model, "device": worker.device})
            last: dict[str, Any] = {}
            try:
                asked = {"do": order, "id": f"{order} {model}", "engine": engine, "model": model}
                async for message in worker.run(asked):
                    last = message
            except WorkerDied as death:
                last = _failure(f"The engine's process ended at the order to {order} {model} ({death}).")
        if "kind" in last:
            raise JobFailed(last["kind"], last["message"], remedy=last["remedy"], details=last["details"])

    def _pass_on_cancel(self, job_id: str) -> None:
        device = next((device for device, running in self.running.items() if running == job_id), None)
        if device is not None and job_id in self._cancelled | self._displaced and job_id not in self._cancels:
            self._cancels[job_id] = asyncio.create_task(self.workers[device].cancel(job_id, self._grace_s))

    async def _make_way(self) -> None:
        """Stop what was made ahead as soon as nobody wants it any more, or somebody waits for something else."""
        while True:
            await self._journal.arrival.wait()
            self._journal.arrival.clear()
            try:
                displaced = await self._journal.in_the_way()
            except DiskFull:
                await asyncio.sleep(_FULL_DISK_PAUSE_S)
                self._journal.arrival.set()
                continue
            for job_id in displaced:
                self._displaced.add(job_id)
                self._pass_on_cancel(job_id)

    def output_paths(self, job_id: str, output: int) -> list[Path]:
        """Return where an output of a running job grows, and then where it is about to be kept, if that is known."""
        growing, kept = self._spool / job_id / f"{output}.wav", self._kept.get(job_id, {}).get(output)
        return [growing] if kept is None else [growing, kept]

    async def _serve(self, worker: WorkerProcess) -> None:
        while True:
            self._journal.work.clear()
            try:
                # The worker before the job: one that runs has its worker, which hears of a cancel.
                async with worker.turn:
                    job = await self._journal.claim(worker.device)
                    if job is not None:
                        await self._serve_one(job, worker)
            except DiskFull:
                await asyncio.sleep(_FULL_DISK_PAUSE_S)
                continue
            if job is None:
                await self._journal.work.wait()

    async def _serve_one(self, job: Job, worker: WorkerProcess) -> None:
        self.running[worker.device] = job.id
        self._pass_on_cancel(job.id)
        try:
            error = await self._attempt(job, worker)
            # First the space, then the word: on a full disk there is no room for the word otherwise.
            shutil.rmtree(self._spool / job.id, ignore_errors=True)
            await self._end(job, error)
        finally:
            self._cancelled.discard(job.id)
            self._displaced.discard(job.id)
            self._rankings.pop(job.id, None)
            if (cancel := self._cancels.pop(job.id, None)) is not None:
                cancel.cancel()
        self._kept.pop(job.id, None)
        del self.running[worker.device]
        self.on_end()

    async def _attempt(self, job: Job, worker: WorkerProcess) -> dict[str, Any]:
        """Run a job; return the error that it ends with, empty when it ends well. Raises nothing."""
        try:
            error = await self._run(job, worker)
        except Exception as fault:
            log.exception("job failed inside the daemon", extra={"job": job.id})
            await worker.kill()
            error = _failure("The daemon failed while it ran this job.")
            if isinstance(fault, DaemonFault):
                error = _failure(fault.message, fault.remedy)
        return CANCELLED_ERROR if error and job.id in self._cancelled | self._displaced else error

    async def _end(self, job: Job, error: dict[str, Any]) -> None:
        """Write down how a job ended; on a full disk, as soon as there is room. Then remove the takes that were not chosen."""
        dropped: list[str] = []
        while True:
            try:
                if error and job.id in self._displaced - self._cancelled:
                    await self._journal.release(only=job.id)
                    log.info("job made way", extra={"job": job.id})
                    return
                if error:
                    state = CANCELLED if error["kind"] == "Cancelled" else FAILED
                    await self._journal.fail(job.id, error, state=state)
                else:
                    dropped = await self._journal.succeed(job.id, self._rankings.get(job.id, ()))
            except DiskFull:  # noqa: PERF203
                log.error("the disk is full: the end of a job cannot be written down", extra={"job": job.id})
                await asyncio.sleep(_FULL_DISK_PAUSE_S)
            else:
                log.info("job ended", extra={"job": job.id, "error": error.get("message", "")})
                break
        with suppress(DiskFull):  # then they are evicted some day
            await remove_results(dropped, self._journal, self._store)

    async def _run(self, job: Job, worker: WorkerProcess) -> dict[str, Any]:
        log.info("job started", extra={"job": job.id, "task": job.task, "engine": job.engine, "device": worker.device})
        try:
            files = {
                f"asset:{asset}": str(self._store.path((await self._store.get(asset)).id)) for asset in job.sources
            }
        except NotFound as gone:
            return _failure(gone.message, gone.remedy)
        order = {
            "do": "job",
            "id": job.id,
            "task": job.task,
            "params": job.params,
            "engine": job.engine,
            "files": files,
            "spool": str(self._spool / job.id),
            "made": list(job.takes),
        }
        error: dict[str, Any] = {}
        try:
            async for message in worker.run(order):
                kind, body = message["is"], {name: value for name, value in message.items() if name != "is"}
                if kind == "error":
                    error = body
                elif kind == "ranking":
                    self._rankings[job.id] = body["takes"]
                elif kind == "take":
                    await self._journal.append(job.id, "take", await self._adopt(job, body))
                elif kind != "done":
                    await self._journal.append(job.id, kind, body)
        except WorkerDied as death:
            error = _failure(
                f"The engine's process ended in the middle of the job ({death}).",
                "The daemon goes on with the next job; send this one again, with a shorter region if it "
                "may have run out of memory.",
            )
        return error

    async def _adopt(self, job: Job, take: dict[str, Any]) -> dict[str, Any]:
        """Move the files of a finished take into the store."""
        outputs = []
        for output in take["outputs"]:
            name = f"{job.task}-{output['role']}-{take['seed']}.wav"
            self._kept.setdefault(job.id, {})[output["output"]] = self._store.path(output["asset_id"])
            await self._store.adopt(Path(output.pop("file")), output["asset_id"], name)
            outputs.append(output)
        return {**take, "outputs": outputs}


def _stopping() -> Unavailable:
    return Unavailable("The daemon is stopping.", remedy="Start it again.")


def _failure(message: str, remedy: str = "See the daemon's log for the reason.") -> dict[str, Any]:
    return {"kind": "EngineFailure", "message": message, "remedy": remedy, "details": {}}
