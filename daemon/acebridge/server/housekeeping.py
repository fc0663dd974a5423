"""What the daemon clears away and looks at on its own: old jobs, assets beyond the quota, damaged files."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress

from acebridge.background import wait_at_most
from acebridge.errors import AceBridgeError
from acebridge.server.context import ServiceContext
from acebridge.store.scrub import scrub_store

log = logging.getLogger(__name__)
#: Assets that were used so recently are not evicted: somebody may still be fetching them.
FRESH_S = 600.0
_GC_PAUSE_S, _GC_INTERVAL_S = 1.0, 3600.0


async def gc_loop(context: ServiceContext, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Collect garbage after jobs, once a second at most, and once an hour."""
    ended = asyncio.Event()
    context.scheduler.on_end = ended.set
    while True:
        ended.clear()
        try:
            await run_gc(context)
        except (OSError, sqlite3.Error, AceBridgeError) as error:  # a full disk, a locked database, a lost file
            log.warning("could not collect garbage", extra={"error": repr(error)})
        await sleep(_GC_PAUSE_S)
        with suppress(asyncio.TimeoutError):
            await wait_at_most(_GC_INTERVAL_S, ended.wait())


async def check_store(context: ServiceContext) -> None:
    """Take up files that were there at the start without a good row; then compare all with their hashes, slowly."""
    if taken_up := await context.store.adopt_strays():
        log.warning("took up files that the database did not list", extra={"count": taken_up})
    await scrub_store(context.store, bytes_per_s=context.config.scrub_bytes_per_s)


async def run_gc(context: ServiceContext) -> None:
    """Delete old jobs, assets until the store keeps to its quota, and what is left of old uploads."""
    max_age_s = context.config.max_age_days * 86400
    await context.journal.prune(max_age_s)
    evicted = await context.store.evict(quota_bytes=context.config.quota_bytes, max_age_s=max_age_s, fresh_s=FRESH_S)
    context.store.partial_uploads.clean()
    await context.store.keep_reserve()
    if evicted:
        log.info("evicted assets", extra={"count": evicted})
