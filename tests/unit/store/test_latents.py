"""Latents beside the audio of takes: they come, are counted and go with it, and are never taken for audio."""

from __future__ import annotations

import asyncio
import hashlib
import math
from contextlib import suppress
from pathlib import Path

import pytest

from acebridge.errors import Conflict, DataLoss, NotFound
from acebridge.jobs.journal import Journal
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.store.backup import back_up
from acebridge.store.repair import repair
from acebridge.store.restore import restore
from acestep_runtime.latents_files import MAX_BYTES, latents_path, pack
from tests.support.stores import chunks_of, files_in, quarantine_files, wav_bytes, with_store

LATENTS = pack({"frames": 1}, b"content" * 40)


async def finish_take(store: AssetStore, *, seed: int = 0, latents: bytes | None = LATENTS) -> Asset:
    """Store a take as the scheduler does; its job has ended."""
    folder = store.files.folder.parent
    journal = Journal(store._database, max_waiting=99)
    job = await journal.submit(
        "text2music", {}, engine="fake", priority="normal", key="", request_digest="", sources=[]
    )
    await journal.claim("cpu")
    file, data = folder / "made.wav", wav_bytes(folder, seed)
    file.write_bytes(data)
    if latents is not None:
        latents_path(file).write_bytes(latents)
    asset = await store.adopt(file, hashlib.sha256(data).hexdigest(), "x", job_id=job.id, lasting=False)
    await journal.succeed(job.id)
    assert not latents_path(file).exists()
    return asset


def make(folder: Path) -> str:
    return str(with_store(folder, finish_take).id)


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "assets").glob("*/*"))


async def total_bytes(store: AssetStore) -> int:
    await store.adopt_strays()
    return await store.total_bytes()


