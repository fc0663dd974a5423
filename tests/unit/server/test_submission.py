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
from acebridge.jobs.journal import Journal
from acebridge.server import submission
from acebridge.server.submission import create_job, validate
from acebridge.store import assets
from acebridge.store.assets import AssetStore
from acebridge.v1 import audio_pb2
from acestep_runtime.audio import decode
from tests.support.daemon import PATIENCE_S
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
