"""Files of assets are on the disk under their names: those of their folders, too, whoever made these."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from acebridge.store import files
from acebridge.store.assets import AssetStore
from acebridge.store.files import AssetFiles
from tests.support.stores import chunks_of, wav_bytes, with_store

ASSET, OTHER = "ab" + 62 * "0", "ab" + 62 * "1"


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose names have been synced."""
    done: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", done.append)
    return done


def prepare(home: Path) -> AssetFiles:
    there = AssetFiles(home)
    there.prepare()
    return there


def arrive(there: AssetFiles, asset_id: str) -> None:
    incoming = there.new_incoming()
    incoming.write_bytes(b"audio")
    there.move_in(incoming, asset_id)


def test_a_folder_that_a_killed_process_left_is_synced(tmp_path: Path, folders: list[Path]) -> None:
    """It made the folder, and ended before its name was on the disk: a power cut would take all that came into it since."""
    prepare(tmp_path)
    (tmp_path / "assets" / "ab").mkdir()
    there = prepare(tmp_path)
    folders.clear()
    arrive(there, ASSET)
    assert folders == [tmp_path / "assets" / "ab", tmp_path / "assets"]
    arrive(there, OTHER)
    assert folders[2:] == [tmp_path / "assets" / "ab"]


def test_a_folder_whose_name_could_not_be_synced_is_synced_by_the_next_file(
    tmp_path: Path, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = prepare(tmp_path)

    def fail(folder: Path) -> None:
        if folder.name == "assets":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(files, "sync_folder", fail)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            arrive(there, ASSET)
    folders.clear()
    arrive(there, OTHER)
    assert folders == [tmp_path / "assets" / "ab", tmp_path / "assets"]


def test_a_folder_that_was_removed_and_made_again_is_synced_again(tmp_path: Path, folders: list[Path]) -> None:
    there = prepare(tmp_path)
    arrive(there, ASSET)
    there.path(ASSET).unlink()
    there.path(ASSET).parent.rmdir()
    folders.clear()
    arrive(there, ASSET)
    assert folders == [tmp_path / "assets" / "ab", tmp_path / "assets"]


def test_a_file_that_is_taken_up_is_synced_before_its_row_is_written(tmp_path: Path, folders: list[Path]) -> None:
    async def put(store: AssetStore) -> None:
        asset = await store.put(chunks_of(wav_bytes(tmp_path)), "a")
        await store._database.run(lambda c: c.execute("DELETE FROM assets"))
        folders.clear()
        assert (await store.get(asset.id)).id == asset.id
        folder = store.path(asset.id).parent
        assert folder in folders

    with_store(tmp_path, put)
