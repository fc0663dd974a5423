"""Audio files named by the SHA-256 of their bytes. A file is visible only when it is complete.

Files arrive in ``incoming/``, are hashed while they are written, and are renamed into ``assets/ab/abcdef…``.
A file without a row (the daemon died in between) is removed at the next start.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acebridge.errors import Conflict, NotFound, TooLarge
from acebridge.store.database import Database
from acestep_runtime.audio.decode import probe
from acestep_runtime.errors import InvalidValue, printable

SCHEMA = """
CREATE TABLE IF NOT EXISTS assets (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, size_bytes INTEGER NOT NULL, sample_rate INTEGER NOT NULL,
  channels INTEGER NOT NULL, frames INTEGER NOT NULL, pinned INTEGER NOT NULL DEFAULT 0,
  created REAL NOT NULL, last_used REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS assets_by_use ON assets (last_used);
CREATE TABLE IF NOT EXISTS paths (
  path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, asset_id TEXT NOT NULL) WITHOUT ROWID;
"""
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Asset:
    """A stored file and its metadata. Times are Unix seconds."""

    id: str
    name: str
    size_bytes: int
    sample_rate: int
    channels: int
    frames: int
    pinned: bool
    created: float
    last_used: float


def _asset(row: sqlite3.Row) -> Asset:
    return Asset(**{**dict(row), "pinned": bool(row["pinned"])})


class AssetStore:
    """The assets below one folder."""

    def __init__(self, database: Database, folder: Path, *, max_upload_bytes: int) -> None:
        self._database = database
        self._assets = folder / "assets"
        self._incoming = folder / "incoming"
        self._max_upload_bytes = max_upload_bytes
        # Held from a change of the rows to that of the files, so that storing and removing the same never mix.
        self._changing = asyncio.Lock()
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True)
        self._assets.mkdir(parents=True, exist_ok=True)
        database.transact(self._prepare)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        known = {row["id"] for row in connection.execute("SELECT id FROM assets")}
        files = {file.name: file for file in self._assets.glob("??/*")}
        for stray in files.keys() - known:
            files[stray].unlink()
        for missing in known - files.keys():
            connection.execute("DELETE FROM assets WHERE id = ?", (missing,))

    def path(self, asset_id: str) -> Path:
        """Return the path of ``asset_id``, whether it exists or not."""
        return self._assets / asset_id[:2] / asset_id

    async def get(self, asset_id: str) -> Asset:
        """Return an asset and mark it as used now. Raises `NotFound`.

        An asset whose file was removed or truncated is forgotten, so that it can be uploaded again.
        """
        asset = await self._row(asset_id)
        if asset is not None and not await asyncio.to_thread(self._is_whole, asset):
            async with self._changing:  # an asset that is changing now may be complete by then
                if not await asyncio.to_thread(self._is_whole, asset):
                    await self._drop([asset_id])
                    asset = None
        if asset is None:
            raise NotFound(
                f"There is no asset {asset_id[:80]!r}.", remedy="It may have been evicted or deleted: upload it again."
            )
        return asset

    async def _row(self, asset_id: str) -> Asset | None:
        def work(connection: sqlite3.Connection) -> sqlite3.Row | None:
            connection.execute("UPDATE assets SET last_used = ? WHERE id = ?", (time.time(), asset_id))
            row: sqlite3.Row | None = connection.execute("SELECT * FROM assets WHERE id = ?", (asset_id,)).fetchone()
            return row

        row = await self._database.run(work)
        return None if row is None else _asset(row)

    def _is_whole(self, asset: Asset) -> bool:
        try:
            return self.path(asset.id).stat().st_size == asset.size_bytes
        except FileNotFoundError:
            return False

    async def recent(self, limit: int, *, before: tuple[float, str] | None = None) -> list[Asset]:
        """Return the newest ``limit`` assets; ``before`` only those older than this time of creation and id."""
        older, values = ("WHERE (created, id) < (?, ?)", before) if before else ("", ())
        rows = await self._database.run(
            lambda c: c.execute(
                f"SELECT * FROM assets {older} ORDER BY created DESC, id DESC LIMIT ?", (*values, limit)
            ).fetchall()
        )
        return [_asset(row) for row in rows]

    async def total_bytes(self) -> int:
        """Return the size of all assets together."""
        row = await self._database.run(lambda c: c.execute("SELECT total(size_bytes) FROM assets").fetchone())
        return int(row[0])

    async def pin(self, asset_id: str, pinned: bool) -> Asset:
        """Protect an asset from eviction, or stop doing so. Raises `NotFound`."""
        await self._database.run(
            lambda c: c.execute("UPDATE assets SET pinned = ? WHERE id = ?", (int(pinned), asset_id))
        )
        return await self.get(asset_id)

    async def delete(self, asset_id: str, *, in_use: Iterable[str]) -> None:
        """Remove an asset. Raises `NotFound`, and `Conflict` when it is one of those ``in_use``."""
        await self.get(asset_id)
        if asset_id in set(in_use):
            raise Conflict(
                f"Asset {asset_id[:12]}… is needed by a job that waits or runs.", remedy="Cancel the job first."
            )
        async with self._changing:
            await self._drop([asset_id])

    async def _drop(self, ids: Iterable[str]) -> None:
        """Remove rows, then files; the caller holds the lock."""
        rows = [(asset_id,) for asset_id in ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM assets WHERE id = ?", rows)
            connection.executemany("DELETE FROM paths WHERE asset_id = ?", rows)

        await self._database.run(work)
        for (asset_id,) in rows:
            await asyncio.to_thread(self.path(asset_id).unlink, missing_ok=True)

    async def evict(self, *, quota_bytes: int, max_age_s: float, in_use: Iterable[str], fresh_s: float = 0.0) -> int:
        """Remove assets past the age or the quota, least recently used first; return their number.

        Assets used in the last ``fresh_s`` stay: a client may still be downloading them.
        """
        in_use_ids = set(in_use)
        rows = await self._database.run(
            lambda c: c.execute("SELECT id, size_bytes, last_used, pinned FROM assets ORDER BY last_used").fetchall()
        )
        excess = sum(row["size_bytes"] for row in rows) - quota_bytes
        oldest = time.time() - max_age_s
        evicted = []
        for row in rows:
            if row["pinned"] or row["id"] in in_use_ids or row["last_used"] > time.time() - fresh_s:
                continue
            if excess > 0 or row["last_used"] < oldest:
                evicted.append(row["id"])
                excess -= row["size_bytes"]
        async with self._changing:
            await self._drop(evicted)
        return len(evicted)

    async def put(self, chunks: AsyncIterator[bytes], name: str, *, field: str = "data") -> Asset:
        """Store a file that arrives in chunks; errors name the ``field`` of the request that it is from.

        Raises `TooLarge` above the upload limit, `UnreadableAudio` if it is not audio.
        """
        incoming = self._incoming / uuid.uuid4().hex
        digest, size = hashlib.sha256(), 0
        try:
            with incoming.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    self._check_size(size, name)
                    await asyncio.to_thread(_write, file.fileno(), digest, chunk)
            return await self.adopt(incoming, digest.hexdigest(), name, field=field)
        finally:
            incoming.unlink(missing_ok=True)

    async def check_path(self, path: Path, *, field: str) -> None:
        """Raise what `put_path` would raise for the file at ``path``, and store nothing."""
        self._check_size((await _stat(path, field)).st_size, path.name)
        await asyncio.to_thread(probe, path, field=field)

    async def put_path(self, path: Path, *, field: str = "path") -> Asset:
        """Store a copy of the file at ``path`` (already known to be inside the allowed roots), which ``field`` holds.

        An unchanged file that was stored before is not read again.
        """
        stat = await _stat(path, field)
        facts = (str(path), stat.st_size, stat.st_mtime_ns)
        row = await self._database.run(
            lambda c: c.execute(
                "SELECT asset_id FROM paths JOIN assets ON assets.id = asset_id"
                " WHERE path = ? AND paths.size_bytes = ? AND mtime_ns = ?",
                facts,
            ).fetchone()
        )
        if row is not None:
            with suppress(NotFound):  # its file is gone: then it is copied again
                return await self.get(row["asset_id"])
        # The header first, so that files that are not audio are not copied.
        await self.check_path(path, field=field)
        incoming = self._incoming / uuid.uuid4().hex
        try:
            digest = await asyncio.to_thread(_copy, path, incoming)
            asset = await self.adopt(incoming, digest, path.name, field=field)
        finally:
            incoming.unlink(missing_ok=True)
        await self._database.run(
            lambda c: c.execute("INSERT OR REPLACE INTO paths VALUES (?, ?, ?, ?)", (*facts, asset.id))
        )
        return asset

    async def adopt(self, file: Path, asset_id: str, name: str, *, field: str = "source") -> Asset:
        """Take over a complete file whose hash is known; ``file`` is moved.

        Raises `UnreadableAudio`, with ``field`` as the one to blame, if it is not audio.
        """
        info = await asyncio.to_thread(probe, file, field=field, name=name)
        now = time.time()
        async with self._changing:
            size = await asyncio.to_thread(_move, file, self.path(asset_id))
            values = (asset_id, name, size, info.sample_rate, info.channels, info.frames, 0, now, now)
            await self._database.run(
                lambda c: c.execute(
                    "INSERT INTO assets VALUES (?,?,?,?,?,?,?,?,?)"
                    " ON CONFLICT (id) DO UPDATE SET last_used = excluded.last_used",
                    values,
                )
            )
            asset = await self._row(asset_id)
            assert asset is not None
            return asset

    def _check_size(self, size: int, name: str) -> None:
        if size > self._max_upload_bytes:
            raise TooLarge(
                f"{printable(name) or 'The upload'} is larger than {self._max_upload_bytes / 2**20:.1f} MiB.",
                remedy="Send only the part that is needed, or raise max_upload_bytes in config.toml.",
            )


async def _stat(path: Path, field: str) -> os.stat_result:
    """Return what the system knows of a file, which ``field`` of a request names. Raises `InvalidValue`."""
    try:
        return await asyncio.to_thread(path.stat)
    except OSError as error:
        message = f"{printable(path.name)} cannot be read: {error.strerror}."
        raise InvalidValue(
            field, str(path), "a file that can be read", message=message, remedy="Check the path."
        ) from error


def _move(file: Path, target: Path) -> int:
    size = file.stat().st_size
    target.parent.mkdir(exist_ok=True)
    file.replace(target)
    return size


def _write(descriptor: int, digest: hashlib._Hash, chunk: bytes) -> None:
    digest.update(chunk)
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_COPY_BYTES):
            _write(writer.fileno(), digest, chunk)
    return digest.hexdigest()
