"""A journal on a database of its own, for tests without a scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from acebridge.jobs.journal import Journal
from acebridge.store.database import Database


def with_journal(path: Path, work: Callable[[Journal], Awaitable[Any]], *, max_waiting: int = 1000) -> Any:
    database = Database(path)
    try:
        return asyncio.run(work(Journal(database, max_waiting=max_waiting)))  # type: ignore[arg-type]
    finally:
        database.close()


async def submit(journal: Journal, priority: str = "normal", key: str = "", about: str = "", **more: Any) -> str:
    submitted_job = await journal.submit(
        "text2music", {"about": about}, engine="fake", priority=priority, key=key, request_digest=about,
        sources=more.get("sources", ()), model=more.get("model", ""),
    )  # fmt: skip
    return submitted_job.id
