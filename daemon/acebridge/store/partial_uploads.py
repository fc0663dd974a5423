"""Uploads that arrive in pieces, named by the SHA-256 of the whole, so that one that breaks off goes on where it was.

What has arrived is a file in ``uploads/``, one for each owner and hash, which only grows. It survives the daemon. It is no
asset: the hash of all its bytes decides, once they are there, whether it becomes one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

from acebridge.errors import Busy, is_full
from acebridge.limits import MAX_PARTIAL_BYTES
from acebridge.store.files import write_all
from acestep_runtime.errors import InvalidValue
from acestep_runtime.file_hashes import hash_file

log = logging.getLogger(__name__)
#: How many uploads may be under way; for how many seconds one keeps its place after a piece, and for how many it stays if
#: nobody needs that.
MAX_FILES, QUIET_S, MAX_AGE_S = 32, 60.0, 86400.0
_NAME = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{16})", re.ASCII)


class Upload(NamedTuple):
    """A file that arrives, and the hash of whose upload it is."""

    asset_id: str
    owner_hash: str

    @property
    def file_name(self) -> str:
        """The name of the file with what has arrived."""
        return f"{self.asset_id}.{self.owner_hash}"


def upload_of(asset_id: str, owner: str) -> Upload:
    """Return the upload of a file by an owner, which is the name of a token."""
    return Upload(asset_id, hashlib.sha256(owner.encode()).hexdigest()[:16])


@dataclass(frozen=True)
class Beginning:
    """The first ``size_bytes`` of an upload are there; the last of them came at ``changed``, in Unix seconds."""

    size_bytes: int
    changed: float


class PartialUploads:
    """The uploads that are under way, in one folder, which is made when it is needed.

    Those that an earlier daemon has left are taken up; what else is in the folder is removed.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._begun: dict[Upload, Beginning] = {}
        self._locks: WeakValueDictionary[Upload, asyncio.Lock] = WeakValueDictionary()
        for path in folder.iterdir() if folder.is_dir() else ():
            if (match := _NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink():
                stat = path.stat()
                self._begun[Upload(*match.groups())] = Beginning(stat.st_size, stat.st_mtime)
            else:
                with suppress(OSError):
                    path.unlink()
        self.clean()

    def path(self, upload: Upload) -> Path:
        """Return the path of what has arrived of an upload, whether there is any or not."""
        return self._folder / upload.file_name

    @property
    def total_bytes(self) -> int:
        """The size of all that has arrived."""
        return sum(each.size_bytes for each in self._begun.values())

    def count_bytes(self, upload: Upload) -> int:
        """Return how many bytes of an upload have arrived."""
        return self._begun[upload].size_bytes if upload in self._begun else 0

    def lock(self, upload: Upload) -> asyncio.Lock:
        """Return what whoever changes an upload has to hold; an upload whose lock is held is never dropped by others."""
        lock = self._locks.get(upload)
        if lock is None:
            lock = self._locks[upload] = asyncio.Lock()
        return lock

    async def append(self, upload: Upload, data: bytes) -> None:
        """Add the next bytes. Raises `Busy` when there is no place for them, and ``OSError``; then what was there stays."""
        self._make_place(upload, len(data))
        before = self.count_bytes(upload)
        self._begun[upload] = Beginning(before, self._clock())
        try:
            await asyncio.to_thread(_append, self.path(upload), before, data)
        except FileNotFoundError:  # somebody has removed it
            self.drop(upload)
            raise stale_offset(before, 0) from None
        except OSError as error:
            if is_full(error):
                self.free(MAX_PARTIAL_BYTES)
            if not before:
                self.drop(upload)
            raise
        if upload in self._begun:
            self._begun[upload] = Beginning(before + len(data), self._clock())

    async def check_whole(self, upload: Upload) -> Path:
        """Return the file of an upload of which all bytes have arrived. Raises `InvalidValue` when they have another hash.

        Then nothing stays of it.
        """
        path = self.path(upload)
        try:
            if await asyncio.to_thread(hash_file, path) == upload.asset_id:
                return path
        except FileNotFoundError:  # somebody has removed it
            self.drop(upload)
            raise stale_offset(0, 0) from None
        self.drop(upload)
        raise InvalidValue(
            "asset_id", upload.asset_id, "the SHA-256 of the bytes that are sent",
            message=f"The bytes that arrived are not those of {upload.asset_id[:12]}…: they have another SHA-256.",
            remedy="Send the file again from its first byte, and do not change it meanwhile.",
        )  # fmt: skip

    def drop(self, upload: Upload) -> None:
        """Forget an upload, and remove what has arrived of it, unless that was moved."""
        self._begun.pop(upload, None)
        try:
            self.path(upload).unlink(missing_ok=True)
        except OSError as error:  # a later daemon finds it
            log.warning("a partial upload cannot be removed", extra={"asset": upload.asset_id, "error": str(error)})

    def drop_all(self, asset_id: str) -> None:
        """Drop what has arrived of a file that is stored now, whoever sent it."""
        for upload in [each for each in self._idle() if each.asset_id == asset_id]:
            self.drop(upload)

    # ---- limits ----

    def free(self, size_bytes: int) -> None:
        """Drop uploads that stand still, for longest first, until that has freed ``size_bytes`` or there are no more."""
        for upload in self._quiet():
            if size_bytes <= 0:
                return
            size_bytes -= self.count_bytes(upload)
            self.drop(upload)

    def clean(self) -> None:
        """Drop the uploads that are too old."""
        for upload in self._idle():
            if self._clock() - self._begun[upload].changed > MAX_AGE_S:
                self.drop(upload)

    def _make_place(self, upload: Upload, size_bytes: int) -> None:
        is_new = upload not in self._begun
        others = [each for each in self._quiet() if each != upload]
        while len(self._begun) + is_new > MAX_FILES or self.total_bytes + size_bytes > MAX_PARTIAL_BYTES:
            if not others:
                raise Busy(
                    f"{len(self._begun)} uploads are under way, with {self.total_bytes / 2**20:.1f} MiB.",
                    remedy="Try again when one has ended.",
                )
            self.drop(others.pop(0))

    def _idle(self) -> list[Upload]:
        return [each for each in self._begun if each not in self._locks or not self._locks[each].locked()]

    def _quiet(self) -> list[Upload]:
        """Return the uploads that have stood still for a while, for longest first."""
        since = self._clock() - QUIET_S
        quiet = [each for each in self._idle() if self._begun[each].changed < since]
        return sorted(quiet, key=lambda each: self._begun[each].changed)


def stale_offset(offset: int, received: int) -> InvalidValue:
    """Return the error for a piece that does not join what has arrived."""
    remedy = "Send a request without data to learn where to go on."
    return InvalidValue("offset_bytes", offset, f"0 to {received}, what has arrived", remedy=remedy)


def _append(path: Path, offset: int, data: bytes) -> None:
    """Write ``data`` at an offset, as the end of a file; what an append that failed has left there is overwritten."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("r+b" if offset else "wb") as file:
        file.truncate(offset)
        file.seek(offset)
        write_all(file.fileno(), data)
