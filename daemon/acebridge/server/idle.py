"""What a daemon does while nobody uses it: it unloads models, and it exits.

It is idle when no job waits or runs and no call of our services is open. Calls of gRPC's own services, health and reflection,
do not count: whoever watches the daemon does not use it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from acebridge.jobs.job import QUEUED, RUNNING
from acebridge.jobs.journal import Journal
from acebridge.jobs.scheduler import Scheduler
from acebridge.server.open_calls import OpenCalls

log = logging.getLogger(__name__)
_BUSY_POLL_S = 1.0


async def is_busy(journal: Journal, calls: OpenCalls, *, own_calls: int = 0) -> bool:
    """Return whether a job waits or runs, or a call is open beside the ``own_calls`` of whoever asks.

    Where it returns that there is nothing, that is so until the caller awaits something: a call that came and ended while the
    jobs were counted may have left one.
    """
    begun = calls.begun
    jobs = await journal.count(QUEUED) + await journal.count(RUNNING)
    return bool(jobs or calls.count > own_calls or calls.begun > begun)


async def run_when_idle(
    idle_s: float,
    action: Callable[[], Awaitable[None]],
    *,
    busy: Callable[[], Awaitable[bool]],
    calls: OpenCalls,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Call ``action`` whenever the daemon has been idle for ``idle_s`` seconds, and once more after each further ``idle_s``."""
    since = clock()
    while True:
        if await busy():
            since = clock()
            await sleep(min(_BUSY_POLL_S, idle_s))
            continue
        since = max(since, calls.last_end)
        left_s = since + idle_s - clock()
        if left_s > 0:
            await sleep(left_s)
            continue
        await action()
        since = clock()


async def unload_models(scheduler: Scheduler, engine: str) -> None:
    """Free the memory of all models that ``engine`` has loaded in any worker."""
    for model in sorted({name for worker in scheduler.workers.values() for name in worker.models}):
        log.info("unloading an idle model", extra={"model": model})
        await scheduler.manage_model("unload", model, engine)
