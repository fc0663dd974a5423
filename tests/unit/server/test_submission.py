"""From a request to a job, while others delete what it needs."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acebridge.client.client import request_of
from acebridge.errors import NotFound
from acebridge.jobs.execution import order_of
from acebridge.jobs.journal import Journal
from acebridge.jobs.order import waiting_heads
from acebridge.server import submission
from acebridge.server.open_calls import Caller
from acebridge.server.submission import create_job, validate
from acebridge.store import assets
from acebridge.store.assets import AssetStore
from acebridge.tokens import OWN_NAME
from acebridge.v1 import audio_pb2
from acebridge.workers.base import Need
from acebridge.workers.spool import Spool
from acestep_runtime.audio import decode
from acestep_runtime.engines import registry
from acestep_runtime.errors import UnsupportedTask
from acestep_runtime.weights.folder import VARIABLE
from tests.support.daemon import PATIENCE_S
from tests.support.model_folders import write_original, write_shared_parts
from tests.support.stores import chunks_of, files_in, put_path, wav_bytes, with_store

REGION = {"start_s": 0.2, "end_s": 0.4}


@pytest.mark.parametrize("how", ["inline", "path", "asset_id"])
def test_a_source_that_is_deleted_at_the_last_moment_is_stored_again_or_missed(tmp_path: Path, how: str) -> None:
    data = wav_bytes(tmp_path, seconds=1.0)
    asset_id = hashlib.sha256(data).hexdigest()
    (tmp_path / "song.wav").write_bytes(data)
    values: dict[str, Any] = {"inline": data, "path": str(tmp_path / "song.wav"), "asset_id": asset_id}

    async def work(store: AssetStore) -> None:
        journal = Journal(store._database, max_waiting=9)
        submit, deletions = journal.submit, [1]

        async def submit_late(*arguments: Any, **more: Any) -> Any:
            if deletions:
                deletions.pop()
                await store.delete(asset_id)
            return await submit(*arguments, **more)

        journal.submit = submit_late  # type: ignore[method-assign]
        if how == "asset_id":
            await put_path(store, tmp_path / "song.wav")
        request = request_of(
            "repaint", REGION, audio_pb2.AudioInput(**{how: values[how]}), submission={"engine": "fake"}
        )

        async def create() -> Any:
            return await create_job(request, journal=journal, store=store, roots=(tmp_path,))

        if how == "asset_id":
            with pytest.raises(NotFound, match="upload it again"):
                await create()
            assert not await journal.recent()
        else:
            assert (await create()).sources == (asset_id,)
            assert files_in(tmp_path) == {asset_id}

    with_store(tmp_path, work)


@pytest.mark.parametrize("how", ["upload", "create", "validate inline", "validate asset"])
def test_a_header_that_takes_long_keeps_no_other_work_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    data = wav_bytes(tmp_path, seconds=1.0)
    probed = []

    async def work(store: AssetStore) -> None:
        journal, loop = Journal(store._database, max_waiting=9), asyncio.get_running_loop()
        asset = await store.put(chunks_of(data), "song.wav")
        source = {"inline": data} if how == "validate inline" else {"asset_id": asset.id}
        request = request_of("repaint", REGION, audio_pb2.AudioInput(**source), submission={"engine": "fake"})  # type: ignore[arg-type]

        def probe(*arguments: Any, **more: Any) -> Any:
            probed.append(asyncio.run_coroutine_threadsafe(asyncio.to_thread(lambda: how), loop).result(PATIENCE_S))
            return real(*arguments, **more)

        real = decode.probe
        for module in (decode, assets, submission):
            monkeypatch.setattr(module, "probe", probe)
        loop.set_default_executor(ThreadPoolExecutor(1))
        if how == "upload":
            await store.put(chunks_of(data), "song.wav")
        else:
            make = create_job if how == "create" else validate
            await make(request, journal=journal, store=store, roots=())

    with_store(tmp_path, work)
    assert probed == [how]


def test_why_the_engine_was_chosen_goes_with_the_job_to_the_worker_and_to_its_next_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("json",))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "models"))
    write_shared_parts(tmp_path / "models")
    write_original(tmp_path / "models" / "acestep-v15-turbo", is_turbo=True)
    (tmp_path / "song.wav").write_bytes(wav_bytes(tmp_path, seconds=1.0))
    why = "The draft engine made this, as the neural engine cannot do lego now: only a base model can do this"

    async def work(store: AssetStore) -> None:
        journal = Journal(store._database, max_waiting=9)
        spool = Spool(tmp_path / "spool")
        source = audio_pb2.AudioInput(path=str(tmp_path / "song.wav"))
        request = request_of("lego", {"tracks": ["drums"], "output": {"seeds": [1]}}, source)
        job = await create_job(request, journal=journal, store=store, roots=(tmp_path,))
        for each in (job, await journal.next_batch(job.id)):
            assert (each.engine, each.note.partition(", and ")[0]) == ("draft", why)
            assert (await order_of(each, store, spool))["note"] == each.note
        chosen = request_of("lego", {"tracks": ["drums"]}, source, submission={"engine": "draft"})
        assert (await create_job(chosen, journal=journal, store=store, roots=(tmp_path,))).note == ""
        refused = request_of("lego", {"tracks": ["drums"]}, source, submission={"engine": "neural"})
        with pytest.raises(UnsupportedTask, match=r"cannot do lego now: only a base .*pull acestep-v15-base"):
            await create_job(refused, journal=journal, store=store, roots=(tmp_path,))
        other = request_of("text2music", {"sampling": {"model": "base"}}, submission={"engine": "neural"})
        with pytest.raises(UnsupportedTask, match=r"acestep-v15-base is not in .*; there is acestep-v15-turbo\."):
            await create_job(other, journal=journal, store=store, roots=(tmp_path,))

    with_store(tmp_path / "store", work)


def test_a_job_has_the_owner_who_asks_and_the_model_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_NEURAL_PACKAGES", ("json",))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "models"))
    write_shared_parts(tmp_path / "models")
    write_original(tmp_path / "models" / "acestep-v15-turbo", is_turbo=True)
    assert (Caller("laptop", "hash").owner, Caller().owner) == ("laptop", OWN_NAME)

    async def work(store: AssetStore) -> None:
        journal = Journal(store._database, max_waiting=9)
        for engine, owner in (("neural", "laptop"), ("draft", OWN_NAME)):
            request = request_of("text2music", {"duration_s": 1.0}, submission={"engine": engine})
            await create_job(request, journal=journal, store=store, roots=(), owner=owner)
        heads = {(head.need, head.owner) for head in await store._database.read(waiting_heads)}
        assert heads == {
            (Need("neural", "text2music", "acestep-v15-turbo"), "laptop"),
            (Need("draft", "text2music"), OWN_NAME),
        }

    with_store(tmp_path / "store", work)
