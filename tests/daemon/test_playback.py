"""Reading a job's events while its files go away, without a server around it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.edge import playback
from daemon.errors import JobFailed, NotFound
from daemon.jobs.journal import Journal
from daemon.store.assets import AssetStore
from daemon.store.database import Database


class Spool:
    """Stands for a scheduler whose outputs are gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def output_paths(self, _job_id: str, output: int) -> list[Path]:
        return [self.folder / f"{output}.wav"]


HEADER = {"take": 0, "role": "mix", "sample_rate": 48_000, "channels": 1, "encoding": "float32", "frames": 10}


async def half_told(journal: Journal) -> str:
    """A running job with two outputs begun."""
    made = await journal.submit(
        "text2music", {}, engine="fake", priority="normal", key="", request_digest="", sources=()
    )
    await journal.claim("cpu")
    for output in (0, 1):
        await journal.append(made.id, "header", {**HEADER, "output": output, "start_frame": 0})
        await journal.append(made.id, "audio", {"output": output, "offset_frames": 0, "frames": 5})
    return made.id


@pytest.mark.parametrize("fails", [True, False])
def test_audio_of_a_failed_job_is_not_what_a_late_reader_hears_of(tmp_path: Path, fails: bool) -> None:
    async def scenario() -> list[str]:
        database = Database(tmp_path / "db")
        store = AssetStore(database, tmp_path, max_upload_bytes=1)
        journal = Journal(database, max_waiting=9)
        job_id = await half_told(journal)
        kinds = []
        try:
            async for event in playback.events(job_id, 0, journal, Spool(tmp_path), store):  # type: ignore[arg-type]
                kinds.append(event.WhichOneof("event"))
                if kinds[-1] == "audio_header" and fails:
                    await journal.fail(job_id, {"kind": "EngineFailure", "message": "It broke."})
        finally:
            database.close()
        return kinds

    if fails:
        with pytest.raises(JobFailed, match=r"^It broke\.$"):
            asyncio.run(scenario())
    else:
        with pytest.raises(NotFound, match="was deleted or evicted"):
            asyncio.run(scenario())
