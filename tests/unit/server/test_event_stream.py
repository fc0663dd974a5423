"""Reading a job's events while its files go away, without a server around it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from acebridge.errors import JobFailed, NotFound
from acebridge.jobs.journal import Journal
from acebridge.server import event_stream
from acebridge.store.assets import AssetStore
from acebridge.store.database import Database
from acestep_runtime.audio import wav
from tests.support.signals import decode_chunk


class FolderSpool:
    """Stands for a spool whose outputs are gone, or where the test puts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def paths(self, _job_id: str, output: int) -> list[Path]:
        return [self.folder / f"{output}.wav"]


HEADER = {"take": 0, "role": "mix", "sample_rate": 48_000, "channels": 1, "encoding": "float32", "frames": 10}


async def half_message(journal: Journal) -> str:
    """A running job with two outputs begun."""
    made = await journal.submit(
        "text2music", {}, engine="fake", priority="normal", key="", request_digest="", sources=()
    )
    await journal.claim("cpu")
    for output in (0, 1):
        await journal.append(made.id, [("header", {**HEADER, "output": output, "start_frame": 0})])
        await journal.append(made.id, [("audio", {"output": output, "offset_frames": 0, "frames": 5})])
    return made.id


@pytest.mark.parametrize("fails", [True, False])
def test_audio_of_a_failed_job_is_not_what_a_late_reader_receives(tmp_path: Path, fails: bool) -> None:
    async def scenario() -> list[str]:
        database = Database(tmp_path / "db")
        store = AssetStore(database, tmp_path, max_upload_bytes=1)
        journal = Journal(database, max_waiting=9)
        job_id = await half_message(journal)
        kinds = []
        try:
            async for event in event_stream.stream_job_events(job_id, 0, journal, FolderSpool(tmp_path), store):  # type: ignore[arg-type]
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


def test_audio_of_an_attempt_that_was_preempted_is_void_and_the_next_one_is_complete(tmp_path: Path) -> None:
    """While the reader is busy the job goes back to the queue and starts again; the file is there again, but shorter."""
    frames = (np.arange(10, dtype=np.float32) / 10)[:, None]

    async def scenario() -> list[str]:
        database = Database(tmp_path / "db")
        store = AssetStore(database, tmp_path, max_upload_bytes=1)
        journal = Journal(database, max_waiting=9)
        file = tmp_path / "0.wav"

        async def play(job_id: str, start: int, stop: int) -> None:
            if not start:
                await journal.append(job_id, [("header", {**HEADER, "output": 0, "start_frame": 0})])
                file.write_bytes(wav.header(10, 1, 48_000, "float32"))
            with file.open("ab") as output:
                output.write(wav.encode(frames[start:stop], "float32"))
            await journal.append(job_id, [("audio", {"output": 0, "offset_frames": start, "frames": stop - start})])

        made = await journal.submit(
            "text2music", {}, engine="fake", priority="normal", key="", request_digest="", sources=()
        )
        await journal.claim("cpu")
        await play(made.id, 0, 8)
        kinds, received = [], bytearray()
        try:
            async for event in event_stream.stream_job_events(made.id, 0, journal, FolderSpool(tmp_path), store):  # type: ignore[arg-type]
                kinds.append(event.WhichOneof("event"))
                if kinds == ["queued", "started", "audio_header"]:
                    file.unlink()
                    await journal.release(only=made.id)
                    await journal.claim("cpu")
                    await play(made.id, 0, 3)
                elif kinds[-1] == "audio_chunk":
                    received += event.audio_chunk.data
                    assert event.audio_chunk.offset_frames * 4 + len(event.audio_chunk.data) == len(received)
                    if len(received) < 40:
                        await play(made.id, len(received) // 4, 10)
                    else:
                        await journal.succeed(made.id)
        finally:
            database.close()
        assert np.array_equal(decode_chunk(bytes(received), "float32", 1), frames)
        return kinds

    again = ["queued", "started", "audio_header", "audio_chunk", "audio_chunk", "progress", "completed"]
    assert asyncio.run(scenario()) == ["queued", "started", "audio_header", *again]
