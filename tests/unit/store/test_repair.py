"""Repair rebuilds the list of stored audio from the files, and keeps what can be read of a database."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acebridge.errors import Conflict
from acebridge.jobs.journal import Journal
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.folder_lock import hold_folder
from acebridge.store.repair import repair
from tests.support.stores import chunks_of, files_in, quarantine_files, wav_bytes, with_store


async def fill(store: AssetStore) -> list[Asset]:
    """Three assets, the first of them pinned, and a job on it among many others."""
    folder = store.files.folder.parent
    assets = [await store.put(chunks_of(wav_bytes(folder, seed)), f"song {seed}") for seed in range(3)]
    await store.pin(assets[0].id, True)
    journal = Journal(store._database, max_waiting=999)
    for number in range(60):
        await journal.submit(
            "text2music", {"caption": "x" * 300}, engine="fake", priority="normal", key=f"{number}", request_digest="",
            sources=[assets[0].id],
        )  # fmt: skip
    return assets


async def look(store: AssetStore) -> tuple[dict[str, tuple[str, bool]], int]:
    """Names and pins by id, and the number of jobs."""
    jobs = await Journal(store._database, max_waiting=9).recent(limit=999)
    return {asset.id: (asset.name, asset.pinned) for asset in await store.recent(9)}, len(jobs)


def test_a_good_folder_stays_as_it_is(tmp_path: Path) -> None:
    assets = with_store(tmp_path, fill)
    done = repair(tmp_path)
    assert (done.files, done.damaged, done.missing, done.jobs, done.database) == (3, 0, 0, 60, "")
    assert with_store(tmp_path, look) == ({a.id: (a.name, a is assets[0]) for a in assets}, 60)
    assert not quarantine_files(tmp_path)


def test_a_lost_database_is_made_again_from_the_files(tmp_path: Path) -> None:
    assets = with_store(tmp_path, fill)
    (tmp_path / "acebridge.db").unlink()
    damaged = tmp_path / "assets" / assets[2].id[:2] / assets[2].id
    damaged.write_bytes(damaged.read_bytes()[:-8])
    done = repair(tmp_path)
    assert (done.files, done.damaged, done.missing, done.jobs) == (2, 1, 0, 0)
    assert with_store(tmp_path, look) == ({a.id: (f"recovered {a.id[:12]}", False) for a in assets[:2]}, 0)
    assert quarantine_files(tmp_path) == {assets[2].id}
    assert repair(tmp_path) == type(done)(2, 0, 0, 0, "")


@pytest.mark.parametrize("damage", ["a page", "all"])
def test_what_can_be_read_of_a_damaged_database_is_kept(tmp_path: Path, damage: str) -> None:
    assets = with_store(tmp_path, fill)
    path = tmp_path / "acebridge.db"
    with closing(sqlite3.connect(path)) as database:
        # A page in the middle of the jobs, so that there are some before it and some behind.
        root, size = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'jobs'").fetchone()[0], 4096
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    data = bytearray(path.read_bytes())
    if damage == "all":
        data[16:] = os.urandom(len(data) - 16)
    else:
        marks = [n for n in range(root, pages) if data[n * size : (n + 1) * size].count(b"x" * 300) > 2]
        middle = marks[len(marks) // 2]
        data[middle * size : (middle + 1) * size] = os.urandom(size)
    path.write_bytes(data)
    done = repair(tmp_path)
    assert (done.files, done.damaged, done.missing) == (3, 0, 0)
    assert Path(done.database).read_bytes() == data  # as it was, for whoever wants to look at it
    known, jobs = with_store(tmp_path, look)
    if damage == "all":
        assert (set(known), jobs) == ({asset.id for asset in assets}, 0)
    else:
        assert known == {a.id: (a.name, a is assets[0]) for a in assets}
        assert 40 < jobs < 60
    assert files_in(tmp_path) == {asset.id for asset in assets}


def test_files_that_are_gone_for_good_are_given_up(tmp_path: Path) -> None:
    with_store(tmp_path, fill)
    shutil.rmtree(tmp_path / "assets")
    assert repair(tmp_path).missing == 3
    assert with_store(tmp_path, look) == ({}, 60)


def test_repair_leaves_a_folder_that_is_served_and_a_newer_database_alone(tmp_path: Path) -> None:
    with_store(tmp_path, fill)
    with hold_folder(tmp_path), pytest.raises(Conflict, match=r"^A daemon already serves .*acebridge stop"):
        repair(tmp_path)
    with closing(sqlite3.connect(tmp_path / "acebridge.db")) as database:
        database.execute("PRAGMA user_version = 99")
    before = (tmp_path / "acebridge.db").read_bytes()
    with pytest.raises(Conflict, match="has version 99"):
        repair(tmp_path)
    assert (tmp_path / "acebridge.db").read_bytes() == before


def test_an_empty_folder_is_soon_repaired(tmp_path: Path) -> None:
    assert repair(tmp_path / "new").files == 0


def test_a_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    repair(tmp_path)
    assert os.name == "nt" or tmp_path.stat().st_mode & 0o077 == 0
