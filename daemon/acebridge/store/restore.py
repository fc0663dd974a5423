"""Bringing a backup back. Every file is compared with its hash before anything in the data folder changes.

What was there before moves into a folder beside it; nothing is removed.
"""

from __future__ import annotations

import itertools
import json
import lzma
import os
import re
import shutil
import sqlite3
import tarfile
import time
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from acebridge.atomic_files import sync_folder
from acebridge.errors import Conflict, DataLoss
from acebridge.paths import CONFIG_FILE, DATABASE_FILE
from acebridge.private_files import close_folder, explain_access
from acebridge.store import schema
from acebridge.store.backup import FORMAT, MANIFEST_FILE
from acebridge.store.files import AssetFiles, copy_file, sync_file
from acebridge.store.folder_lock import hold_folder
from acestep_runtime.errors import InvalidValue
from acestep_runtime.latents_files import MAX_BYTES, SUFFIX, is_whole

_ASSET = re.compile(r"assets/([0-9a-f]{2})/(\1[0-9a-f]{62})", re.ASCII)
_LATENTS = re.compile(_ASSET.pattern + re.escape(SUFFIX), re.ASCII)
_OTHERS = (DATABASE_FILE, CONFIG_FILE, MANIFEST_FILE)
_PARTS = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", "assets")


@dataclass(frozen=True)
class Restoration:
    """What was brought back. ``damaged`` counts the files that were not; ``before`` is where earlier data are, "" for none."""

    files: int
    damaged: int
    before: str


def restore(backup: Path, folder: Path, *, overwrite: bool = False) -> Restoration:
    """Bring ``backup`` back into a data folder.

    Raises `Conflict` while a daemon serves it, and when it holds data already unless told to ``overwrite``; `InvalidValue` for
    a file that is no backup, `DataLoss` for one that was cut off or whose database is damaged.
    """
    with explain_access(folder):
        close_folder(folder)
    with hold_folder(folder):
        if _holds(folder) and not overwrite:
            raise Conflict(
                f"{folder} holds data already.",
                remedy="Add --overwrite, which moves them into a folder beside, or set ACEBRIDGE_HOME to an empty one.",
            )
        unpacked = folder / "restore.part"
        shutil.rmtree(unpacked, ignore_errors=True)
        try:
            good, damaged = _unpack(backup, unpacked)
            before = _exchange(folder, unpacked)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    return Restoration(good, damaged, before)


def _holds(folder: Path) -> bool:
    database = folder / DATABASE_FILE
    return (database.exists() and database.stat().st_size > 0) or any(True for _ in AssetFiles(folder).all())


def _unpack(backup: Path, target: Path) -> tuple[int, int]:
    """Write a backup into a new folder; return how many files are good and how many damaged."""
    good = damaged = 0
    manifest: dict[str, object] | None = None
    (target / "assets").mkdir(parents=True)
    try:
        with tarfile.open(backup, "r:*") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    continue
                if asset := _ASSET.fullmatch(member.name):
                    file = target / member.name
                    file.parent.mkdir(exist_ok=True)
                    if _write(content, file) == asset[2]:
                        good += 1
                    else:
                        damaged += 1
                        file.unlink()
                elif _LATENTS.fullmatch(member.name):
                    _write_latents(content.read(MAX_BYTES), target / member.name)
                elif member.name == MANIFEST_FILE:
                    manifest = _read_manifest(content)
                elif member.name in _OTHERS:
                    _write(content, target / member.name)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        if good == 0 and damaged == 0:
            message = f"{backup} is no backup of AceBridge: it is no tar file, or its end is missing."
            raise InvalidValue("file", str(backup), "a file of `acebridge backup`", message=message) from error
    if manifest is None or not (target / DATABASE_FILE).exists():
        raise DataLoss(f"{backup} is no whole backup: its end is missing.", remedy="Take another one.")
    if manifest.get("format") != FORMAT:
        raise Conflict(
            f"{backup} has format {manifest.get('format')}, and this AceBridge knows {FORMAT}.",
            remedy="Update AceBridge.",
        )
    _check_database(target / DATABASE_FILE, backup)
    return good, damaged


def _read_manifest(content: IO[bytes]) -> dict[str, object] | None:
    """Return the manifest; ``None`` for one that is cut off, or something else."""
    try:
        manifest = json.loads(content.read())
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def _check_database(path: Path, backup: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            schema.check_version(connection, backup)
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise DataLoss(f"The database in {backup} is damaged.", remedy="Take another backup.")


def _write(content: IO[bytes], file: Path) -> str:
    """Write a file and have it reach the disk; return its SHA-256."""
    digest = copy_file(content, file)
    sync_file(file)
    return digest


def _write_latents(data: bytes, file: Path) -> None:
    """Write latents that are whole; those that are not are made again with their audio."""
    if is_whole(data):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        sync_file(file)


def _exchange(folder: Path, unpacked: Path) -> str:
    """Move what a backup replaces into a folder beside it, and the backup into its place; return that folder, "" for none.

    Where one step fails, those before it are taken back.
    """
    assets = folder / "assets"
    if assets.is_mount():
        raise Conflict(
            f"{assets} is a disk of its own, which cannot be moved aside.",
            remedy="Unmount it, restore, then move what was restored onto it; or restore into another ACEBRIDGE_HOME.",
        )
    old = [folder / name for name in _PARTS if os.path.lexists(folder / name)]
    before = _make_before(folder) if old else None
    moves = [(file, before / file.name) for file in old if before is not None]
    moves.append((unpacked / "assets", assets))
    if (unpacked / CONFIG_FILE).exists() and not (folder / CONFIG_FILE).exists():
        moves.append((unpacked / CONFIG_FILE, folder / CONFIG_FILE))
    moves.append((unpacked / DATABASE_FILE, folder / DATABASE_FILE))
    for names in {file.parent for file in unpacked.rglob("*")}:
        sync_folder(names)
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        if before is not None:
            before.rmdir()
        raise
    sync_folder(folder)
    return "" if before is None else str(before)


def _make_before(folder: Path) -> Path:
    """Make a new folder, named after the time, for what was there before a restore."""
    name = time.strftime("before-restore-%Y%m%d-%H%M%S")
    for number in itertools.count(1):
        before = folder / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            before.mkdir(mode=0o700)
            break
    return before
