"""Reading samples of a job's outputs back from files: from the spool while they grow, from the store when they are done."""

from __future__ import annotations

import asyncio
import bisect
import hashlib
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from acebridge.errors import NotFound
from acebridge.jobs.job import AudioEvent, Job
from acebridge.jobs.journal import Journal
from acebridge.server.messages import chunk_message
from acebridge.store.asset_rows import Asset
from acebridge.store.assets import AssetStore
from acebridge.v1 import audio_pb2
from acebridge.workers.messages import Header, chunks_of
from acebridge.workers.spool import Spool
from acestep_runtime.audio import wav

CHUNK_BYTES = 256 * 1024
#: A read takes a trip to another thread, which costs as much as sending half a chunk.
_CHUNKS_PER_READ = 4
_OPEN_TRIES, _OPEN_PAUSE_S = 200, 0.01


class OutputReader:
    """Reads samples of a job's outputs, from the growing file or the stored one. Keeps one file open."""

    def __init__(
        self, job_id: str, journal: Journal, spool: Spool, store: AssetStore, *, with_audio: bool = True
    ) -> None:
        self._job_id = job_id
        self._journal = journal
        self._spool = spool
        self._store = store
        #: Whether the client wants samples.
        self.with_audio = with_audio
        self._headers: dict[int, Header] = {}
        #: Outputs whose header the client has.
        self.announced: set[int] = set()
        self._file: BinaryIO | None = None
        self._output = -1

    def add_header(self, header: Header) -> None:
        """Remember how an output is encoded."""
        self._headers[header["output"]] = header

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def chunks(self, events: Sequence[AudioEvent]) -> AsyncGenerator[tuple[int, audio_pb2.AudioChunk], None]:
        """Yield the frames that contiguous events of one output announce, in chunks of at most `CHUNK_BYTES`.

        With each chunk comes the number of the last event that it completes, so that a reader who resumes after that number
        misses nothing. The next read runs while the chunks of the last one are on their way. Raises `NotFound` when the
        audio is gone.
        """
        first, last = events[0], events[-1]
        output = first.body["output"]
        header = await self.header(output)
        file = await self._open(output, first.sequence)
        encoding, channels = header["encoding"], header["channels"]
        frame_bytes = wav.encoding_of(encoding).sample_bytes * channels
        data_at = wav.data_offset(header["frames"], channels, header["sample_rate"], encoding, chunks_of(header))
        chunk_frames = CHUNK_BYTES // frame_bytes
        read_frames = _CHUNKS_PER_READ * chunk_frames
        ends = [_end_frame(event) for event in events]
        start, stop = first.body["offset_frames"], _end_frame(last)
        completed = [first.sequence - 1, *(event.sequence for event in events)]

        def read(at: int) -> asyncio.Future[bytes]:
            count = min(read_frames, stop - at) * frame_bytes
            return asyncio.ensure_future(asyncio.to_thread(_read_at, file, data_at + at * frame_bytes, count))

        pending = read(start)
        try:
            for read_at in range(start, stop, read_frames):
                data = await pending
                if read_at + read_frames < stop:
                    pending = read(read_at + read_frames)
                for at in range(read_at, min(read_at + read_frames, stop), chunk_frames):
                    sequence = completed[bisect.bisect_right(ends, at + chunk_frames)]
                    skip = (at - read_at) * frame_bytes
                    samples = data[skip : skip + chunk_frames * frame_bytes]
                    yield sequence, chunk_message(output, at, samples)
        finally:
            await asyncio.wait([pending])  # it reads from the file that is closed next

    async def header(self, output: int) -> Header:
        """Return how an output is encoded. Raises `NotFound` when its audio is gone."""
        if output not in self._headers:
            for body in await self._journal.headers(self._job_id):
                self.add_header(body)
        if output not in self._headers:
            raise _no_audio()
        return self._headers[output]

    async def _open(self, output: int, sequence: int) -> BinaryIO:
        if self._file is not None and self._output == output:
            return self._file
        self.close()
        # For a moment a finished output is in neither known place: it moves into the store before the journal knows.
        for _ in range(_OPEN_TRIES):
            job = await self._journal.get(self._job_id)
            for path in [*self._spool.paths(self._job_id, output), *await self._asset_paths(job, output)]:
                with suppress(FileNotFoundError):
                    self._file, self._output = await asyncio.to_thread(path.open, "rb"), output
                    # Else it may be the file of the next attempt, which is not as long yet.
                    if not await self._journal.holds(self._job_id, sequence):
                        raise _no_audio()
                    return self._file
            if job.is_finished or not await self._journal.holds(self._job_id, sequence):
                break
            await asyncio.sleep(_OPEN_PAUSE_S)
        raise _no_audio()

    async def _asset_paths(self, job: Job, output: int) -> list[Path]:
        """Return where a finished output is kept; nothing while it is not finished. Raises `DataLoss` when it is damaged."""
        outputs = (stored for take in job.takes for stored in take["outputs"])
        paths = []
        for asset_id in (stored["asset_id"] for stored in outputs if stored["output"] == output):
            with suppress(NotFound):
                paths.append(self._store.path((await self._store.verify(asset_id)).id))
        return paths


async def read_asset(store: AssetStore, asset: Asset, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    """Yield bytes ``start`` to ``stop`` of a stored file, `CHUNK_BYTES` at a time.

    A whole file is compared with its hash on the way, before its last piece is sent, and one of which only a part is asked for
    before the first one. Raises `NotFound` when it is gone, and `DataLoss` when it is damaged.
    """
    is_whole = (start, stop) == (0, asset.size_bytes)
    if not is_whole:
        await store.verify(asset.id)
    digest = hashlib.sha256()
    file = await asyncio.to_thread(_open_stored, store.path(asset.id))
    with file:
        for at in range(start, stop, CHUNK_BYTES):
            data = await asyncio.to_thread(_read_at, file, at, min(CHUNK_BYTES, stop - at))
            if is_whole:
                digest.update(data)
                if at + len(data) >= stop and digest.hexdigest() != asset.id:
                    raise await store.put_damaged_aside(asset.id)
            yield data


def _end_frame(event: AudioEvent) -> int:
    """Return the first frame after those of an event."""
    return event.body["offset_frames"] + event.body["frames"]


def _no_audio() -> NotFound:
    return NotFound("The audio of this job was deleted or evicted.", remedy="Run the task again.")


def _open_stored(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise _no_audio() from None


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), count, offset)
    file.seek(offset)
    return file.read(count)
