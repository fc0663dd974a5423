"""Removing the results of a job."""

from __future__ import annotations

from collections.abc import Iterable

from acebridge.store.assets import AssetStore


async def remove_results(asset_ids: Iterable[str], store: AssetStore) -> None:
    """Remove assets, except pinned ones and those that a job reads or has made: equal requests have equal assets."""
    await store.delete_unneeded(asset_ids)
