"""Deleting while others take the same audio up: whoever has it registered keeps it."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from acebridge.errors import Conflict, NotFound
from acebridge.jobs.job import Job
from acebridge.jobs.journal import Journal
from acebridge.jobs.results import remove_results
from acebridge.store.assets import AssetStore
from tests.support.stores import chunks_of, files_in, wav_bytes, with_store


async def submit(journal: Journal, *sources: str) -> Job:
    return await journal.submit(
        "text2music", {}, engine="fake", priority="normal", key="", request_digest="", sources=sources
    )


def test_a_result_keeps_its_audio_while_an_equal_older_one_is_deleted(tmp_path: Path) -> None:
    """Whatever the moment: the two run against each other with every delay of a few turns of the event loop."""
    data = wav_bytes(tmp_path)
    asset_id = hashlib.sha256(data).hexdigest()

    async def work(store: AssetStore) -> None:
        journal = Journal(store._database, max_waiting=99)

        async def finish(turns: int) -> Job:
            """Do what the scheduler does with a take: store it, then write it into the journal."""
            job = await submit(journal)
            await journal.claim("cpu")
            for _ in range(turns):
                await asyncio.sleep(0.0005)
            file = tmp_path / "made.wav"
            file.write_bytes(data)
            await store.adopt(file, asset_id, "x", job_id=job.id, lasting=False)
            for _ in range(turns % 5):
                await asyncio.sleep(0.0005)
            take = {"take": 1, "seed": 1, "facts": {}, "outputs": [{"asset_id": asset_id}]}
            await journal.append(job.id, [("take", take)])
            await journal.succeed(job.id)
            return job

        async def delete(job: Job) -> None:
            await remove_results((await journal.delete(job.id)).results(), store)

        old = await finish(0)
        for turn in range(60):
            old, _ = await asyncio.gather(finish(turn % 12), delete(old))
            assert (await store.get(asset_id)).id == asset_id
            assert store.path(asset_id).read_bytes() == data
        await delete(old)
        assert not files_in(tmp_path)

    with_store(tmp_path, work)


def test_an_accepted_job_has_its_source_however_it_is_deleted_meanwhile(tmp_path: Path) -> None:
    data = wav_bytes(tmp_path)

    async def work(store: AssetStore) -> None:
        journal = Journal(store._database, max_waiting=9999)
        refused = accepted = kept = 0
        for turn in range(40):
            asset_id = (await store.put(chunks_of(data, 1 << 20), "x")).id

            async def ask(source: str = asset_id, pause: int = turn) -> Job | None:
                for _ in range(pause % 4):
                    await asyncio.sleep(0)
                with suppress(NotFound):
                    await store.get(source)
                    return await submit(journal, source)
                return None

            async def delete(source: str = asset_id) -> bool:
                with suppress(Conflict, NotFound):
                    await store.delete(source)
                    return True
                return False

            deleted, *jobs = await asyncio.gather(delete(), *(ask() for _ in range(3)))
            for job in filter(None, jobs):
                accepted += 1
                assert not deleted
                assert (await store.get(asset_id)).id == asset_id
                await journal.cancel_waiting(job.id)
            refused += jobs.count(None)
            kept += not deleted
            assert deleted or all(jobs)
        assert refused + accepted == 120

    with_store(tmp_path, work)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_neither_delete_nor_eviction_takes_what_a_job_has_registered(tmp_path: Path, state: str) -> None:
    async def work(store: AssetStore) -> None:
        journal = Journal(store._database, max_waiting=9)
        source = (await store.put(chunks_of(wav_bytes(tmp_path)), "source")).id
        job = await submit(journal, source)
        if state == "running":
            await journal.claim("cpu")
        file = tmp_path / "made.wav"
        file.write_bytes(wav_bytes(tmp_path, 1))
        made = hashlib.sha256(file.read_bytes()).hexdigest()
        await store.adopt(file, made, "take", job_id=job.id)  # the journal does not have its take yet
        for asset_id in (source, made):
            with pytest.raises(Conflict):
                await store.delete(asset_id)
        await store.delete_unneeded([source, made])
        assert await store.evict(quota_bytes=0, max_age_s=-1) == 0
        assert files_in(tmp_path) == {source, made}

    with_store(tmp_path, work)
