"""The asset store: complete files are kept, incomplete ones are never visible."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acebridge.errors import Conflict, NotFound, TooLarge
from acebridge.store import source_identity
from acebridge.store.assets import AssetStore
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from tests.support.daemon import song, write_wav
from tests.support.stores import add_job, chunks_of, put_path, wav_bytes, with_store


def test_files_are_stored_by_their_hash(tmp_path: Path) -> None:
    data = wav_bytes(tmp_path)

    async def work(store: AssetStore) -> None:
        asset = await store.put(chunks_of(data), "first")
        assert asset.id == hashlib.sha256(data).hexdigest()
        assert store.path(asset.id).read_bytes() == data
        again = await store.put(chunks_of(data, 7777), "second")
        assert (again.name, again.created) == ("first", asset.created)
        assert await store.total_bytes() == len(data)
        assert not list((tmp_path / "incoming").iterdir())

    with_store(tmp_path, work)


def test_refused_uploads_leave_no_files(tmp_path: Path) -> None:
    data = wav_bytes(tmp_path)

    async def failing_upload() -> AsyncIterator[bytes]:
        yield data[:500]
        raise ConnectionResetError

    async def work(store: AssetStore) -> None:
        with pytest.raises(UnreadableAudio, match=r"^diary\.wav is not audio"):
            await store.put(chunks_of(b"dear diary"), "diary.wav")
        with pytest.raises(TooLarge, match="is larger than"):
            await store.put(chunks_of(data * 100), "big.wav")
        with pytest.raises(ConnectionResetError):
            await store.put(failing_upload(), "broken.wav")
        for asset_id in ("", "no", "../../db", "0" * 64):
            with pytest.raises(NotFound):
                await store.get(asset_id)
            with pytest.raises(NotFound):
                await store.delete(asset_id)
        assert not list((tmp_path / "incoming").iterdir())
        assert not list((tmp_path / "assets").rglob("*/*"))

    with_store(tmp_path, work, limit=100_000)


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    pinned=st.sets(st.integers(0, 7)),
    in_use=st.sets(st.integers(0, 7)),
    touched=st.permutations(range(8)),
    quota_share=st.floats(0, 1.2),
)
def test_eviction_removes_the_least_recently_used_but_no_asset_in_use(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    pinned: set[int],
    in_use: set[int],
    touched: list[int],
    quota_share: float,
) -> None:
    folder = tmp_path_factory.mktemp("store")

    async def work(store: AssetStore) -> None:
        assets = []
        for number, size in enumerate(sizes):
            data = wav_bytes(folder, number, size / 1000)
            assets.append(await store.put(chunks_of(data, 1 << 20), str(number)))
        order = [number for number in touched if number < len(assets)]
        for number in order:
            await store.get(assets[number].id)
        for number in pinned & set(range(len(assets))):
            await store.pin(assets[number].id, True)
        # Pinning is a use: the model reads the order back from the store's own clock.
        used = {asset.id: asset.last_used for asset in await store.recent(100)}
        total = sum(asset.size_bytes for asset in assets)
        quota = int(total * quota_share)
        remaining = dict(enumerate(assets))
        for number in sorted(remaining, key=lambda n: used[assets[n].id]):
            if sum(asset.size_bytes for asset in remaining.values()) <= quota:
                break
            if number not in pinned | in_use:
                del remaining[number]
        needed = [assets[n].id for n in in_use if n < len(assets)]
        await store._database.run(lambda c: add_job(c, state="queued", sources=needed))
        gone = await store.evict(quota_bytes=quota, max_age_s=1e6)
        assert {asset.id for asset in await store.recent(100)} == {asset.id for asset in remaining.values()}
        assert gone == len(assets) - len(remaining)
        assert {file.name for file in (folder / "assets").glob("*/*")} == {asset.id for asset in remaining.values()}
        # All assets are past the age: all that are neither pinned nor in use are removed.
        await store._database.run(lambda c: c.execute("DELETE FROM jobs"))
        await store.evict(quota_bytes=1 << 40, max_age_s=-1)
        assert {asset.name for asset in await store.recent(100)} == {str(n) for n in remaining if n in pinned}

    with_store(folder, work)


def test_putting_and_deleting_the_same_at_once_leaves_row_and_file_or_neither(tmp_path: Path) -> None:
    data = wav_bytes(tmp_path)
    asset_id = hashlib.sha256(data).hexdigest()

    async def work(store: AssetStore) -> None:
        async def delete() -> None:
            with suppress(NotFound):
                await store.delete(asset_id)

        for _ in range(150):
            await asyncio.gather(
                *(step for _ in range(3) for step in (store.put(chunks_of(data, 1 << 20), "x"), delete()))
            )
            known = {asset.id for asset in await store.recent(10)}
            assert known == {file.name for file in (tmp_path / "assets").glob("*/*")}

    with_store(tmp_path, work)


def test_a_path_is_copied_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_wav(tmp_path / "song.wav", song(0.1))
    copies: list[Path] = []
    from acebridge.store import assets

    copy = assets.copy_file
    monkeypatch.setattr(source_identity, "now_ns", lambda: time.time_ns() + 10**10)  # the file is old enough
    monkeypatch.setattr(assets, "copy_file", lambda source, target: copies.append(source) or copy(source, target))

    async def work(store: AssetStore) -> None:
        first = await put_path(store, file)
        assert (await put_path(store, file)).id == first.id
        assert len(copies) == 1
        write_wav(file, song(0.1, seed=1))
        os.utime(file, ns=(1, 1))
        second = await put_path(store, file)
        assert second.id != first.id
        assert len(copies) == 2
        await store.delete(second.id)
        assert (await put_path(store, file)).id == second.id
        assert len(copies) == 3
        with pytest.raises(InvalidValue, match=r"^absent\.wav cannot be read: No such file"):
            await put_path(store, tmp_path / "absent.wav")

    with_store(tmp_path, work)


def _end_job(number: int, connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE jobs SET state = 'failed' WHERE number = ?", (number,))


def test_assets_in_use_and_pinned_assets_are_not_deleted(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        asset = await store.put(chunks_of(wav_bytes(tmp_path)), "x")
        for state in ("queued", "running"):
            number = await store._database.run(partial(add_job, state=state, sources=[asset.id]))
            with pytest.raises(Conflict, match="is needed by a job"):
                await store.delete(asset.id)
            end = partial(_end_job, number)
            await store._database.run(end)
        assert (await store.pin(asset.id, True)).pinned
        assert (await store.put(chunks_of(wav_bytes(tmp_path)), "x")).pinned
        assert not (await store.pin(asset.id, False)).pinned
        await store.delete(asset.id)
        with pytest.raises(NotFound):
            await store.pin(asset.id, True)
        assert not np.any(list((tmp_path / "assets").rglob("*/*")))

    with_store(tmp_path, work)


def test_a_missing_or_truncated_file_can_be_stored_again(tmp_path: Path) -> None:
    data = wav_bytes(tmp_path)
    file = write_wav(tmp_path / "song.wav", song(0.1, seed=1))

    async def work(store: AssetStore) -> None:
        for spoil in (Path.unlink, lambda path: os.truncate(path, 100)):
            asset = await store.put(chunks_of(data), "x")
            spoil(store.path(asset.id))
            for _ in range(2):
                with pytest.raises(NotFound, match="upload it again"):
                    await store.get(asset.id)
            assert asset.id not in {known.id for known in await store.recent(10)}
            assert (await store.put(chunks_of(data), "x")).id == asset.id
            assert store.path((await store.get(asset.id)).id).read_bytes() == data

            named = await put_path(store, file)
            spoil(store.path(named.id))
            assert (await put_path(store, file)).id == named.id
            assert store.path(named.id).read_bytes() == file.read_bytes()

    with_store(tmp_path, work)


def test_assets_used_a_short_time_ago_are_not_evicted(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        old, fresh = [await store.put(chunks_of(wav_bytes(tmp_path, seed)), f"{seed}") for seed in range(2)]
        await store._database.run(lambda c: c.execute("UPDATE assets SET used = used - 3600.0 WHERE id = ?", [old.id]))
        for max_age_s in (1e9, -1):  # for their size, for their age
            evicted = await store.evict(quota_bytes=0, max_age_s=max_age_s, fresh_s=1e6)
            assert evicted == 0
        assert await store.evict(quota_bytes=0, max_age_s=1e9, fresh_s=1800.0) == 1
        assert [asset.id for asset in await store.recent(10)] == [fresh.id]

    with_store(tmp_path, work)
