"""From a request to a job, while others delete what it needs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from acebridge.client.client import request_of
from acebridge.errors import NotFound
from acebridge.jobs.journal import Journal
from acebridge.server.submission import create_job
from acebridge.store.assets import AssetStore
from acebridge.v1 import audio_pb2
from tests.support.stores import files_in, put_path, wav_bytes, with_store

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
