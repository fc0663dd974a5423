"""Audio files named by the SHA-256 of their bytes. A file is visible only when it is complete.

Files arrive in ``incoming/``, are hashed while they are written, and are renamed into ``assets/ab/abcdef…``; see
`acebridge.store.files`. A file is removed only when a transaction has said so: one without a row is taken up again if it is
what its name says, and put into quarantine if not. A row without a file is marked, and good again when its file is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from acebridge.background import run_whole
from acebridge.errors import Busy, Conflict, DataLoss, NotFound, TooLarge
from acebridge.named_files import NamedFile, in_reading_thread
from acebridge.store import asset_rows, source_identity, uses
from acebridge.store.asset_rows import AGE_STEP, STEP, Asset, Touch
from acebridge.store.database import Database
from acebridge.store.files import AssetFiles, FileState, copy_file, is_asset_id, state_of, write_chunk
from acebridge.store.headers import in_header_thread
from acebridge.store.partial_uploads import PartialUploads
from acebridge.store.start import settle
from acestep_runtime.audio.decode import MediaInfo, probe
from acestep_runtime.errors import UnreadableAudio, printable
from acestep_runtime.latents_files import latents_path

log = logging.getLogger(__name__)
#: After this number of bytes an upload asks for room again.
_ROOM_STEP = 8 * 2**20
_COPY_TRIES = 3


class AssetStore:
    """The assets below one folder.

    Uploads count against ``quota_bytes``; for one that needs room, assets are evicted that were not used in the last
    ``fresh_s``. Raises `DataLoss` when the folder of the assets is gone.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        max_upload_bytes: int,
        quota_bytes: int | None = None,
        fresh_s: float = 0.0,
    ) -> None:
        self._database = database
        self.files = AssetFiles(folder)
        self._max_upload_bytes = max_upload_bytes
        self._quota_bytes, self._fresh_s = quota_bytes, fresh_s
        #: Bytes of uploads under way.
        self._arriving = 0
        self.partial_uploads = PartialUploads(folder / "uploads")
        # Held from a change of the rows to that of the files, so that storing and removing the same never mix.
        self._changing = asyncio.Lock()
        #: Asset → the state of its file in which its bytes were what its id says.
        self._verified: dict[str, FileState] = {}
        #: Uses that are not written yet: reading an asset writes nothing.
        self._touches: dict[str, Touch] = {}
        #: Files that were there at the start without a good row.
        self._strays = settle(database, self.files)

    def path(self, asset_id: str) -> Path:
        """Return the path of ``asset_id``, whether it exists or not."""
        return self.files.path(asset_id)

    # ---- reading ----

    async def get(self, asset_id: str) -> Asset:
        """Return an asset and mark it as used now. Raises `NotFound`.

        A file of another length than that of its asset is put aside, so that it can be uploaded again.
        """
        asset = await self._find(asset_id)
        if asset is None or asset.missing or not await self._is_whole(asset):
            asset = await self._recover(asset_id)
        if asset is None:
            raise uses.no_asset(asset_id)
        touch = self._touches[asset_id] = Touch(time.time(), self._database.clock.now())
        return replace(asset, last_used=touch.wall)

    async def verify(self, asset_id: str) -> Asset:
        """Return an asset whose bytes are what its id says, as `get` does. Those of an unchanged file are not read again.

        Raises `NotFound`, and `DataLoss` for damage: then the file is put aside.
        """
        asset = await self.get(asset_id)
        try:
            is_good = await self._is_verified(asset_id)
        except FileNotFoundError:  # deleted meanwhile
            raise uses.no_asset(asset_id) from None
        if not is_good:
            raise await self.put_damaged_aside(asset_id)
        return asset

    async def _is_verified(self, asset_id: str) -> bool:
        """Return whether the bytes of a file are what its name says. Raises `FileNotFoundError`."""
        state = await asyncio.to_thread(self.files.state, asset_id)
        if state is not None and self._verified.get(asset_id) == state:
            return True
        is_genuine = await asyncio.to_thread(self.files.is_genuine, asset_id)
        if is_genuine and state is not None:
            self._verified[asset_id] = state
        return is_genuine

    async def put_damaged_aside(self, asset_id: str) -> DataLoss | NotFound:
        """Move a file whose bytes are not what its id says into quarantine; return the error to raise."""
        async with self._changing:
            try:
                # Once more: meanwhile the same may have been stored again.
                if await asyncio.to_thread(self.files.is_genuine, asset_id):
                    return DataLoss(f"Asset {asset_id[:12]}… was damaged, and is stored again.", remedy="Try again.")
            except FileNotFoundError:
                return uses.no_asset(asset_id)
            where = await asyncio.to_thread(self.files.put_aside, self.path(asset_id))
            await self._mark_missing([asset_id])
        log.error("a stored file is damaged", extra={"asset": asset_id, "moved_to": str(where)})
        return DataLoss(
            f"The stored file of asset {asset_id[:12]}… is damaged; it was moved to {self.files.quarantine}.",
            remedy="Upload it, or run the task that made it, again; or take it from a backup.",
        )

    async def _find(self, asset_id: str) -> Asset | None:
        return await self._database.read(lambda c: asset_rows.find(c, asset_id)) if is_asset_id(asset_id) else None

    async def _is_whole(self, asset: Asset) -> bool:
        state = await asyncio.to_thread(self.files.state, asset.id)
        return state is not None and state.size_bytes == asset.size_bytes

    async def _mark_missing(self, asset_ids: Sequence[str]) -> None:
        for asset_id in asset_ids:
            self._verified.pop(asset_id, None)
        await self._database.run(lambda c: asset_rows.mark_missing(c, asset_ids), frees=True)

    async def _recover(self, asset_id: str) -> Asset | None:
        """Return an asset whose row or file was not as it should be; ``None`` if there is no file of it."""
        if not is_asset_id(asset_id):
            return None
        async with self._changing:  # an asset that is changing now may be complete by then
            asset = await self._find(asset_id)
            if asset is not None and not asset.missing and await self._is_whole(asset):
                return asset
            if await self._database.read(lambda c: asset_rows.is_to_go(c, asset_id)):
                return None
            file = self.path(asset_id)
            try:
                if not await asyncio.to_thread(file.is_file):
                    raise FileNotFoundError
                if await self._is_verified(asset_id):
                    return await self._take_up(file, asset_id, asset)
            except UnreadableAudio:
                pass
            except FileNotFoundError:
                if asset is not None and not asset.missing:
                    await self._mark_missing([asset_id])
                return None
            where = await asyncio.to_thread(self.files.put_aside, file)
            log.error("a file is not what its name says", extra={"asset": asset_id, "moved_to": str(where)})
            if asset is not None:
                await self._mark_missing([asset_id])
            return None

    async def _take_up(self, file: Path, asset_id: str, known: Asset | None) -> Asset:
        """Write the row of a whole file that is in place; what is known of it stays. Raises `UnreadableAudio`."""
        await asyncio.to_thread(self.files.sync, asset_id)
        stat = await asyncio.to_thread(file.stat)
        now = time.time()
        if known is None:
            name = f"recovered {asset_id[:12]}"
            info = await in_header_thread(partial(probe, file, name=name))
            asset = Asset(
                asset_id, name, stat.st_size, info.sample_rate, info.channels, info.frames, False, stat.st_mtime, now
            )
        else:
            asset = replace(known, size_bytes=stat.st_size, last_used=now)
        self._verified[asset_id] = state_of(stat)
        log.warning("took up a file without a good row", extra={"asset": asset_id})
        return await self._database.run(lambda c: asset_rows.store(c, asset))

    async def adopt_strays(self) -> int:
        """Take up the files that were there at the start without a good row, or put them aside; return how many are good."""
        good = 0
        while self._strays:
            asset_id = self._strays.pop()
            with suppress(FileNotFoundError):
                await self._is_verified(asset_id)  # reading it now, others need not wait for it
            good += await self._recover(asset_id) is not None
        return good

    async def recent(self, limit: int, *, before: tuple[float, str] | None = None) -> list[Asset]:
        """Return the newest ``limit`` assets; ``before`` only those older than this time of creation and id."""
        assets = await self._database.read(lambda c: asset_rows.newest(c, limit, before))
        return [replace(each, last_used=self._touches[each.id].wall) if each.id in self._touches else each
                for each in assets]  # fmt: skip

    async def total_bytes(self) -> int:
        """Return the size of all assets together, with their latents."""
        return await self._database.read(asset_rows.total_bytes)

    async def least_recently_checked(self) -> Asset | None:
        """Return the asset whose bytes were compared with its id the longest time ago."""
        found = await self._database.read(
            lambda c: c.execute("SELECT id FROM assets WHERE NOT missing ORDER BY checked LIMIT 1").fetchone()
        )
        return None if found is None else await self._find(found["id"])

    async def find_database_damage(self) -> str:
        """Return what is wrong with the database, "" if nothing is. Reads every page of it."""
        return await asyncio.to_thread(self._database.find_damage)

    async def mark_checked(self, asset_id: str) -> None:
        """Record that the bytes of an asset are what its id says, now."""
        values = (time.time(), asset_id)
        await self._database.run(
            lambda c: c.execute("UPDATE assets SET checked = ? WHERE id = ?", values), lasting=False
        )

    # ---- removing ----

    async def pin(self, asset_id: str, pinned: bool) -> Asset:
        """Protect an asset from eviction, or stop doing so. Raises `NotFound`."""
        await self.get(asset_id)
        await self._database.run(
            lambda c: c.execute("UPDATE assets SET pinned = ? WHERE id = ?", (int(pinned), asset_id))
        )
        return await self.get(asset_id)

    async def delete(self, asset_id: str) -> None:
        """Remove an asset. Raises `NotFound`, and `Conflict` when a job that waits or runs reads it or has made it."""
        await self.get(asset_id)

        def choose(connection: sqlite3.Connection) -> list[str]:
            if asset_rows.in_use(connection, asset_id):
                raise Conflict(
                    f"Asset {asset_id[:12]}… is needed by a job that waits or runs.", remedy="Cancel the job first."
                )
            return [asset_id]

        await self._remove(choose)

    async def delete_unneeded(self, asset_ids: Iterable[str]) -> None:
        """Remove those of these assets that nobody has pinned and that no job, whatever its state, reads or has made."""
        ids = list(asset_ids)
        if ids:
            await self._remove(lambda c: asset_rows.find_unneeded(c, ids))

    async def evict(self, *, quota_bytes: int, max_age_s: float, fresh_s: float = 0.0) -> int:
        """Remove assets past the quota, and a few of those past the age, least recently used first; return their number.

        Those that are pinned or that a waiting or running job needs stay, and those used in the last ``fresh_s``: a client
        may still be downloading them.
        """
        evicted, aged = 0, 0
        await self._write_touches()
        while True:

            def choose(connection: sqlite3.Connection, left: int = AGE_STEP - aged) -> list[str]:
                nonlocal aged
                chosen, for_age = asset_rows.to_evict(
                    connection, now=self._database.clock.now(), quota_bytes=quota_bytes, max_age_s=max_age_s,
                    fresh_s=fresh_s, age_step=left,
                )  # fmt: skip
                aged += for_age
                return chosen

            removed = await self._remove(choose)
            evicted += len(removed)
            if len(removed) < STEP:
                return evicted

    async def _write_touches(self) -> None:
        touches, self._touches = self._touches, {}
        try:
            await self._database.run(lambda c: asset_rows.touch(c, touches), lasting=False, frees=True)
        except BaseException:
            self._touches = {**touches, **self._touches}
            raise

    async def _remove(self, choose: Callable[[sqlite3.Connection], list[str]]) -> list[str]:
        """Remove what a transaction chooses: the rows in that transaction, then the files; return the ids."""

        def work(connection: sqlite3.Connection) -> list[str]:
            chosen = choose(connection)
            asset_rows.begin_removal(connection, chosen)
            return chosen

        async with self._changing:
            removed = await self._database.run(work, frees=True)
            gone = []
            for asset_id in removed:
                self._verified.pop(asset_id, None)
                self._touches.pop(asset_id, None)
                try:
                    await asyncio.to_thread(self.files.remove, asset_id)
                    gone.append(asset_id)
                except OSError as error:  # another program reads it: it goes at the next start
                    log.warning("a file cannot be removed", extra={"asset": asset_id, "error": str(error)})
            if gone:
                await self._database.run(lambda c: asset_rows.end_removal(c, gone), lasting=False, frees=True)
        return removed

    async def keep_reserve(self) -> None:
        """Take the reserve of the disk again, if it was needed and there is room."""
        await asyncio.to_thread(self._database.reserve.keep)

    # ---- storing ----

    async def put(self, chunks: AsyncIterator[bytes], name: str, *, field: str = "data") -> Asset:
        """Store a file that arrives in chunks; errors name the ``field`` of the request that it is from.

        Raises `TooLarge` above the upload limit, `Busy` when the quota has no room, `UnreadableAudio` if it is not audio.
        """
        incoming = self.files.new_incoming()
        digest, size, asked = hashlib.sha256(), 0, 0
        try:
            with incoming.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    self._arriving += len(chunk)
                    self.check_size(size, name)
                    if size - asked > _ROOM_STEP:
                        await self.make_room()
                        asked = size
                    await run_whole(asyncio.to_thread(write_chunk, file.fileno(), digest, chunk))
            await self.make_room()
            return await self.adopt(incoming, digest.hexdigest(), name, field=field)
        finally:
            self._arriving -= size
            incoming.unlink(missing_ok=True)

    async def check_file(self, file: NamedFile, *, field: str) -> MediaInfo:
        """Raise what `put_file` would raise for a file, and store nothing; return what its header says."""
        self.check_size((await _state(file)).size_bytes, file.path.name)
        return await in_reading_thread(partial(probe, file, field=field, name=file.path.name))

    async def put_file(self, file: NamedFile, *, field: str = "path") -> Asset:
        """Store a copy of a file, which ``field`` of a request names.

        An unchanged file that was stored before is not read again, see `acebridge.store.source_identity`.
        """
        state = await _state(file)
        known = await self._database.read(lambda c: source_identity.find(c, file.path, state))
        if known is not None:
            with suppress(NotFound, DataLoss):  # its file is gone: then it is copied again
                return await self.verify(known)
        for _ in range(_COPY_TRIES):
            before = await _state(file)
            await self.check_file(file, field=field)  # first, so that files that are not audio are not copied
            read_at_ns = source_identity.now_ns()
            asset = await self._copy_in(file, before, field)
            if await _state(file) == before:
                if source_identity.is_settled(before, read_at_ns):
                    asset_id = asset.id
                    await self._database.run(lambda c: source_identity.remember(c, file.path, before, asset_id))  # noqa: B023
                return asset
        raise Conflict(
            f"{printable(file.path.name)} changes while it is read.",
            remedy="Wait until it is written, then try again.",
        )

    async def _copy_in(self, file: NamedFile, state: FileState, field: str) -> Asset:
        incoming = self.files.new_incoming()
        self._arriving += state.size_bytes
        try:
            await self.make_room()
            digest = await in_reading_thread(partial(copy_file, file, incoming))
            return await self.adopt(incoming, digest, file.path.name, field=field)
        finally:
            self._arriving -= state.size_bytes
            incoming.unlink(missing_ok=True)

    async def adopt(
        self, file: Path, asset_id: str, name: str, *, field: str = "source", job_id: str = "", lasting: bool = True
    ) -> Asset:
        """Take over a complete file whose hash is known; ``file`` is moved. With ``job_id`` that job has made it, and its
        latents, where there are any beside it, are moved too.

        It is on the disk when this returns; if it need not be ``lasting``, its row is with the next transaction that is.
        Raises `UnreadableAudio`, with ``field`` as the one to blame, if it is not audio.
        """
        read = (
            asyncio.to_thread if job_id else in_header_thread
        )  # what a job has made is quick to read, and waits for nobody
        info = await read(partial(probe, file, field=field, name=name))
        now = time.time()

        async with self._changing:
            state = await asyncio.to_thread(self.files.move_in, file, asset_id)
            size = await asyncio.to_thread(self.files.move_latents_in, latents_path(file), asset_id) if job_id else 0
            asset = Asset(
                asset_id, name, state.size_bytes, info.sample_rate, info.channels, info.frames, False, now, now,
                latents_bytes=size,
            )  # fmt: skip

            def work(connection: sqlite3.Connection) -> Asset:
                if job_id:
                    uses.add_by_id(connection, job_id, asset_id)
                return asset_rows.store(connection, asset)

            self._touches.pop(asset_id, None)
            stored = await self._database.run(work, lasting=lasting)
            self._verified[asset_id] = state
            return stored

    async def make_room(self, more: int = 0) -> None:
        """Make room for the uploads under way and ``more`` bytes: first those go that stand still, then assets.

        Raises `Busy` when that is not enough.
        """
        quota = math.inf if self._quota_bytes is None else self._quota_bytes
        wanted = self._arriving + more
        excess = await self.total_bytes() + self.partial_uploads.total_bytes + wanted - quota
        if excess <= 0:
            return
        self.partial_uploads.free(int(excess))
        wanted += self.partial_uploads.total_bytes
        await self.evict(quota_bytes=max(int(quota) - wanted, 0), max_age_s=math.inf, fresh_s=self._fresh_s)
        if (stored := await self.total_bytes()) + wanted > quota:
            raise Busy(
                f"The store holds {stored / 2**20:.1f} of {quota / 2**20:.1f} MiB, and nothing more can be evicted.",
                remedy="Delete or unpin assets, or raise quota_bytes in config.toml.",
            )

    def check_size(self, size: int, name: str) -> None:
        """Raise `TooLarge` for a file above the upload limit."""
        if size > self._max_upload_bytes:
            raise TooLarge(
                f"{printable(name) or 'The upload'} is larger than {self._max_upload_bytes / 2**20:.1f} MiB.",
                remedy="Send only the part that is needed, or raise max_upload_bytes in config.toml.",
            )


async def _state(file: NamedFile) -> FileState:
    """Return what the system knows of a file, which may be on a disk that is slow to answer."""
    return state_of(await in_reading_thread(file.stat))
