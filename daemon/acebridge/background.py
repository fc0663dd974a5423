"""Supervision of work in the background of an event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)
_PAUSE_S = 1.0


async def supervise(
    name: str, work: Callable[[], Awaitable[None]], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Run ``work`` to its end. When it fails, log why under ``name``, pause, and run it again."""
    while True:
        try:
            await work()
        except Exception:  # noqa: PERF203
            log.exception("%s failed; starting it again", name)
            await sleep(_PAUSE_S)
        else:
            return