def test_latents_come_and_go_with_their_audio(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        asset = await finish_take(store)
        assert store.files.latents_path(asset.id).read_bytes() == LATENTS
        assert asset.latents_bytes == len(LATENTS)
        assert asset.size_bytes == store.path(asset.id).stat().st_size
        assert await store.total_bytes() == asset.size_bytes + len(LATENTS) == size_of(tmp_path)
        # The same audio from a client, and made again without latents: those that are there stay.
        await store.put(chunks_of(wav_bytes(tmp_path)), "again")
        again = await finish_take(store, latents=None)
        assert (again.id, again.latents_bytes) == (asset.id, len(LATENTS))
        await store.delete(asset.id)
        assert await store.total_bytes() == 0
        assert not files_in(tmp_path)

    with_store(tmp_path, work)


def test_an_upload_brings_no_latents(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        asset = await store.put(chunks_of(wav_bytes(tmp_path)), "song")
        assert asset.latents_bytes == 0
        assert files_in(tmp_path) == {asset.id}

    with_store(tmp_path, work)


def test_what_is_past_the_quota_goes_with_its_latents(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        first, second = await finish_take(store), await finish_take(store, seed=1)
        total = await store.total_bytes()
        assert await store.evict(quota_bytes=total, max_age_s=math.inf) == 0
        assert await store.evict(quota_bytes=total - 1, max_age_s=math.inf) == 1
        assert files_in(tmp_path) == {second.id, f"{second.id}.latents"}
        await finish_take(store)
        # Without the latents it would fit.
        quota = first.size_bytes + second.size_bytes + len(LATENTS)
        assert await store.evict(quota_bytes=quota, max_age_s=math.inf) == 1

    with_store(tmp_path, work)


def test_a_removal_that_was_cut_off_ends_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(store: AssetStore) -> str:
        asset = await finish_take(store)

        def fail(_asset_id: str) -> None:
            raise PermissionError(13, "held by another program")

        monkeypatch.setattr(store.files, "remove", fail)
        await store.delete(asset.id)
        return asset.id

    asset_id = with_store(tmp_path, work)
    assert files_in(tmp_path) == {asset_id, f"{asset_id}.latents"}
    (tmp_path / "assets" / asset_id[:2] / asset_id).unlink()  # half done
    assert with_store(tmp_path, total_bytes) == 0
    assert not files_in(tmp_path)


def test_a_start_counts_what_is_there(tmp_path: Path) -> None:
    asset_id = make(tmp_path)
    file = latents_path(tmp_path / "assets" / asset_id[:2] / asset_id)
    audio_bytes = file.with_suffix("").stat().st_size
    file.unlink()
    assert with_store(tmp_path, total_bytes) == audio_bytes
    file.write_bytes(LATENTS)
    assert with_store(tmp_path, total_bytes) == audio_bytes + len(LATENTS)
    assert not quarantine_files(tmp_path)


def test_latents_outlive_damage_to_their_audio_and_serve_it_again(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        asset = await finish_take(store)
        store.path(asset.id).write_bytes(b"x" * asset.size_bytes)
        with pytest.raises(DataLoss):
            await store.verify(asset.id)
        assert files_in(tmp_path) == {f"{asset.id}.latents"}
        assert await store.total_bytes() == len(LATENTS)
        again = await store.put(chunks_of(wav_bytes(tmp_path)), "again")
        assert (again.id, again.latents_bytes) == (asset.id, len(LATENTS))

    with_store(tmp_path, work)


def test_latents_without_audio_and_row_are_put_aside(tmp_path: Path) -> None:
    make(tmp_path)
    stray = "ab" * 32
    (tmp_path / "assets" / "ab").mkdir(exist_ok=True)
    (tmp_path / "assets" / "ab" / f"{stray}.latents").write_bytes(LATENTS)
    (tmp_path / "assets" / "ab" / "song.latents").write_bytes(b"a file of nobody")
    with_store(tmp_path, total_bytes)
    assert quarantine_files(tmp_path) == {f"{stray}.latents", "song.latents"}
    assert len(files_in(tmp_path)) == 2


def _break(file: Path, kind: str) -> None:
    file.unlink()
    if kind == "link to nothing":
        file.symlink_to("nowhere")
    elif kind == "link":
        other = file.parents[2] / "other"
        other.write_bytes(LATENTS)
        file.symlink_to(other)
    else:
        file.mkdir()


@pytest.mark.parametrize("kind", ["link to nothing", "link", "folder"])
def test_what_is_no_file_in_the_place_of_latents_is_put_aside_and_stops_no_start(tmp_path: Path, kind: str) -> None:
    asset_id = make(tmp_path)
    file = latents_path(tmp_path / "assets" / asset_id[:2] / asset_id)
    _break(file, kind)
    assert with_store(tmp_path, total_bytes) == file.with_suffix("").stat().st_size
    assert files_in(tmp_path) == {asset_id}
    assert [each.name for each in (tmp_path / "quarantine").iterdir()] == [file.name]


@pytest.mark.parametrize("kind", ["link to nothing", "link", "folder"])
def test_a_removal_that_it_stopped_ends_at_the_next_start(tmp_path: Path, kind: str) -> None:
    asset_id = make(tmp_path)
    file = latents_path(tmp_path / "assets" / asset_id[:2] / asset_id)

    async def work(store: AssetStore) -> None:
        _break(file, kind)
        await store.delete(asset_id)

    with_store(tmp_path, work)
    assert with_store(tmp_path, total_bytes) == 0
    assert not files_in(tmp_path)


def test_latents_in_the_folder_of_other_assets_are_put_aside(tmp_path: Path) -> None:
    asset_id = make(tmp_path)
    other = tmp_path / "assets" / ("00" if asset_id[:2] != "00" else "01")
    other.mkdir()
    (other / f"{asset_id}.latents").write_bytes(LATENTS + LATENTS)
    total = with_store(tmp_path, total_bytes)
    assert total == size_of(tmp_path)
    assert files_in(tmp_path) == {asset_id, f"{asset_id}.latents"}


def test_a_backup_leaves_out_what_is_too_large_for_latents(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    asset_id = make(home)
    file = latents_path(home / "assets" / asset_id[:2] / asset_id)
    with file.open("wb") as large:
        large.truncate(MAX_BYTES + 1)
    made = back_up(home, tmp_path / "made.tar")
    assert (made.files, made.damaged, made.size_bytes) == (1, [], file.with_suffix("").stat().st_size)
    restore(tmp_path / "made.tar", tmp_path / "new")
    assert files_in(tmp_path / "new") == {asset_id}


def test_a_lost_database_takes_audio_up_with_its_latents(tmp_path: Path) -> None:
    asset_id = make(tmp_path)
    for file in tmp_path.glob("acebridge.db*"):
        file.unlink()
    done = repair(tmp_path)
    assert (done.files, done.damaged) == (1, 0)
    assert files_in(tmp_path) == {asset_id, f"{asset_id}.latents"}
    assert with_store(tmp_path, total_bytes) == size_of(tmp_path)


def test_a_backup_holds_them_and_leaves_damaged_ones_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    asset_id = make(home)
    made = back_up(home, tmp_path / "good.tar")
    assert (made.files, made.size_bytes, made.damaged) == (1, size_of(home), [])
    done = restore(tmp_path / "good.tar", tmp_path / "new")
    assert (done.files, done.damaged) == (1, 0)
    assert files_in(tmp_path / "new") == {asset_id, f"{asset_id}.latents"}
    assert with_store(tmp_path / "new", total_bytes) == size_of(home)

    data = (tmp_path / "good.tar").read_bytes()
    at = data.index(b"content" * 40)
    (tmp_path / "changed.tar").write_bytes(data[:at] + b"C" + data[at + 1 :])
    done = restore(tmp_path / "changed.tar", tmp_path / "changed")
    assert (done.files, done.damaged) == (1, 0)
    assert files_in(tmp_path / "changed") == {asset_id}
    latents_path(home / "assets" / asset_id[:2] / asset_id).write_bytes(LATENTS[:-1])
    made = back_up(home, tmp_path / "without.tar")
    assert (made.files, made.damaged) == (1, [])
    restore(tmp_path / "without.tar", tmp_path / "without")
    assert files_in(tmp_path / "without") == {asset_id}
    assert with_store(tmp_path / "without", total_bytes) == size_of(tmp_path / "without")


def test_deleting_and_storing_at_the_same_time_leaves_both_files_or_none(tmp_path: Path) -> None:
    async def work(store: AssetStore) -> None:
        asset = await finish_take(store)
        for turn in range(20):

            async def delete(pause_s: float) -> None:
                await asyncio.sleep(pause_s)
                with suppress(NotFound, Conflict):
                    await store.delete_unneeded([asset.id])
                    await store.delete(asset.id)

            await asyncio.gather(finish_take(store), delete(turn / 2000))
            assert files_in(tmp_path) in (set(), {asset.id, f"{asset.id}.latents"})
            assert await store.total_bytes() == size_of(tmp_path)

    with_store(tmp_path, work)
