"""The files of the assets: where they lie, how they get there, and what becomes of those that are not what their name says.

A file is written in ``incoming/``, reaches the disk, and is renamed to ``assets/ab/abcdef…``, the SHA-256 of its bytes. One
that is damaged, or that nobody can tell what it is, moves into ``quarantine/``; nothing here removes it. Nothing here knows
the database.

The audio of a take has its latents beside it, ``abcdef….latents``. They hold a hash of their own, and go when the audio goes.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from acebridge.atomic_files import sync_folder
from acebridge.paths import ASSETS_FOLDER, QUARANTINE_FOLDER, asset_path
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.latents_files import SUFFIX, latents_path

log = logging.getLogger(__name__)
COPY_BYTES = 1 << 20
#: Of an id, in the name of the folder that its file lies in.
_FOLDER_DIGITS = 2
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class FileState(NamedTuple):
    """What a system says of a file without reading it; another state may mean other bytes."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


def state_of(stat: os.stat_result) -> FileState:
    """Return the state in ``stat``."""
    return FileState(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def is_asset_id(name: str) -> bool:
    """Return whether ``name`` can be that of an asset: a SHA-256 in lower-case hexadecimal."""
    return _ID.fullmatch(name) is not None


def sync_file(file: Path) -> None:
    """Have the bytes of a file reach the disk."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


def write_chunk(descriptor: int, digest: hashlib._Hash, chunk: bytes) -> None:
    """Write all of ``chunk``, and take it into the hash."""
    digest.update(chunk)
    write_all(descriptor, chunk)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def copy_file(source: IO[bytes], target: Path) -> str:
    """Copy a file that is open, from its start; return its SHA-256."""
    digest = hashlib.sha256()
    source.seek(0)
    with target.open("wb") as writer:
        while chunk := source.read(COPY_BYTES):
            write_chunk(writer.fileno(), digest, chunk)
    return digest.hexdigest()


def _is_latents(file: Path) -> bool:
    """Return whether a file is the latents of an asset: no link, no folder, and where they belong."""
    is_named_so = file.suffix == SUFFIX and is_asset_id(file.stem) and file.parent.name == file.stem[:2]
    return is_named_so and file.is_file() and not file.is_symlink()


class AssetFiles:
    """The files below one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / ASSETS_FOLDER
        self.quarantine = folder / QUARANTINE_FOLDER
        self._incoming = folder / "incoming"
        #: Folders whose own names are on the disk. One that is there need not be: who made it may have been killed.
        self._lasting: set[Path] = set()

    def prepare(self) -> None:
        """Make the folders, and remove what uploads that never ended have left."""
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.folder.parent)  # else a power cut may take them, with all in them
        with suppress(PermissionError):
            sync_folder(self.folder.parent.parent)

    def path(self, asset_id: str) -> Path:
        """Return the path of ``asset_id``, whether it exists or not."""
        return asset_path(self.folder.parent, asset_id)

    def latents_path(self, asset_id: str) -> Path:
        """Return the path of the latents of ``asset_id``, whether they exist or not."""
        return latents_path(self.path(asset_id))

    def new_incoming(self) -> Path:
        """Return the path of a new file to write to."""
        return self._incoming / uuid.uuid4().hex

    def all(self) -> Iterator[Path]:
        """Yield everything that lies where assets do, whatever it is, but latents."""
        return (file for file in self._all() if not _is_latents(file))

    def all_latents(self) -> dict[str, Path]:
        """Return the latents that lie beside assets, by the ids of these."""
        return {file.stem: file for file in self._all() if _is_latents(file)}

    def _all(self) -> Iterator[Path]:
        """Yield what lies in the folders of assets. Raises ``OSError`` where that cannot be read: it is not gone."""
        for folder in sorted(self.folder.iterdir()) if self.folder.exists() else ():
            if len(folder.name) == _FOLDER_DIGITS and folder.is_dir():
                yield from folder.iterdir()

    def state(self, asset_id: str) -> FileState | None:
        """Return the state of an asset's file; ``None`` where there is none."""
        try:
            return state_of(self.path(asset_id).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def move_in(self, file: Path, asset_id: str) -> FileState:
        """Move a whole file to its place, on the disk when this returns; return its state there."""
        target = self.path(asset_id)
        sync_file(file)
        if not target.parent.exists():
            target.parent.mkdir(exist_ok=True)
            self._lasting.discard(target.parent)
        file.replace(target)
        self._sync_name(target)
        return state_of(target.stat())

    def move_latents_in(self, file: Path, asset_id: str) -> int:
        """Move latents, which are on the disk, beside the audio of an asset; return their size, 0 where there are none.

        Latents that cannot be moved are no error: audio is enough.
        """
        try:
            size: int = file.stat().st_size
            file.replace(self.latents_path(asset_id))
        except FileNotFoundError:
            return 0
        except OSError as error:
            log.warning("latents cannot be stored", extra={"asset": asset_id, "error": str(error)})
            return 0
        return size

    def remove(self, asset_id: str) -> None:
        """Remove the file of an asset and its latents. Raises ``OSError`` for one that another program holds."""
        self.latents_path(asset_id).unlink(missing_ok=True)
        self.path(asset_id).unlink(missing_ok=True)

    def sync(self, asset_id: str) -> None:
        """Have an asset's file reach the disk, whoever has put it there. Raises `FileNotFoundError`."""
        sync_file(self.path(asset_id))
        self._sync_name(self.path(asset_id))

    def _sync_name(self, file: Path) -> None:
        sync_folder(file.parent)
        if file.parent not in self._lasting:
            sync_folder(self.folder)
            self._lasting.add(file.parent)

    def put_aside(self, file: Path) -> Path | None:
        """Move a file into quarantine; return where it is now, ``None`` if it was gone. Nothing there is ever overwritten."""
        self.quarantine.mkdir(mode=0o700, exist_ok=True)
        target = self.quarantine / file.name
        if os.path.lexists(target):
            target = self.quarantine / f"{file.name}.{time.time_ns()}"
        try:
            file.rename(target)
        except FileNotFoundError:
            return None
        with suppress(OSError):
            sync_folder(self.quarantine)
        return target

    def is_genuine(self, asset_id: str, *, pause: Callable[[int], None] = lambda _: None) -> bool:
        """Return whether the file of an asset has the bytes that its name promises. Raises `FileNotFoundError`."""
        return hash_file(self.path(asset_id), on_read=pause) == asset_id
