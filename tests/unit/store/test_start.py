"""What a start does with a data folder that is not as it was left: it removes nothing, and says what is wrong."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import AceBridgeError, Conflict, DataLoss, NotFound
from acebridge.store import files, schema
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.files import AssetFiles
from tests.support.stores import chunks_of, files_in, quarantine_files, wav_bytes, with_store


async def fill(store: AssetStore) -> list[Asset]:
    """Three assets, the first of them pinned."""
    folder = store.files.folder.parent
    assets = [await store.put(chunks_of(wav_bytes(folder, seed)), f"{seed}") for seed in range(3)]
    await store.pin(assets[0].id, True)
    return assets


async def list_all(store: AssetStore) -> set[str]:
    await store.adopt_strays()
    return {asset.id for asset in await store.recent(10)}


def fill_store(folder: Path) -> set[str]:
    return {asset.id for asset in with_store(folder, fill)}


def refusal(folder: Path) -> AceBridgeError:
    """The sentence that a start ends with. It has changed no file."""
    with pytest.raises(AceBridgeError) as caught:
        with_store(folder, list_all)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    return caught.value


def test_rows_that_are_lost_lose_no_file(tmp_path: Path) -> None:
    """As after a power cut on a disk that did not keep what it was told to."""
    ids = fill_store(tmp_path)
    with sqlite3.connect(tmp_path / "acebridge.db") as database:
        database.execute("DELETE FROM assets")
    database.close()

    async def look(store: AssetStore) -> None:
        wanted = sorted(ids)[0]
        assert (await store.get(wanted)).id == wanted  # at once, whenever its turn is
        assert (await store.get(wanted)).name == f"recovered {wanted[:12]}"
        assert await list_all(store) == ids

    with_store(tmp_path, look)
    assert files_in(tmp_path) == ids


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["deleted", "empty"])
def test_a_database_that_is_gone_is_no_reason_to_remove_audio(tmp_path: Path, lose: Callable[[Path], Any]) -> None:
    ids = fill_store(tmp_path)
    lose(tmp_path / "acebridge.db")
    error = refusal(tmp_path)
    assert isinstance(error, DataLoss)
    assert re.search(r"acebridge\.db is (missing|empty), and .*assets holds 3 audio files", error.message)
    assert "acebridge repair" in error.remedy
    assert files_in(tmp_path) == ids
    assert refusal(tmp_path).message == error.message  # a start that was refused has made no database


def test_a_folder_that_is_away_for_one_start_loses_nothing(tmp_path: Path) -> None:
    ids = fill_store(tmp_path)
    (tmp_path / "assets").rename(tmp_path / "away")
    for make in (lambda: None, (tmp_path / "assets").mkdir):  # a disk that is not mounted leaves an empty folder
        make()
        error = refusal(tmp_path)
        assert isinstance(error, DataLoss)
        assert "holds none of the 3 audio files that the database lists" in error.message
        assert "Mount its disk" in error.remedy
    (tmp_path / "assets").rmdir()
    (tmp_path / "away").rename(tmp_path / "assets")
    assert with_store(tmp_path, list_all) == ids


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill_store(tmp_path)

    def fail(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as shut:
        for name in ("listdir", "scandir"):
            shut.setattr(os, name, fail)
        with pytest.raises(PermissionError):
            with_store(tmp_path, list_all)
    assert with_store(tmp_path, list_all) == ids


def test_a_file_that_is_away_for_one_start_is_known_again_when_it_is_back(tmp_path: Path) -> None:
    ids = fill_store(tmp_path)
    pinned, lost = with_store(tmp_path, fill)[0].id, sorted(ids)[0]
    file = tmp_path / "assets" / pinned[:2] / pinned
    shutil.move(file, tmp_path / "away")

    async def look(store: AssetStore) -> None:
        with pytest.raises(NotFound):
            await store.get(pinned)
        assert await list_all(store) == ids - {pinned}

    with_store(tmp_path, look)
    shutil.move(tmp_path / "away", file)

    async def look_again(store: AssetStore) -> None:
        assert (await store.get(pinned)).pinned
        assert await list_all(store) == ids

    with_store(tmp_path, look_again)
    assert lost in ids


def test_files_that_are_no_assets_are_put_aside_and_not_removed(tmp_path: Path) -> None:
    ids = fill_store(tmp_path)
    liar = "ab" + "0" * 62
    (tmp_path / "assets" / "ab").mkdir(exist_ok=True)
    (tmp_path / "assets" / "ab" / liar).write_bytes(b"not what its name says")
    (tmp_path / "assets" / "ab" / "notes.txt").write_bytes(b"mine")
    (tmp_path / "incoming" / "half").write_bytes(b"half")
    for _ in range(2):
        assert with_store(tmp_path, list_all) == ids
        assert files_in(tmp_path) == ids
        assert quarantine_files(tmp_path) == {liar, "notes.txt"}
    assert not list((tmp_path / "incoming").iterdir())


def test_a_removal_that_was_cut_off_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = fill_store(tmp_path)
    gone = sorted(ids)[0]

    async def delete(store: AssetStore) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "in use")))
            await store.delete(gone)
        with pytest.raises(NotFound):
            await store.get(gone)

    with_store(tmp_path, delete)
    assert gone in files_in(tmp_path)
    assert with_store(tmp_path, list_all) == ids - {gone}
    assert files_in(tmp_path) == ids - {gone}


def _page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        _page,
        lambda path: path.write_bytes(b"SQLite format 3\0" + os.urandom(20_000)),
        lambda p: p.write_bytes(b"x" * 99),
    ],
    ids=["page", "garbage", "other"],
)
def test_a_damaged_database_is_one_sentence(tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    ids = fill_store(tmp_path)
    damage(tmp_path / "acebridge.db")
    before = (tmp_path / "acebridge.db").read_bytes()
    error = refusal(tmp_path)
    assert isinstance(error, DataLoss)
    assert re.match(r"The database .*acebridge\.db is damaged \(.*\)\.$", error.message)
    assert "acebridge repair" in error.remedy
    assert (tmp_path / "acebridge.db").read_bytes() == before
    assert files_in(tmp_path) == ids


def test_damage_that_shows_later_is_a_sentence_too(tmp_path: Path) -> None:
    def work(_: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    async def look(store: AssetStore) -> None:
        for call in (store._database.run, store._database.read):
            with pytest.raises(DataLoss, match=r"is damaged \(database disk image is malformed\)\. .*acebridge repair"):
                await call(work)
        assert await store.total_bytes() == 0  # and the next transaction is one of its own

    with_store(tmp_path, look)


def test_a_newer_database_is_refused_and_not_written(tmp_path: Path) -> None:
    fill_store(tmp_path)
    database = sqlite3.connect(tmp_path / "acebridge.db")
    database.executescript("PRAGMA journal_mode=DELETE; PRAGMA user_version = 99; ALTER TABLE jobs ADD COLUMN colour")
    database.close()
    before = (tmp_path / "acebridge.db").read_bytes()
    error = refusal(tmp_path)
    assert isinstance(error, Conflict)
    assert f"has version 99, and this AceBridge knows versions up to {schema.VERSION}" in error.message
    assert (tmp_path / "acebridge.db").read_bytes() == before


def test_a_locked_database_and_one_that_cannot_be_opened_are_sentences(tmp_path: Path) -> None:
    from acebridge.store import database as module

    fill_store(tmp_path)
    holder = sqlite3.connect(tmp_path / "acebridge.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("UPDATE clock SET wall = 0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "OPEN_LIMIT_S", 0.0)
        assert refusal(tmp_path).message.startswith("Another program holds the database")
    holder.close()
    # As the system opens a file that is not ours to write; root writes all files.
    with pytest.MonkeyPatch.context() as patch:
        connect = sqlite3.connect
        patch.setattr(module.sqlite3, "connect", lambda path, **more: connect(f"file:{path}?mode=ro", uri=True, **more))
        says = refusal(tmp_path).message
        assert (
            says == f"The database {tmp_path / 'acebridge.db'} cannot be written: attempt to write a readonly database."
        )
    (tmp_path / "other" / "acebridge.db").mkdir(parents=True)
    assert "cannot be written: unable to open database file" in refusal(tmp_path / "other").message


def test_the_folders_are_on_the_disk_before_anything_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut takes a new folder, and every file in it, though each of these was synced."""
    synced: list[tuple[Path, bool]] = []
    monkeypatch.setattr(files, "sync_folder", lambda folder: synced.append((folder, (folder / "assets").exists())))
    AssetFiles(tmp_path / "home").prepare()
    assert synced == [(tmp_path / "home", True), (tmp_path, False)]
