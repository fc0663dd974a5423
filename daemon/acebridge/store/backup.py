"""A backup: one tar file with the database and every stored file, made while the daemon runs, or not.

``assets/ab/abcdef…``   the files, by their hashes, and latents of takes beside them
``acebridge.db``        the database as it was at one moment, at which all these files were there
``config.toml``         the settings, where there are any
``manifest.json``       comes last, so that a backup that was cut off is known as such

A database that changes meanwhile is copied again, and then the files that are new in it, until nothing is new.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from acebridge.atomic_files import sync_folder
from acebridge.errors import Conflict, NotFound
from acebridge.paths import CONFIG_FILE, DATABASE_FILE
from acebridge.private_files import explain_access
from acebridge.store import schema
from acebridge.store.database import connect, explain_errors
from acebridge.store.files import AssetFiles
from acebridge.version import VERSION
from acestep_runtime.errors import InvalidValue
from acestep_runtime.latents_files import SUFFIX, is_whole, read_file
from acestep_runtime.temporary_files import temporary_path

MANIFEST_FILE, FORMAT = "manifest.json", 1
#: How often the database is copied again at most.
_ROUNDS = 20


@dataclass
class Backup:
    """What a backup holds. ``damaged`` and ``missing`` name assets that it does not hold as their ids promise."""

    files: int = 0
    size_bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class _Hashing(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def back_up(folder: Path, target: Path) -> Backup:
    """Write a backup of a data folder to ``target``, which gets its name when it is whole and on the disk.

    Raises `NotFound` when there is nothing to back up, `Conflict` when ``target`` exists, `DataLoss` for a damaged database,
    `InvalidValue` when ``target`` cannot be written.
    """
    path = folder / DATABASE_FILE
    with explain_access(folder):
        is_there = path.exists()
    if not is_there:
        raise NotFound(f"There is no database {path}.", remedy="Set ACEBRIDGE_HOME to the data folder to back up.")
    if target.exists():
        raise Conflict(f"{target} exists already.", remedy="Choose another name, or remove it first.")
    unfinished = temporary_path(target)
    private = partial(os.open, mode=0o600)  # lyrics and audio are nobody else's business
    try:
        with (
            explain_errors(path),
            closing(connect(path)) as connection,
            open(unfinished, "xb", opener=private) as file,
        ):
            schema.check_version(connection, path)
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                backup = _write(archive, connection, folder, target.absolute().parent)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        if error.filename not in (None, str(unfinished)) and Path(error.filename).is_relative_to(folder):
            with explain_access(folder):
                raise
        message = f"{target} cannot be written: {error.strerror}."
        remedy = "Choose another place, or free some space there."
        raise InvalidValue("FILE", str(target), "a file that can be written", message=message, remedy=remedy) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return backup


def _write(archive: tarfile.TarFile, connection: sqlite3.Connection, folder: Path, scratch_place: Path) -> Backup:
    files, backup = AssetFiles(folder), Backup()
    written: set[str] = set()
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=scratch_place) as scratch:
        snapshot = Path(scratch) / DATABASE_FILE
        for _ in range(_ROUNDS):
            schema.copy_database(connection, snapshot)
            new = _assets_in(snapshot) - written - set(backup.missing)
            if not new:
                break
            _add_assets(archive, files, sorted(new), backup, written)
        archive.add(snapshot, DATABASE_FILE)
        listed = _assets_in(snapshot)
    # A file that went while the backup was made is no loss: the database that was copied last does not know it either.
    backup.missing = [asset_id for asset_id in backup.missing if asset_id in listed]
    if (folder / CONFIG_FILE).is_file():
        archive.add((folder / CONFIG_FILE).resolve(), CONFIG_FILE)  # many link it to where they keep their settings
    manifest = {"format": FORMAT, "acebridge": VERSION, "made": time.time(), "files": backup.files}
    _add_bytes(archive, MANIFEST_FILE, json.dumps({**manifest, "damaged": backup.damaged}).encode())
    return backup


def _assets_in(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        has_mark = "missing" in {column[1] for column in connection.execute("PRAGMA table_info(assets)")}
        return {row[0] for row in connection.execute(f"SELECT id FROM assets{' WHERE NOT missing' * has_mark}")}


def _add_assets(
    archive: tarfile.TarFile, files: AssetFiles, ids: Iterable[str], backup: Backup, written: set[str]
) -> None:
    for asset_id in ids:
        try:
            with files.path(asset_id).open("rb") as file:
                member = archive.gettarinfo(arcname=f"assets/{asset_id[:2]}/{asset_id}", fileobj=file)
                reader = _Hashing(file)
                archive.addfile(member, reader)
        except FileNotFoundError:
            backup.missing.append(asset_id)
            continue
        written.add(asset_id)
        if reader.digest.hexdigest() == asset_id:
            backup.files += 1
            backup.size_bytes += member.size + _add_latents(
                archive, files.latents_path(asset_id), f"{member.name}{SUFFIX}"
            )
        else:
            backup.damaged.append(asset_id)


def _add_latents(archive: tarfile.TarFile, file: Path, name: str) -> int:
    """Add latents if they are there and whole; return how many bytes."""
    try:
        data = read_file(file)
    except (OSError, ValueError):
        return 0
    if not is_whole(data):
        return 0
    _add_bytes(archive, name, data)
    return len(data)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(data), int(time.time())
    archive.addfile(member, io.BytesIO(data))
