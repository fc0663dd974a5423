"""Quota and full disks: uploads need room, reading needs none, and what frees room always works."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acebridge.config import RESERVE_BYTES
from acebridge.errors import Busy, DiskFull
from acebridge.jobs.journal import Journal
from acebridge.store import reserve
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database
from tests.support.daemon import song, write_wav
from tests.support.stores import add_job, chunks_of, files_in, put_path, wav_bytes, with_store


@contextmanager
def full(database: Database, folder: Path) -> Iterator[None]:
    """Let the database have no room to grow until the reserve is given back, as on a full disk."""
    attempt = database._attempt

    def write(begin: str, work: object) -> object:
        if begin != "BEGIN" and (folder / "reserve").exists():
            raise DiskFull
        return attempt(begin, work)  # type: ignore[arg-type]

    database._attempt = write  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        database._attempt = attempt  # type: ignore[method-assign]


def test_reading_needs_no_room_and_deleting_uses_the_reserve(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        first, second = [await store.put(chunks_of(wav_bytes(tmp_path, seed)), f"{seed}") for seed in range(2)]
        database = store._database
        journal = Journal(database, max_waiting=9)
        job = await journal.submit("x", {}, engine="fake", priority="normal", key="", request_digest="", sources=())
        assert (tmp_path / "reserve").stat().st_size > 0
        with full(database, tmp_path):
            assert (await store.get(first.id)).id == first.id
            await store.verify(first.id)
            assert len(await store.recent(9)) == 2
            assert await store.total_bytes() > 0
            assert (await journal.get(job.id)).position == 0
            assert len(await journal.recent()) == 1
            async for batch in journal.watch(job.id):
                assert batch[0].kind == "queued"
                break
            with pytest.raises(DiskFull):
                await store.put(chunks_of(wav_bytes(tmp_path, 3)), "3")
            with pytest.raises(DiskFull):
                await journal.submit("x", {}, engine="fake", priority="normal", key="", request_digest="", sources=())
            assert (tmp_path / "reserve").exists()
            await store.delete(second.id)
            assert not (tmp_path / "reserve").exists()
            await journal.cancel_waiting(job.id)
        await store.keep_reserve()
        assert (tmp_path / "reserve").exists()
        assert files_in(tmp_path) >= {first.id}

    with_store(tmp_path, work)


def test_the_reserve_is_small_on_a_small_disk_and_left_alone_on_a_full_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, file = reserve.Reserve(tmp_path, RESERVE_BYTES), tmp_path / "reserve"
    usage = type("Usage", (), {"total": 1 << 40, "free": 1 << 39})
    monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _: usage)
    kept.keep()
    assert file.stat().st_size == RESERVE_BYTES
    assert file.stat().st_blocks * 512 >= RESERVE_BYTES  # it really takes the room
    assert kept.release()
    assert not kept.release()
    usage.total = 20 << 20
    kept.keep()
    assert file.stat().st_size == 1 << 20
    kept.release()
    usage.free = 3 << 20
    kept.keep()
    assert not file.exists()

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    usage.free = 1 << 39
    monkeypatch.setattr(reserve.os, "posix_fallocate", no_room)
    kept.keep()
    assert not file.exists()


def test_uploads_count_against_the_quota(tmp_path: Path) -> None:
    data = [wav_bytes(tmp_path, seed) for seed in range(5)]
    size = len(data[0])
    file = write_wav(tmp_path / "song.wav", song(0.05, seed=7))

    async def work(store: AssetStore) -> None:
        ids = [(await store.put(chunks_of(each), "x")).id for each in data[:3]]
        # The least recently used one makes room, but not one that is pinned or needed.
        await store.pin(ids[0], True)
        fourth = await store.put(chunks_of(data[3]), "x")
        assert files_in(tmp_path) == {ids[0], ids[2], fourth.id}
        await store._database.run(lambda c: add_job(c, state="queued", sources=[ids[2], fourth.id]))
        for upload in (store.put(chunks_of(data[4]), "x"), put_path(store, file)):
            with pytest.raises(
                Busy, match=r"^The store holds 0\.1 of 0\.1 MiB, and nothing more can be evicted\. .*quota"
            ):
                await upload
        assert files_in(tmp_path) == {ids[0], ids[2], fourth.id}
        assert not list((tmp_path / "incoming").iterdir())
        assert store._arriving == 0

    with_store(tmp_path, work, quota=3 * size + 100)


def test_a_large_upload_stops_as_soon_as_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acebridge.store import assets

    monkeypatch.setattr(assets, "_ROOM_STEP", 10_000)
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while True:
            sent += 1000
            yield bytes(1000)

    async def work(store: AssetStore) -> None:
        with pytest.raises(Busy):
            await store.put(endless(), "x")  # type: ignore[arg-type]

    with_store(tmp_path, work, quota=50_000)
    assert 50_000 < sent < 80_000


def test_a_transaction_that_needs_no_reserve_does_not_take_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", reserve_bytes=4096)
    database.reserve.keep()

    def work(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(DiskFull):
        database.transact(work)
    assert (tmp_path / "reserve").exists()
    with pytest.raises(DiskFull):
        database.transact(work, frees=True)
    assert not (tmp_path / "reserve").exists()
    database.close()
