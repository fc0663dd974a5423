"""A store of assets in a folder, and a few sounds to fill it with."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from acebridge.named_files import open_named_file
from acebridge.store import uses
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.start import open_database
from tests.support.daemon import song, write_wav


def with_store(
    folder: Path, work: Callable[[AssetStore], Awaitable[Any]], *, limit: int = 1 << 30, quota: int | None = None
) -> Any:
    """Run ``work`` on a store as a daemon opens it, but for its background tasks."""

    async def run() -> Any:
        database = open_database(folder, reserve_bytes=65536)
        try:
            return await work(AssetStore(database, folder, max_upload_bytes=limit, quota_bytes=quota))
        finally:
            database.close()

    return asyncio.run(run())


def wav_bytes(folder: Path, seed: int = 0, seconds: float = 0.05) -> bytes:
    """Return a WAV file of noise, other noise for each seed."""
    file = write_wav(folder / f"{seed}.wav", song(seconds, seed=seed))
    try:
        return file.read_bytes()
    finally:
        file.unlink()


async def put_path(store: AssetStore, path: Path) -> Asset:
    """Store the file at ``path`` as a request that names it does."""
    return await store.put_file(await open_named_file(str(path), [path.parent], "path"))


async def chunks_of(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def add_job(
    connection: sqlite3.Connection, *, state: str, sources: Sequence[str] = (), takes: Sequence[Any] = ()
) -> int:
    """Add a job in any state that reads these assets; return its number."""
    count = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
    number = connection.execute(
        "INSERT INTO jobs (id, digest, task, params, engine, state, priority, created, sources, takes)"
        " VALUES (?, '', 'text2music', '{}', 'fake', ?, 0, 1.0, ?, ?)",
        (f"{count:032x}", state, json.dumps(list(sources)), json.dumps(list(takes))),
    ).lastrowid
    assert number is not None
    uses.add(connection, number, sources)
    return number


def files_in(folder: Path) -> set[str]:
    """Return the names of the stored files."""
    return {file.name for file in (folder / "assets").glob("*/*")}


def quarantine_files(folder: Path) -> set[str]:
    """Return the names of the files that were put aside."""
    return {file.name for file in (folder / "quarantine").glob("*")}
