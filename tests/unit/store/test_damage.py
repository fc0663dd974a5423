"""Files that lost a bit are put aside, never served and never removed."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from acebridge.errors import DataLoss, NotFound
from acebridge.server.output_reader import read_asset
from acebridge.store import scrub
from acebridge.store.assets import AssetStore
from tests.support.stores import chunks_of, files_in, quarantine_files, wav_bytes, with_store


def flip(file: Path, *, keeps_times: bool = True) -> None:
    """Change a bit near the end, as a disk does: without a trace."""
    times, data = file.stat(), bytearray(file.read_bytes())
    data[-10] ^= 1
    file.write_bytes(data)
    if keeps_times:
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


async def receive(store: AssetStore, asset_id: str, start: int = 0, length: int | None = None) -> bytes:
    asset = await store.get(asset_id)
    stop = asset.size_bytes if length is None else start + length
    data = b""
    async for piece in read_asset(store, asset, start, stop):
        data += piece
    return data


def test_whole_and_partial_reads_of_a_good_file(tmp_path: Path) -> None:
    data = wav_bytes(tmp_path, seconds=2.0)

    async def work(store: AssetStore) -> None:
        asset_id = (await store.put(chunks_of(data, 1 << 20), "x")).id
        assert await receive(store, asset_id) == data
        assert await receive(store, asset_id, 1000, 300_000) == data[1000:301_000]
        assert await receive(store, asset_id, len(data), 0) == b""

    with_store(tmp_path, work)


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 100), (50, 100)])
def test_a_flipped_bit_is_an_error_and_the_file_is_kept(tmp_path: Path, start: int, length: int | None) -> None:
    data = wav_bytes(tmp_path, seconds=2.0)  # more than one piece

    async def store_it(store: AssetStore) -> str:
        return (await store.put(chunks_of(data, 1 << 20), "x")).id

    asset_id = with_store(tmp_path, store_it)

    async def work(store: AssetStore) -> None:
        flip(store.path(asset_id))
        with pytest.raises(DataLoss, match=rf"^The stored file of asset {asset_id[:12]}… is damaged; it was moved to "):
            await receive(store, asset_id, start, length)
        assert quarantine_files(tmp_path) == {asset_id}
        assert not files_in(tmp_path)
        for call in (store.get, store.verify):
            with pytest.raises(NotFound):
                await call(asset_id)
        assert await store_it(store) == asset_id  # the same again is good again
        assert await receive(store, asset_id) == data

    with_store(tmp_path, work)


def test_a_source_of_a_job_is_verified_once_and_again_when_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def store_it(store: AssetStore) -> str:
        return (await store.put(chunks_of(wav_bytes(tmp_path)), "x")).id

    asset_id = with_store(tmp_path, store_it)
    reads: list[str] = []

    async def work(store: AssetStore) -> None:
        genuine = store.files.is_genuine
        monkeypatch.setattr(store.files, "is_genuine", lambda each: reads.append(each) or genuine(each))
        for _ in range(3):
            await store.verify(asset_id)
        assert len(reads) == 1
        await store.put(chunks_of(wav_bytes(tmp_path)), "x")  # what was hashed on its way in is not read again
        await store.verify(asset_id)
        assert len(reads) == 1
        flip(store.path(asset_id))
        with pytest.raises(DataLoss):
            await store.verify(asset_id)

    with_store(tmp_path, work)


def test_a_file_that_is_deleted_or_stored_again_meanwhile_is_not_called_damaged(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        data = wav_bytes(tmp_path)
        asset_id = (await store.put(chunks_of(data), "x")).id
        store._verified.clear()
        get = store.get

        async def get_and_delete(each: str) -> object:
            asset = await get(each)
            await store.delete_unneeded([each])
            return asset

        store.get = get_and_delete  # type: ignore[assignment, method-assign]
        with pytest.raises(NotFound, match="There is no asset"):
            await store.verify(asset_id)
        store.get = get  # type: ignore[method-assign]
        await store.put(chunks_of(data), "x")
        assert "Try again" in (await store.put_damaged_aside(asset_id)).remedy
        assert files_in(tmp_path) == {asset_id}
        assert not quarantine_files(tmp_path)

    with_store(tmp_path, work)


class Stop(Exception):
    """Ends a round of the scrub."""


def test_the_scrub_finds_damage_reads_at_its_rate_and_begins_with_the_oldest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds == scrub.ROUND_PAUSE_S:
            raise Stop

    async def work(store: AssetStore) -> None:
        ids = [(await store.put(chunks_of(wav_bytes(tmp_path, seed)), f"{seed}")).id for seed in range(3)]
        flip(store.path(ids[1]))
        store.path(ids[2]).unlink()
        with caplog.at_level(logging.INFO), pytest.raises(Stop):
            await scrub.scrub_store(store, bytes_per_s=1000, sleep=sleep)
        sizes = store.path(ids[0]).stat().st_size + (tmp_path / "quarantine" / ids[1]).stat().st_size
        assert slept[0] == scrub.START_PAUSE_S
        assert sum(slept[1:-1]) == pytest.approx(sizes / 1000)
        assert quarantine_files(tmp_path) == {ids[1]}
        assert [asset.id for asset in await store.recent(9)] == [ids[0]]
        (found,) = [record for record in caplog.records if record.getMessage() == "a stored file is damaged"]
        assert found.asset == ids[1]  # type: ignore[attr-defined]
        assert caplog.records[-1].damaged == 1  # type: ignore[attr-defined]
        later = await store.put(chunks_of(wav_bytes(tmp_path, 5)), "later")
        first = await store.least_recently_checked()
        assert first is not None
        assert first.id == ids[0] != later.id

    with_store(tmp_path, work)


def test_the_scrub_reports_a_damaged_page_of_the_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def sleep(seconds: float) -> None:
        if seconds == scrub.ROUND_PAUSE_S:
            raise Stop

    async def work(store: AssetStore) -> None:
        path = tmp_path / "acebridge.db"
        assert await store.find_database_damage() == ""
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(4096))
        assert await store.find_database_damage()
        with pytest.raises(Stop):
            await scrub.scrub_store(store, bytes_per_s=1000, sleep=sleep)
        assert "the database is damaged" in [record.getMessage() for record in caplog.records]

    with_store(tmp_path, work)


def test_a_scrub_that_is_switched_off_reads_nothing(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        await asyncio.wait_for(scrub.scrub_store(store, bytes_per_s=0), 60)

    with_store(tmp_path, work)
