"""Removing the results of a job."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from acebridge.errors import Conflict, NotFound
from acebridge.jobs.job import ENDED, QUEUED, RUNNING
from acebridge.jobs.journal import Journal
from acebridge.store.assets import AssetStore


async def remove_results(asset_ids: Iterable[str], journal: Journal, store: AssetStore) -> None:
    """Remove assets, except pinned ones and those that a job reads or has output: equal requests have equal assets."""
    ids = list(dict.fromkeys(asset_ids))
    needed = await journal.assets_in_use((QUEUED, RUNNING, *ENDED)) if ids else set()
    for asset_id in ids:
        with suppress(NotFound, Conflict):
            if not (await store.get(asset_id)).pinned:
                await store.delete(asset_id, in_use=needed)
