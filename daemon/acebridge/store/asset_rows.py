"""The rows of the assets: statements for the transactions of the store. Nothing here touches a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from acebridge.store import uses

_COLUMNS = "id, name, size_bytes, sample_rate, channels, frames, pinned, created, last_used, missing, latents_bytes"
#: How many assets one round of eviction removes for their age at most, and how many one transaction removes for any reason.
AGE_STEP, STEP = 16, 64


@dataclass(frozen=True)
class Asset:
    """A stored file and its metadata. Times are Unix seconds. ``missing``: its file is not there.

    ``latents_bytes`` is the size of the latents beside it, 0 without any.
    """

    id: str
    name: str
    size_bytes: int
    sample_rate: int
    channels: int
    frames: int
    pinned: bool
    created: float
    last_used: float
    missing: bool = False
    latents_bytes: int = 0


class Touch(NamedTuple):
    """When an asset was last used, by the wall clock and by the steady one."""

    wall: float
    steady: float


def _asset(row: sqlite3.Row) -> Asset:
    return Asset(**{**dict(row), "pinned": bool(row["pinned"]), "missing": bool(row["missing"])})


def find(connection: sqlite3.Connection, asset_id: str) -> Asset | None:
    """Return an asset, whether its file is there or not."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM assets WHERE id = ?", (asset_id,)).fetchone()
    return None if row is None else _asset(row)


def newest(connection: sqlite3.Connection, limit: int, before: tuple[float, str] | None) -> list[Asset]:
    """Return the newest assets whose files are there; ``before`` only those older than this time of creation and id."""
    older, values = ("AND (created, id) < (?, ?)", before) if before else ("", ())
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM assets WHERE NOT missing {older} ORDER BY created DESC, id DESC LIMIT ?",
        (*values, limit),
    )
    return [_asset(row) for row in rows.fetchall()]


def total_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of all assets whose files are there, and of all latents."""
    total = "total(CASE missing WHEN 0 THEN size_bytes ELSE 0 END + latents_bytes)"
    return int(connection.execute(f"SELECT {total} FROM assets").fetchone()[0])


def store(connection: sqlite3.Connection, asset: Asset) -> Asset:
    """Add an asset whose file is in place, or mark the one that is there as used and its file as back; return it."""
    connection.execute(
        f"INSERT INTO assets ({_COLUMNS}, used, checked) VALUES (?,?,?,?,?,?,?,?,?,0,?, steady_now(), ?)"
        " ON CONFLICT (id) DO UPDATE SET last_used = excluded.last_used, used = excluded.used, missing = 0,"
        " size_bytes = excluded.size_bytes, checked = excluded.checked,"
        " latents_bytes = CASE excluded.latents_bytes WHEN 0 THEN latents_bytes ELSE excluded.latents_bytes END",
        (asset.id, asset.name, asset.size_bytes, asset.sample_rate, asset.channels, asset.frames, int(asset.pinned),
         asset.created, asset.last_used, asset.latents_bytes, asset.last_used),
    )  # fmt: skip
    connection.execute("DELETE FROM removals WHERE asset_id = ?", (asset.id,))
    stored = find(connection, asset.id)
    assert stored is not None
    return stored


def touch(connection: sqlite3.Connection, touches: Mapping[str, Touch]) -> None:
    """Write when assets were last used."""
    rows = [(time.wall, time.steady, asset_id) for asset_id, time in touches.items()]
    connection.executemany("UPDATE assets SET last_used = ?, used = max(used, ?) WHERE id = ?", rows)


def mark_missing(connection: sqlite3.Connection, asset_ids: Iterable[str]) -> None:
    """Record that the files of these are not there. What is known of them stays: a file may come back."""
    rows = [(asset_id,) for asset_id in asset_ids]
    connection.executemany("UPDATE assets SET missing = 1 WHERE id = ?", rows)
    connection.executemany("DELETE FROM paths WHERE asset_id = ?", rows)


def find_other_sizes(connection: sqlite3.Connection, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes of latents by asset where they are not those recorded; ``sizes`` are those of all that are there."""
    recorded = dict(connection.execute("SELECT id, latents_bytes FROM assets").fetchall())
    return {each: sizes.get(each, 0) for each, size in recorded.items() if size != sizes.get(each, 0)}


def set_latents(connection: sqlite3.Connection, sizes: Mapping[str, int]) -> None:
    """Record the sizes of the latents of these assets."""
    rows = [(size, asset_id) for asset_id, size in sizes.items()]
    connection.executemany("UPDATE assets SET latents_bytes = ? WHERE id = ?", rows)


def begin_removal(connection: sqlite3.Connection, asset_ids: Iterable[str]) -> None:
    """Remove rows; until `end_removal` it is known that their files are to go."""
    rows = [(asset_id,) for asset_id in asset_ids]
    connection.executemany("DELETE FROM assets WHERE id = ?", rows)
    connection.executemany("DELETE FROM paths WHERE asset_id = ?", rows)
    connection.executemany("INSERT OR IGNORE INTO removals VALUES (?)", rows)


def end_removal(connection: sqlite3.Connection, asset_ids: Iterable[str]) -> None:
    """Record that the files are gone."""
    connection.executemany("DELETE FROM removals WHERE asset_id = ?", [(asset_id,) for asset_id in asset_ids])


def is_to_go(connection: sqlite3.Connection, asset_id: str) -> bool:
    """Return whether an asset was removed and its file is not gone yet."""
    return connection.execute("SELECT 1 FROM removals WHERE asset_id = ?", (asset_id,)).fetchone() is not None


def removals(connection: sqlite3.Connection) -> list[str]:
    """Return the assets that were removed and whose files may still be there."""
    return [row[0] for row in connection.execute("SELECT asset_id FROM removals").fetchall()]


def in_use(connection: sqlite3.Connection, asset_id: str) -> bool:
    """Return whether a job that waits or runs reads an asset, or has made it."""
    statement = f"SELECT {uses.IN_USE} FROM assets WHERE id = ?"
    row = connection.execute(statement, (asset_id,)).fetchone()
    return row is not None and bool(row[0])


def find_unneeded(connection: sqlite3.Connection, asset_ids: Iterable[str]) -> list[str]:
    """Return those of these that no job has read or made and nobody has pinned."""
    statement = f"SELECT 1 FROM assets WHERE id = ? AND NOT pinned AND NOT {uses.HAS_JOB}"
    return [each for each in dict.fromkeys(asset_ids) if connection.execute(statement, (each,)).fetchone()]


def to_evict(
    connection: sqlite3.Connection, *, now: float, quota_bytes: int, max_age_s: float, fresh_s: float, age_step: int
) -> tuple[list[str], int]:
    """Return a step of the assets past the quota or the age, least recently used first, and how many go for their age.

    ``now`` and the ages are of the steady clock. Those that are pinned, in use, or used in the last ``fresh_s`` stay.
    """
    excess = total_bytes(connection) - quota_bytes
    chosen: list[str] = []
    aged = 0
    rows = connection.execute(
        f"SELECT id, size_bytes, latents_bytes, used, missing FROM assets WHERE NOT pinned AND NOT {uses.IN_USE} AND used <= ?"
        " ORDER BY used",
        (now - fresh_s,),
    )
    for row in rows:
        is_old = row["used"] < now - max_age_s
        if len(chosen) >= STEP or (excess <= 0 and not (is_old and aged < age_step)):
            break
        if row["missing"] and not is_old:
            continue
        aged += excess <= 0
        chosen.append(row["id"])
        excess -= row["latents_bytes"] + (0 if row["missing"] else row["size_bytes"])
    return chosen, aged
