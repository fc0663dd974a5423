"""From a job's journal to a stream of TaskEvents: the audio is read back from the spool or the store in pieces.

A stream holds one piece at a time, whatever the length of the song and however slow its reader.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO

from acebridge.errors import JobFailed, NotFound
from acebridge.jobs.job import CANCELLED, FAILED, AudioEvent, Event
from acebridge.jobs.journal import Journal
from acebridge.server.messages import event_fields
from acebridge.store.assets import AssetStore
from acebridge.v1 import audio_pb2, tasks_pb2
from acebridge.workers.messages import Header
from acebridge.workers.spool import Spool
from acestep_runtime.audio import wav

CHUNK_BYTES = 256 * 1024
#: A read takes a trip to another thread, which costs as much as sending half a chunk.
_CHUNKS_PER_READ = 4
_OPEN_TRIES, _OPEN_PAUSE_S = 200, 0.01


class OutputReader:
    """Reads samples of a job's outputs, from the growing file or the stored one. Keeps one file open."""

    def __init__(self, job_id: str, journal: Journal, spool: Spool, store: AssetStore) -> None:
        self._job_id = job_id
        self._journal = journal
        self._spool = spool
        self._store = store
        self._headers: dict[int, Header] = {}
        self._file: BinaryIO | None = None
        self._output = -1

    def announce(self, header: Header) -> None:
        """Take note of an output's header."""
        self._headers[header["output"]] = header

    async def _open(self, output: int, sequence: int) -> BinaryIO:
        if self._file is not None and self._output == output:
            return self._file
        self.close()
        # For a moment a finished output is in neither place that is known: it moves into the store, then the journal
        # hears of it.
        for _ in range(_OPEN_TRIES):
            ended = (await self._journal.get(self._job_id)).ended
            paths = [*self._spool.paths(self._job_id, output), *await self._stored(output)]
            for path in paths:
                with suppress(FileNotFoundError):
                    self._file, self._output = await asyncio.to_thread(path.open, "rb"), output
                    # Else it may be the file of the next attempt, which is not as long yet.
                    if not await self._journal.holds(self._job_id, sequence):
                        raise _gone()
                    return self._file
            if ended or not await self._journal.holds(self._job_id, sequence):
                break
            await asyncio.sleep(_OPEN_PAUSE_S)
        raise _gone()

    async def _stored(self, output: int) -> list[Path]:
        """Return where a finished output is kept, if it is finished."""
        job = await self._journal.get(self._job_id)
        outputs = (stored for take in job.takes for stored in take["outputs"])
        return [self._store.path(stored["asset_id"]) for stored in outputs if stored["output"] == output]

    async def chunks(self, events: list[AudioEvent]) -> AsyncGenerator[tuple[int, audio_pb2.AudioChunk], None]:
        """Yield the frames that contiguous ``audio`` events of one output tell of, in pieces of `CHUNK_BYTES`.

        With each comes the number of the last event that is told in full with it, so that a reader who goes on after
        that number misses nothing; the next piece is read while this one is on its way.
        """
        output = events[0].body["output"]
        if output not in self._headers:
            for known in await self._journal.headers(self._job_id):
                self.announce(known)
        if output not in self._headers:
            raise _gone()
        header = self._headers[output]
        frame_bytes = wav.encoding_of(header["encoding"]).sample_bytes * header["channels"]
        base = wav.data_offset(header["frames"], header["channels"], header["sample_rate"], header["encoding"])
        chunk_frames = CHUNK_BYTES // frame_bytes
        file = await self._open(output, events[0].sequence)
        start, ends = events[0].body["offset_frames"], [_end_frame(event) for event in events]
        numbers = [events[0].sequence - 1, *(event.sequence for event in events)]

        read_frames = _CHUNKS_PER_READ * chunk_frames

        def read(at: int) -> asyncio.Future[bytes]:
            count = min(read_frames, ends[-1] - at) * frame_bytes
            return asyncio.ensure_future(asyncio.to_thread(_read_at, file, base + at * frame_bytes, count))

        coming = read(start)
        try:
            for read_at in range(start, ends[-1], read_frames):
                data = await coming
                if read_at + read_frames < ends[-1]:
                    coming = read(read_at + read_frames)
                for at in range(read_at, min(read_at + read_frames, ends[-1]), chunk_frames):
                    number = numbers[bisect.bisect_right(ends, at + chunk_frames)]
                    skip = (at - read_at) * frame_bytes
                    piece = data[skip : skip + chunk_frames * frame_bytes]
                    yield number, audio_pb2.AudioChunk(output=output, offset_frames=at, data=piece)
        finally:
            await asyncio.wait([coming])  # it reads from the file that is closed next

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _gone() -> NotFound:
    return NotFound("The audio of this job was deleted or evicted.", remedy="Run the task again.")


