"""Executing one job on one worker: its messages go into the journal, its finished files into the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from acebridge.background import gather_arrived
from acebridge.jobs.job import EventBody, Job
from acebridge.jobs.journal import Journal
from acebridge.store.assets import AssetStore
from acebridge.workers.base import KILLED, NotReady, OutOfMemory, Worker, WorkerDied
from acebridge.workers.memory import remedy_for_kill
from acebridge.workers.messages import Error, JobOrder, Message, RankedTake, Take, WorkOrder
from acebridge.workers.spool import Spool


@dataclass(frozen=True)
class Outcome:
    """The end of an attempt; it succeeded if ``error`` is empty. ``ranking`` holds all takes of a job that chooses, best first.

    With ``retry`` the job may run again: ``once`` after the death of a worker, ``later`` when the system has reached a limit.
    """

    error: Error
    ranking: Sequence[RankedTake] = ()
    retry: Literal["", "once", "later"] = ""
    #: For the log: why it is retried once.
    reason: str = ""


def failure(message: str, remedy: str = "See the daemon's log for the reason.") -> Error:
    """Return the error for a fault of the daemon, or of the worker's process."""
    return {"kind": "EngineFailure", "message": message, "remedy": remedy, "details": {}}


async def run_order(worker: Worker, order: WorkOrder) -> AsyncGenerator[Message, None]:
    """Give an order to a worker and yield its messages. Raises `WorkerDied`.

    Retries once if the worker died before it took the order.
    """
    try:
        async with aclosing(worker.run(order)) as messages:
            async for message in messages:
                yield message
        return
    except WorkerDied as death:
        if death.took_order:
            raise
    async with aclosing(worker.run(order)) as messages:
        async for message in messages:
            yield message


async def order_of(job: Job, store: AssetStore, spool: Spool) -> JobOrder:
    """Return the order for a job. Raises `NotFound` for a source that is gone, and `DataLoss` for one that is damaged."""
    return {
        "op": "job",
        "id": job.id,
        "priority": job.priority,
        "task": job.task,
        "params": job.params,
        "engine": job.engine,
        "note": job.note,
        "spare": job.spare,
        "files": {asset: str(store.path((await store.verify(asset)).id)) for asset in job.sources},
        "folder": str(spool.job_folder(job.id)),
        "takes": job.takes,
    }


async def execute(
    job: Job, order: JobOrder, worker: Worker, *, journal: Journal, store: AssetStore, spool: Spool
) -> Outcome:
    """Run a job to its end, which the caller writes into the journal. Raises what the journal and the store raise."""
    ranking: Sequence[RankedTake] = ()
    try:
        async with aclosing(run_order(worker, order)) as messages, aclosing(gather_arrived(messages)) as batches:
            async for batch in batches:
                events: list[tuple[str, EventBody]] = []
                error: Error = {}
                for message in batch:
                    if message["type"] == "error":
                        error = message["body"]
                    elif message["type"] == "ranking":
                        ranking = message["body"]
                    elif message["type"] == "engine":
                        await journal.append(job.id, events)
                        events.clear()
                        await journal.change_engine(job.id, message["body"], worker.device.name)
                    elif message["type"] != "done" and message["type"] != "ready" and message["type"] != "alive":
                        if message["type"] == "take":
                            await journal.append(job.id, events)  # nobody who listens waits until the take is stored
                            events.clear()
                            await _store_take(job, message["body"], store, spool)
                        events.append((message["type"], message["body"]))
                await journal.append(job.id, events)
                if error:
                    return Outcome(error)
    except OutOfMemory as death:
        return Outcome(failure(death.message, death.remedy))
    except NotReady as absence:
        return Outcome(failure(str(absence)), retry="later")
    except WorkerDied as death:
        return Outcome(
            failure(
                f"The engine's process ended in the middle of the job, and again when the job was repeated ({death}).",
                remedy_for_kill()
                if str(death) == KILLED
                else "The daemon goes on with the next job, and finished takes are kept; send this one again.",
            ),
            retry="once",
            reason=str(death),
        )
    return Outcome({}, ranking)


async def _store_take(job: Job, take: Take, store: AssetStore, spool: Spool) -> None:
    """Move the files of a finished take into the store. The transaction that records the take makes their rows last."""
    for output in take["outputs"]:
        asset_id, name = output["asset_id"], f"{job.task}-{output['role']}-{take['seed']}.wav"
        file = spool.publish(job.id, output["output"], store.path(asset_id))
        await store.adopt(file, asset_id, name, job_id=job.id, lasting=False)
