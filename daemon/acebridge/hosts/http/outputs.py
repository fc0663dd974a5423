"""An output of a job as a WAV file, also while it is made: the header says its length, the samples follow as they come.

What was sent is the file that is stored in the end, byte for byte. When the daemon is started again meanwhile, or the job, the
file goes on where it was: a take that is made again is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple, cast

import grpc
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from acebridge.contract.enums import encoding_name
from acebridge.contract.status import failure_in
from acebridge.errors import Conflict, ConnectionLost, NotFound, Unavailable
from acebridge.hosts.http.access import Caller, caller_of
from acebridge.hosts.http.audio import answer_asset
from acebridge.hosts.http.calls import call_daemon
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import plain_error
from acebridge.hosts.http.methods import BY_NAME
from acebridge.hosts.http.streams import open_stream
from acebridge.v1 import audio_pb2, jobs_pb2, tasks_pb2
from acestep_runtime.audio import wav
from acestep_runtime.errors import InvalidValue

_WATCH = BY_NAME["JobService", "WatchJob"]
#: How often a daemon that went away is looked for, and the pause before, in seconds.
_TRIES, _PAUSE_S = 60, 0.5


class _Shape(NamedTuple):
    """The bytes around the samples of an output, and how many bytes the samples are."""

    start: bytes
    data_bytes: int
    frame_bytes: int
    end: bytes

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return len(self.start) + self.data_bytes + len(self.end)


def _shape(header: audio_pb2.AudioHeader) -> _Shape:
    encoding, frames, channels = encoding_name(header.encoding), header.frames, header.channels
    frame_bytes = wav.encoding_of(encoding).sample_bytes * channels
    start = wav.header(frames, channels, header.sample_rate, encoding, header.chunks)
    return _Shape(start, frames * frame_bytes, frame_bytes, wav.trailer(frames, channels, encoding))


async def answer_output(edge: Edge, request: Request) -> Response:
    """Answer ``GET`` and ``HEAD /v1/jobs/JOB_ID/outputs/N/audio``."""
    caller, job_id, text = caller_of(request), request.path_params["job_id"], request.path_params["output"]
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 6):
        allowed, remedy = "the number of an output, 1 or more", "GetJob has the numbers of its outputs."
        raise InvalidValue("output", text[:40], allowed, remedy=remedy)
    number = int(text)
    job = await _get_job(edge, caller, job_id)
    for output in (output for take in job.takes for output in take.outputs):
        if output.output == number:
            return await answer_asset(edge, caller, output.asset_id, request)
    failed = failure_in(job.error)
    if failed is not None:
        raise failed
    if job.state == jobs_pb2.JOB_STATE_SUCCEEDED:
        raise _no_output(job.id, number)
    headers = {"Accept-Ranges": "none"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type="audio/wav")
    growing = _Growing(edge, caller, job.id, number)
    pieces = growing.pieces()
    if not await _begin(pieces, request):
        return Response()
    headers["Content-Length"] = str(growing.size_bytes)
    return StreamingResponse(pieces, headers=headers, media_type="audio/wav")


def _no_output(job_id: str, number: int) -> NotFound:
    return NotFound(f"Job {job_id} has no output {number}.", remedy="Its takes say which outputs there are.")


async def _get_job(edge: Edge, caller: Caller, job_id: str) -> jobs_pb2.Job:
    request = jobs_pb2.GetJobRequest(job_id=job_id)
    return cast(jobs_pb2.Job, await call_daemon(edge, caller, "JobService", "GetJob", request))


async def _begin(pieces: AsyncGenerator[bytes, None], request: Request) -> bool:
    """Wait until the output begins; return whether the client is still there then. Raises why it does not begin."""
    beginning = asyncio.ensure_future(anext(pieces))
    leaving = asyncio.create_task(_wait_for_leave(request))
    try:
        await asyncio.wait([beginning, leaving], return_when=asyncio.FIRST_COMPLETED)
        if beginning.done():
            beginning.result()
            return True
        return False
    finally:
        for task in (beginning, leaving):
            task.cancel()
        await asyncio.wait([beginning, leaving])


async def _wait_for_leave(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Growing:
    """The file of an output that is made."""

    def __init__(self, edge: Edge, caller: Caller, job_id: str, number: int) -> None:
        self._edge, self._caller, self._job_id, self._number = edge, caller, job_id, number
        self._shape: _Shape | None = None
        #: Bytes of samples that were sent.
        self._sent = 0

    @property
    def size_bytes(self) -> int:
        """The size of the file, once it has begun."""
        assert self._shape is not None
        return self._shape.size_bytes

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield nothing once the size is known, then the bytes. Raises what the job fails with, and `Conflict`."""
        tries = 0
        while True:
            try:
                async with aclosing(self._read()) as pieces:
                    async for piece in pieces:
                        tries = 0
                        yield piece
                return
            except (grpc.RpcError, Unavailable) as error:  # noqa: PERF203
                tries += 1
                if tries > _TRIES or not isinstance(plain_error(error), (ConnectionLost, Unavailable)):
                    raise
                await asyncio.sleep(_PAUSE_S)

    async def _read(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes that follow what was sent, until the output is whole or the connection breaks."""
        watch = jobs_pb2.WatchJobRequest(job_id=self._job_id)
        async with open_stream(self._edge, self._caller, _WATCH, watch) as stream:
            async for event in stream:
                assert isinstance(event, tasks_pb2.TaskEvent)
                kind = event.WhichOneof("event")
                if kind == "audio_header" and event.audio_header.output == self._number:
                    shape = _shape(event.audio_header)
                    if self._shape is None:
                        self._shape = shape
                        yield b""
                        yield shape.start
                    elif shape != self._shape:
                        raise Conflict("Another engine went on with the job.", remedy="Read the output again.")
                elif kind == "audio_chunk" and event.audio_chunk.output == self._number:
                    if data := self._new_bytes(event.audio_chunk):
                        yield data
                elif kind == "take_finished" and any(
                    output.output == self._number for output in event.take_finished.outputs
                ):
                    assert self._shape is not None
                    yield self._shape.end
                    return
        raise _no_output(self._job_id, self._number)

    def _new_bytes(self, chunk: audio_pb2.AudioChunk) -> bytes:
        """Return what of a chunk was not sent yet."""
        assert self._shape is not None
        at = chunk.offset_frames * self._shape.frame_bytes
        data = chunk.data[max(0, self._sent - at) :]
        self._sent = max(self._sent, at + len(chunk.data))
        return data