def _end_frame(event: AudioEvent) -> int:
    return int(event.body["offset_frames"] + event.body["frames"])


def _audio_output(event: Event) -> int | None:
    return event.body["output"] if event.kind == "audio" else None


def _open_stored(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise _gone() from None


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), count, offset)
    file.seek(offset)
    return file.read(count)


async def file_pieces(path: Path, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    """Yield bytes ``start`` to ``stop`` of a stored file. Raises `NotFound` when it is gone."""
    file = await asyncio.to_thread(_open_stored, path)
    with file:
        for at in range(start, stop, CHUNK_BYTES):
            yield await asyncio.to_thread(_read_at, file, at, min(CHUNK_BYTES, stop - at))


async def events(
    job_id: str, after_sequence: int, journal: Journal, spool: Spool, store: AssetStore
) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
    """Yield the events of a job, audio included, until it has ended.

    Raises `JobFailed` when it ended without a result, `NotFound` when it, or its audio, is no longer there.
    """
    reader = OutputReader(job_id, journal, spool, store)
    try:
        # Closed by hand, from the inside out: a reader that leaves must not close a file that is being read.
        async with aclosing(_told(job_id, after_sequence, journal, reader)) as told:
            async for event in told:
                yield event
    except NotFound:
        # A job that failed while this reader lagged behind has taken its unfinished audio with it.
        if (await journal.get(job_id)).state not in (FAILED, CANCELLED):
            raise
    finally:
        reader.close()
    job = await journal.get(job_id)
    if job.state in (FAILED, CANCELLED):
        error = job.error
        raise JobFailed(
            error["kind"], error["message"], remedy=error.get("remedy", ""), details=error.get("details") or {}
        )


class _Changed(Exception):
    """What was told next is void by now: the job was put back to the queue, has failed, or has dropped the take."""

    def __init__(self, told: int) -> None:
        self.told = told


async def _told(
    job_id: str, after_sequence: int, journal: Journal, reader: OutputReader
) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
    while True:
        try:
            async with aclosing(journal.watch(job_id, after_sequence)) as batches:
                async for batch in batches:
                    async with aclosing(_told_of(batch, job_id, journal, reader)) as told:
                        async for event in told:
                            yield event
                    reader.close()  # while it waits for more: an open file that was removed keeps its space on the disk
            return
        except _Changed as changed:  # noqa: PERF203
            after_sequence = changed.told
            reader.close()


async def _told_of(
    batch: list[Event], job_id: str, journal: Journal, reader: OutputReader
) -> AsyncGenerator[tasks_pb2.TaskEvent, None]:
    """Yield what a batch of the journal tells. Raises `_Changed` when some of it is void by now."""
    for output, events_of in itertools.groupby(batch, _audio_output):
        group = list(events_of)
        if output is not None:
            try:
                audio = [event for event in group if event.kind == "audio"]
                async with aclosing(reader.chunks(audio)) as chunks:
                    async for number, chunk in chunks:
                        yield tasks_pb2.TaskEvent(sequence=number, job_id=job_id, audio_chunk=chunk)
            except NotFound:
                if await journal.holds(job_id, group[0].sequence):
                    raise
                raise _Changed(group[0].sequence - 1) from None
            continue
        for event in group:
            if event.kind in ("header", "take") and not await journal.holds(job_id, event.sequence):
                raise _Changed(event.sequence)
            if event.kind == "header":
                reader.announce(event.body)
            job = await journal.get(job_id) if event.kind == "completed" else None
            fields = event_fields(event.kind, event.body, job)
            yield tasks_pb2.TaskEvent(sequence=event.sequence, job_id=job_id, **fields)
