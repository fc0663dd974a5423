"""A source that was stored before is used again only if it is surely the same."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from acebridge.errors import Conflict
from acebridge.named_files import open_named_file
from acebridge.store import assets, source_identity
from acebridge.store.assets import AssetStore
from acebridge.store.files import FileState
from tests.support.daemon import song, write_wav
from tests.support.stores import put_path, wav_bytes, with_store


@pytest.fixture
def old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file be old enough to be believed."""
    monkeypatch.setattr(source_identity, "now_ns", lambda: time.time_ns() + 10**10)


@pytest.mark.usefixtures("old_enough")
@pytest.mark.parametrize("how", ["in place", "another file"])
def test_other_bytes_of_equal_size_and_time_are_seen(tmp_path: Path, how: str) -> None:
    file = write_wav(tmp_path / "song.wav", song(0.1))
    other = write_wav(tmp_path / "other.wav", song(0.1, seed=1))

    async def work(store: AssetStore) -> None:
        first = await put_path(store, file)
        assert (await put_path(store, file)).id == first.id
        times = file.stat()
        if how == "in place":
            file.write_bytes(other.read_bytes())
        else:
            other.replace(file)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert file.stat().st_size == times.st_size
        assert file.stat().st_mtime_ns == times.st_mtime_ns
        second = await put_path(store, file)
        assert second.id != first.id
        assert store.path(second.id).read_bytes() == file.read_bytes()

    with_store(tmp_path, work)


def test_a_file_that_was_written_just_now_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a tick of the file system's clock a second write leaves no trace."""
    file = write_wav(tmp_path / "song.wav", song(0.1))
    copies: list[Path] = []
    copy = assets.copy_file
    monkeypatch.setattr(assets, "copy_file", lambda source, target: copies.append(source) or copy(source, target))

    async def work(store: AssetStore) -> None:
        for late_ns, count in ((0, 1), (10_000_000, 2), (10**10, 3), (10**10, 3)):
            stamp = file.stat().st_ctime_ns
            monkeypatch.setattr(source_identity, "now_ns", lambda: stamp + late_ns)  # noqa: B023
            await put_path(store, file)
            assert len(copies) == count

    with_store(tmp_path, work)


def test_file_systems_that_count_seconds_are_believed_later() -> None:
    fine = FileState(1, 1, 1, 1_000_000_000, 1_000_000_001)
    coarse = FileState(1, 1, 1, 1_000_000_000, 1_000_000_000)
    assert source_identity.is_settled(fine, 1_100_000_000)
    assert not source_identity.is_settled(coarse, 2_900_000_000)
    assert source_identity.is_settled(coarse, 3_100_000_000)
    assert not source_identity.is_settled(fine, 900_000_000)  # it is of a time to come


def test_a_file_that_changes_while_it_is_read_is_read_again_and_refused_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_wav(tmp_path / "song.wav", song(0.1))
    copy, changes = assets.copy_file, [1]
    versions = [wav_bytes(tmp_path, seed) for seed in range(9)]

    def change(source: Path, target: Path) -> str:
        result = copy(source, target)
        if changes:
            seed = changes.pop()
            file.write_bytes(versions[seed])
            os.utime(file, ns=(seed, seed))  # whatever the tick of the file system's clock
        return result

    monkeypatch.setattr(assets, "copy_file", change)

    async def work(store: AssetStore) -> None:
        asset = await put_path(store, file)
        assert store.path(asset.id).read_bytes() == file.read_bytes()
        changes.extend(range(2, 9))
        with pytest.raises(Conflict, match=r"^song\.wav changes while it is read\."):
            await put_path(store, file)
        changes.clear()
        # One that another file takes the place of is stored as it was when it was opened.
        opened, before = await open_named_file(str(file), [tmp_path], "path"), file.read_bytes()
        write_wav(tmp_path / "new.wav", song(0.1, seed=9)).replace(file)
        assert store.path((await store.put_file(opened)).id).read_bytes() == before

    with_store(tmp_path, work)
