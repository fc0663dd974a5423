"""What is looked at before a data folder is used: whether database and files belong together.

Where going on could lose audio, the daemon does not start. Everything else is noted, and mended while it runs.
"""

from __future__ import annotations

import logging
import sqlite3
from functools import partial
from pathlib import Path

from acebridge.errors import DataLoss
from acebridge.paths import DATABASE_FILE
from acebridge.store import asset_rows, locks, schema
from acebridge.store.database import OPEN_LIMIT_S, REPAIR, Database, connect, database_damage, explain_errors
from acebridge.store.files import AssetFiles, is_asset_id
from acestep_runtime.latents_files import SUFFIX

log = logging.getLogger(__name__)
#: A database up to this size is checked page by page at every start. It takes about a second for a GiB.
_CHECK_BYTES = 64 * 2**20


def open_database(folder: Path, *, reserve_bytes: int = 0) -> Database:
    """Open the database of a data folder, and keep ``reserve_bytes`` of the disk for it.

    Raises `DataLoss` for one that is damaged, or that is missing or empty beside stored audio; `Conflict` for one of a newer
    version; and what `acebridge.store.database.explain_errors` has words for.
    """
    path, files = folder / DATABASE_FILE, AssetFiles(folder)
    is_there = path.exists() and path.stat().st_size > 0
    if is_there:
        with explain_errors(path):
            is_there = locks.wait_for_lock(partial(_check, path), lambda waited_s: waited_s > OPEN_LIMIT_S)
    if not is_there and (count := sum(is_asset_id(file.name) for file in files.all())):
        what = "is empty" if path.exists() else "is missing"
        raise DataLoss(
            f"The database {path} {what}, and {files.folder} holds {count} audio files.",
            remedy="Put the database back, or run `acebridge repair`, which lists the files again.",
        )
    database = Database(path, reserve_bytes=reserve_bytes)
    database.reserve.keep()
    return database


def _check(path: Path) -> bool:
    """Return whether a database holds anything. Raises `DataLoss` when it is small enough to be checked, and damaged."""
    connection = connect(path)
    try:
        if schema.is_empty(connection):
            return False
        schema.check_version(connection, path)
        if path.stat().st_size <= _CHECK_BYTES:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise database_damage(path, str(found).strip().splitlines()[-1])
        return True
    finally:
        connection.close()


def settle(database: Database, files: AssetFiles) -> list[str]:
    """Bring files and rows together as far as that takes no reading; return the files that still need a look.

    Ends the removals that were begun. Marks rows whose files are gone. Raises `DataLoss` when the folder with the files is
    gone or empty.
    """
    known = database.query(
        lambda c: {row[0]: (row[1], row[2]) for row in c.execute("SELECT id, size_bytes, missing FROM assets")}
    )
    latents = files.all_latents()
    there = {file.name: file for file in files.all()}
    listed = sum(not missing for _, missing in known.values())
    if listed and not there and not any(files.folder.glob("??")):
        raise DataLoss(
            f"The folder {files.folder} holds none of the {listed} audio files that the database lists.",
            remedy=f"Mount its disk and start again; if they are gone for good: {REPAIR[0].lower()}{REPAIR[1:]}",
        )
    files.prepare()
    for name in [name for name in there if not is_asset_id(name)]:
        file = there.pop(name)
        if (file.is_file() or name.endswith(SUFFIX)) and not name.startswith("."):
            log.warning("put an unknown file aside", extra={"file": name, "moved_to": str(files.put_aside(file))})
    removed = set(database.query(asset_rows.removals)) - known.keys()
    for asset_id in removed & (there.keys() | latents.keys()):
        files.remove(asset_id)
        there.pop(asset_id, None)
        latents.pop(asset_id, None)
    strays, missing = [], []
    for name, file in there.items():
        if name not in known or known[name][1] or file.stat().st_size != known[name][0]:
            strays.append(name)
    for asset_id in latents.keys() - known.keys() - there.keys():
        log.warning("put latents without audio aside", extra={"asset": asset_id})
        files.put_aside(latents.pop(asset_id))
    missing = [asset_id for asset_id, (_, gone) in known.items() if not gone and asset_id not in there]
    if missing:
        log.warning("files of assets are missing", extra={"count": len(missing)})

    def work(connection: sqlite3.Connection) -> None:
        asset_rows.end_removal(connection, removed)
        asset_rows.mark_missing(connection, missing)

    if removed or missing:
        database.transact(work, frees=True)
    sizes = {asset_id: file.stat().st_size for asset_id, file in latents.items()}
    if changes := database.query(lambda c: asset_rows.find_other_sizes(c, sizes)):
        database.transact(lambda c: asset_rows.set_latents(c, changes), frees=True)
    return strays
