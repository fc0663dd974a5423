"""A slow look at all stored audio, in the background: disks lose bits without a word, and an early word can save a song."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from acebridge.errors import NotFound
from acebridge.store.assets import AssetStore
from acebridge.store.database import REPAIR

log = logging.getLogger(__name__)
_PIECE_BYTES = 1 << 20
#: Before the first file, so that a daemon that has just started does what it was started for; and between two rounds.
START_PAUSE_S, ROUND_PAUSE_S = 60.0, 86400.0


async def scrub_store(
    store: AssetStore, *, bytes_per_s: int, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Compare every asset with its hash, the one first that was not for the longest time, round after round for ever.

    Reads at most ``bytes_per_s``; 0 is not at all. What is damaged is put aside and reported in the log. Each round begins with
    the pages of the database.
    """
    if not bytes_per_s:
        return
    await sleep(START_PAUSE_S)
    while True:
        checked: set[str] = set()
        damaged = 0
        if fault := await store.find_database_damage():
            log.error("the database is damaged", extra={"fault": fault, "remedy": REPAIR})
        while (asset := await store.least_recently_checked()) is not None and asset.id not in checked:
            checked.add(asset.id)
            damaged += not await _check(store, asset.id, bytes_per_s, sleep)
        log.info("checked the store", extra={"files": len(checked), "damaged": damaged})
        await sleep(ROUND_PAUSE_S)


async def _check(store: AssetStore, asset_id: str, bytes_per_s: int, sleep: Callable[[float], Awaitable[None]]) -> bool:
    """Compare one asset with its hash; return whether it is well, or gone."""
    try:
        found = await _hash_slowly(store.path(asset_id), bytes_per_s, sleep)
    except FileNotFoundError:  # deleted meanwhile, or lost: then it is marked
        with suppress(NotFound):
            await store.get(asset_id)
        return True
    except OSError as error:
        log.error("a stored file cannot be read", extra={"asset": asset_id, "error": str(error)})
        found = ""
    if found == asset_id:
        await store.mark_checked(asset_id)
        return True
    if found:
        await store.put_damaged_aside(asset_id)
    else:
        await store.mark_checked(asset_id)  # so that the others get their turn
    return False


async def _hash_slowly(file: Path, bytes_per_s: int, sleep: Callable[[float], Awaitable[None]]) -> str:
    digest = hashlib.sha256()
    with await asyncio.to_thread(file.open, "rb") as opened:
        while piece := await asyncio.to_thread(_read_piece, opened):
            digest.update(piece)
            await sleep(len(piece) / bytes_per_s)
    return digest.hexdigest()


def _read_piece(file: BinaryIO) -> bytes:
    """Read on, and leave no trace in the system's cache of files, which others need more."""
    at = file.tell()
    piece = file.read(_PIECE_BYTES)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), at, len(piece), os.POSIX_FADV_DONTNEED)
    return piece
