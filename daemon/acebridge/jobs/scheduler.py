"""The scheduler: each worker takes the next job from the journal. Cancelling, preempting, stopping."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from acebridge.background import Supervisor, wait_at_most
from acebridge.errors import (
    AceBridgeError,
    DataLoss,
    DiskFailing,
    DiskFull,
    JobFailed,
    NotFound,
    Unavailable,
    explain,
    is_exhausted,
)
from acebridge.jobs.execution import Outcome, execute, failure, order_of, run_order
from acebridge.jobs.job import CANCELLED, CANCELLED_ERROR, FAILED, RUNNING, Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.placement import choose_preempted, should_take
from acebridge.jobs.prefetch import Preemptible
from acebridge.jobs.results import remove_results
from acebridge.pauses import double_pauses
from acebridge.store.assets import AssetStore
from acebridge.workers.base import Need, NotReady, Worker, WorkerDied
from acebridge.workers.messages import Error, ModelOrder
from acebridge.workers.spool import Spool

log = logging.getLogger(__name__)
_DISK_PAUSE_S = 1.0
#: The pause after the first job that found the system at a limit, and the longest.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
#: Another program may hold the database for longer; then running jobs are found as such at the next start.
_RELEASE_LIMIT_S = 5.0


@dataclass
class _Run:
    """A job that is running. ``worker`` is the one that has its order; only then can it be asked to stop."""

    worker: Worker | None = None
    cancelled: bool = False
    #: It was prefetched and has to stop.
    preempted: bool = False
    #: Asks the worker to stop, and ends it when it does not.
    stop_task: asyncio.Task[None] | None = None

    @property
    def has_to_stop(self) -> bool:
        return self.cancelled or self.preempted


class Scheduler:
    """The workers of a daemon and the jobs on them. ``grace_s`` is the time that a worker has to stop a job."""

    def __init__(
        self,
        journal: Journal,
        store: AssetStore,
        spool: Spool,
        *,
        grace_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._journal = journal
        self._store = store
        self.spool = spool
        self._grace_s = grace_s
        self._sleep = sleep
        #: Of what runs jobs.
        self.supervisor = Supervisor(sleep=sleep)
        #: By the names of their devices.
        self.workers: dict[str, Worker] = {}
        #: Device → id of the job on it.
        self.running: dict[str, str] = {}
        #: By the id of the job.
        self._runs: dict[str, _Run] = {}
        #: Held while a worker has an order. By the names of their devices.
        self._locks: dict[str, asyncio.Lock] = {}
        self._loops: list[asyncio.Task[None]] = []
        #: Devices whose workers wait for a job, and the events that wake these.
        self._ready: set[str] = set()
        #: Those that have found none since the last `wake`.
        self._resting: set[str] = set()
        self._wakes: dict[str, asyncio.Event] = {}
        #: Orders for models, waiting or at work, and the devices where one is at work.
        self._model_tasks: set[asyncio.Task[None]] = set()
        self._models_at_work: set[str] = set()
        #: Set once the workers are known, or never will be.
        self._started = asyncio.Event()
        self._stopping = False
        #: Called after every job that ended.
        self.on_end: Callable[[], None] = lambda: None
        journal.on_work = self.wake
        journal.why_waiting = self.why_waiting
        spool.clear()

    def start(self, workers: Sequence[Worker]) -> None:
        """Run jobs on these workers, each on a device of its own."""
        self.workers = {worker.device.name: worker for worker in workers}
        self._locks = {device: asyncio.Lock() for device in self.workers}
        self._wakes = {device: asyncio.Event() for device in self.workers}
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            f"running jobs on {worker.device.name}": partial(self._run_jobs, worker) for worker in workers
        }
        loops["preempting jobs"] = self._preempt_jobs
        self._loops = [asyncio.create_task(self.supervisor.run(name, loop)) for name, loop in loops.items()]
        self._started.set()

    async def stop(self) -> None:
        """Stop working: running jobs go back to the queue, workers end."""
        self._stopping = True
        self._started.set()
        cancelled = {
            job_id for job_id, run in self._runs.items() if run.cancelled
        }  # before the loops end, which removes the runs
        tasks = [*self._loops, *self._model_tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for worker in self.workers.values():
            await worker.kill()
        # Jobs that the journal still has as running: a loop may have been stopped between two steps.
        with suppress(asyncio.TimeoutError):
            await wait_at_most(_RELEASE_LIMIT_S, self._journal.release(cancelled))
        self.running.clear()
        self.spool.clear()

    async def devices(self) -> list[str]:
        """Return the names of the devices, once they are known."""
        await self._started.wait()
        return list(self.workers)

    # ---- jobs ----

    def wake(self) -> None:
        """Have every idle worker look for a job. Call it when a worker suits jobs that it did not suit before."""
        for wake in self._wakes.values():
            wake.set()
        self._resting.clear()  # they look again
        self._journal.preempt_requested.set()

    def why_waiting(self) -> str | None:
        """Return why no worker takes the jobs that wait, with what to do about it: the problem of a worker.

        "" where they wait for their turn alone, ``None`` while it is open whether a worker takes one.
        """
        if self.running:
            return ""
        if len(self._resting) < len(self.workers):
            return None
        return next((worker.problem for worker in self.workers.values() if worker.problem), "")

    def _leave(self, device: str) -> None:
        """Note that a worker waits for no job any more. Others may run those that they left to it."""
        if device in self._ready:
            self._ready.discard(device)
            self.wake()

    def _should_take(self, worker: Worker, need: Need) -> bool:
        ready = self._ready - self._models_at_work - {worker.device.name}
        return should_take(worker, need, [self.workers[device] for device in ready])

    async def _run_jobs(self, worker: Worker) -> None:
        device = worker.device.name
        try:
            await self._run_jobs_on(worker, device)
        finally:
            self._leave(device)

    async def _run_jobs_on(self, worker: Worker, device: str) -> None:
        pauses: Iterator[float] | None = None
        while True:
            self._wakes[device].clear()
            self._ready.add(device)
            outcome: Outcome | None = None
            try:
                # The worker before the job, so that a running job always has a worker that can be asked to stop it.
                async with self._locks[device]:
                    job = await self._journal.claim(device, partial(self._should_take, worker))
                    if job is not None:
                        self._leave(device)
                        outcome = await self._run_job(job, worker)
            except DiskFull:
                self._leave(device)
                await self._sleep(_DISK_PAUSE_S)
                continue
            if job is None:
                await self._rest(device)
            elif outcome is not None and outcome.retry == "later":
                if pauses is None:
                    log.warning("jobs wait: %s", outcome.error["message"], extra={"device": worker.device.name})
                    pauses = double_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
                await self._sleep(next(pauses))
            else:
                pauses = None

    async def _rest(self, device: str) -> None:
        """Wait until there may be a job for a worker that has found none."""
        if not self._wakes[device].is_set():
            self._resting.add(device)
            self._journal.note_reason()
        await self._wakes[device].wait()

    async def _run_job(self, job: Job, worker: Worker) -> Outcome:
        run = self._runs.setdefault(job.id, _Run())
        self.running[worker.device.name] = job.id
        self._journal.note_reason()
        try:
            outcome = await self._attempt(job, worker, run)
            self.spool.remove(job.id)  # first: on a full disk the end could not be written otherwise
            await self._end_job(job, outcome, run)
        finally:
            del self._runs[job.id], self.running[worker.device.name]
            self.spool.forget(job.id)
            if run.stop_task is not None:
                run.stop_task.cancel()
        self.on_end()
        return outcome

    async def _attempt(self, job: Job, worker: Worker, run: _Run) -> Outcome:
        """Run a job; return how it ends. Raises nothing."""
        log.info(
            "job started",
            extra={"job": job.id, "task": job.task, "engine": job.engine, "device": worker.device.name},
        )
        try:
            order = await order_of(job, self._store, self.spool)
            if run.has_to_stop:
                return Outcome(CANCELLED_ERROR)
            run.worker = worker
            outcome = await execute(job, order, worker, journal=self._journal, store=self._store, spool=self.spool)
        except (NotFound, DataLoss) as missing:
            outcome = Outcome(failure(missing.message, missing.remedy))
        except AceBridgeError as refusal:  # a full disk
            await worker.kill()
            outcome = Outcome(failure(refusal.message, refusal.remedy))
        except Exception as fault:
            await worker.kill()
            known = explain(fault)
            if isinstance(known, AceBridgeError):
                outcome = Outcome(failure(known.message, known.remedy), retry="later" if is_exhausted(fault) else "")
            else:
                log.exception("job failed inside the daemon", extra={"job": job.id})
                outcome = Outcome(failure("The daemon failed while it ran this job."))
        return Outcome(CANCELLED_ERROR) if outcome.error and run.has_to_stop else outcome

    async def _end_job(self, job: Job, outcome: Outcome, run: _Run) -> None:
        """Write how a job ended, on a full disk as soon as there is room. Then remove the takes that were not chosen."""
        error, dropped, has_failed = outcome.error, [], False
        while True:
            try:
                if error and run.cancelled:
                    error = CANCELLED_ERROR
                elif error and await self._requeue(job, outcome, run):
                    if run.cancelled:  # meanwhile
                        await self._journal.cancel_waiting(job.id)
                    return
                if error:
                    state = CANCELLED if error["kind"] == "Cancelled" else FAILED
                    await self._journal.fail(job.id, error, state=state)
                else:
                    dropped = await self._journal.succeed(job.id, outcome.ranking)
            except (DiskFull, DiskFailing, sqlite3.OperationalError) as fault:  # noqa: PERF203
                if not has_failed:
                    log.error("the end of a job cannot be written yet", extra={"job": job.id, "error": str(fault)})
                has_failed = True
                await self._sleep(_DISK_PAUSE_S)
            else:
                log.info("job ended", extra={"job": job.id, "error": error.get("message", "")})
                break
        with suppress(DiskFull, DiskFailing):  # then they are evicted some day
            await remove_results(dropped, self._store)

    async def _requeue(self, job: Job, outcome: Outcome, run: _Run) -> bool:
        """Put a job back to the queue if it was preempted, or may be retried; return whether it was."""
        if run.preempted or outcome.retry == "later":
            await self._journal.release(only=job.id)
            log.info("job preempted" if run.preempted else "job requeued", extra={"job": job.id})
            return True
        if outcome.retry == "once" and await self._journal.retry(job.id):
            log.warning("job starts again: %s", outcome.reason, extra={"job": job.id})
            return True
        return False

    # ---- stopping a job ----

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job in whatever state it is; one that has ended stays as it is. Raises `NotFound`."""
        job = await self._journal.cancel_waiting(job_id)
        if job.state == RUNNING:
            self._runs.setdefault(job_id, _Run()).cancelled = True
            self._stop_run(job_id)
        return job

    async def _preempt_jobs(self) -> None:
        """Stop prefetched jobs as soon as they are obsolete, or a request waits that finds no worker."""
        while True:
            await self._journal.preempt_requested.wait()
            self._journal.preempt_requested.clear()
            try:
                found = await self._journal.preemptible()
            except DiskFull:
                await self._sleep(_DISK_PAUSE_S)
                self._journal.preempt_requested.set()
                continue
            for job_id in [*found.obsolete, *self._find_preempted(found)]:
                self._runs.setdefault(job_id, _Run()).preempted = True
                self._stop_run(job_id)

    def _find_preempted(self, found: Preemptible) -> list[str]:
        """Return the prefetched jobs that requests take the place of."""
        busy = {*self.running, *self._models_at_work}
        idle = [worker for device, worker in self.workers.items() if device not in busy]
        workers = {job_id: self.workers[device] for device, job_id in self.running.items()}
        # The loop that has just claimed one asks again as soon as it runs.
        prefetched = [(job_id, workers[job_id]) for job_id in found.prefetched if job_id in workers]
        return choose_preempted(found.waiting, idle, prefetched)

    def _stop_run(self, job_id: str) -> None:
        run = self._runs[job_id]
        if run.worker is not None and run.stop_task is None:
            run.stop_task = asyncio.create_task(self._stop_on_worker(job_id, run.worker))

    async def _stop_on_worker(self, job_id: str, worker: Worker) -> None:
        # Beside it: a worker that hangs at its start takes no cancel.
        cancelling = asyncio.create_task(worker.cancel(job_id))
        try:
            await self._sleep(self._grace_s)
            log.warning(
                "worker did not stop in %.1f s; ending it",
                self._grace_s,
                extra={"device": worker.device.name, "job": job_id},
            )
            await worker.kill()
        finally:
            cancelling.cancel()

    # ---- models ----

    async def manage_model(self, op: Literal["load", "unload"], model: str, engine: str) -> list[str]:
        """Have every worker that is ready load or unload a model, when its job is done; not those of other daemons.

        Returns a sentence for each worker that could not, where another one could. Raises `JobFailed` with a worker's error
        where none could, and `Unavailable` when the daemon stops meanwhile.
        """
        await self._started.wait()
        asked = [worker for worker in self.workers.values() if not worker.device.is_elsewhere]
        absences: list[NotReady] = []
        failures: dict[str, JobFailed] = {}
        for worker in asked:
            if self._stopping:
                raise _stopping()
            task = asyncio.create_task(self._manage_model(worker, op, model, engine))
            self._model_tasks.add(task)
            task.add_done_callback(self._model_tasks.discard)
            try:
                await asyncio.shield(task)  # a cancelled call must not leave a worker with unread messages
            except NotReady as absence:
                absences.append(absence)
            except JobFailed as failed:  # its node lacks the model, or its memory is short
                failures[str(worker.device)] = failed
            except asyncio.CancelledError:
                if task.cancelled():
                    raise _stopping() from None
                raise
        if asked and len(absences) + len(failures) == len(asked):
            if failures:
                raise next(iter(failures.values()))
            raise JobFailed("EngineFailure", f"No worker is ready to {op} {model}: {absences[0]}")
        for device, why in failures.items():
            log.warning("a worker cannot %s a model", op, extra={"device": device, "model": model, "error": str(why)})
        return [f"{device}: {why}" for device, why in failures.items()]

    async def _manage_model(self, worker: Worker, op: Literal["load", "unload"], model: str, engine: str) -> None:
        async with self._locks[worker.device.name]:
            if (op == "load") == (model in worker.models):
                return
            log.info("model order", extra={"order": op, "model": model, "device": worker.device.name})
            error: Error = {}
            order: ModelOrder = {"op": op, "id": f"{op} {model}", "engine": engine, "model": model}
            self._models_at_work.add(worker.device.name)
            try:
                async with aclosing(run_order(worker, order)) as messages:
                    async for message in messages:
                        if message["type"] == "error":
                            error = message["body"]
            except NotReady:
                raise
            except WorkerDied as death:
                error = failure(f"The engine's process ended at the order to {op} {model} ({death}).")
            finally:
                self._models_at_work.discard(worker.device.name)
                self.wake()  # where a model is loaded has changed
        if error:
            raise JobFailed(error["kind"], error["message"], remedy=error["remedy"], details=error["details"])


def _stopping() -> Unavailable:
    return Unavailable("The daemon is stopping.", remedy="Start it again.")
