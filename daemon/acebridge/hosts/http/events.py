"""The events of a job as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html.

    id: 12                   the sequence, from which a stream resumes
    event: progress          the kind: queued, started, progress, audio_header, take_finished, completed
    data: {"sequence": 12, "job_id": "…", "progress": {…}}

A stream ends behind ``completed``, or behind an ``error`` whose data is the body of an error. Audio is left out unless the
query says ``audio=1``: what plays it reads the output as a file, see `acebridge.hosts.http.outputs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from acebridge.contract.json_form import message_json
from acebridge.contract.status import unpack_error
from acebridge.contract.tasks import TaskRequest, wrap
from acebridge.errors import AceBridgeError
from acebridge.hosts.http.access import caller_of
from acebridge.hosts.http.bodies import message_of, read_object
from acebridge.hosts.http.calls import call_daemon
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import error_body, json_bytes, plain_error
from acebridge.hosts.http.methods import BY_NAME, Method
from acebridge.hosts.http.streams import Stream, leave, open_stream
from acebridge.v1 import jobs_pb2, tasks_pb2
from acestep_runtime.errors import AceStepError, InvalidValue

#: After how many seconds without an event a stream says that it is there: what is between would close it.
KEEPALIVE_S = 15.0
#: How long a request may wait for its first event before it is answered: an error that comes first is a status of HTTP.
_FIRST_S = 1.0
_EVENTS = "text/event-stream"
#: What it says then.
KEEPALIVE = b": \n\n"
#: What a client waits before it connects again, in ms.
_BEGIN = b"retry: 1000\n\n"
_WATCH = BY_NAME["JobService", "WatchJob"]


async def answer_task(edge: Edge, method: Method, request: Request) -> Response:
    """Answer the call of a method that streams the events of a job."""
    with_audio = _flag(request, "audio")
    message = message_of(method, await read_object(request))
    if not with_audio:
        message = await _begin_job(edge, method, message, request)
        method = _WATCH
    return await _answer_events(edge, method, message, request, with_audio=with_audio)


async def _begin_job(edge: Edge, method: Method, message: Message, request: Request) -> jobs_pb2.WatchJobRequest:
    """Create the job that a method would; return the request for its events without audio, which nobody reads then."""
    caller = caller_of(request)
    if isinstance(message, jobs_pb2.WatchJobRequest):
        message.without_audio = True
        return message
    if isinstance(message, jobs_pb2.NextBatchRequest):
        async with open_stream(edge, caller, method, message) as stream:
            first = await stream.read()
        assert isinstance(first, tasks_pb2.TaskEvent)
        return jobs_pb2.WatchJobRequest(job_id=first.job_id, without_audio=True)
    create = jobs_pb2.CreateJobRequest(request=wrap(cast(TaskRequest, message)))
    job = cast(jobs_pb2.Job, await call_daemon(edge, caller, "JobService", "CreateJob", create))
    return jobs_pb2.WatchJobRequest(job_id=job.id, without_audio=True)


async def answer_watch(edge: Edge, request: Request) -> Response:
    """Answer ``GET`` and ``HEAD /v1/jobs/JOB_ID/events``.

    The events are those behind Last-Event-ID, a header, or ``after_sequence``, in the query.
    """
    name = "Last-Event-ID" if "last-event-id" in request.headers else "after_sequence"
    text = request.headers.get("last-event-id") or request.query_params.get("after_sequence") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        allowed = "the sequence of an event, 0 or more"
        remedy = "Send that of the last event that was seen, or leave it out."
        raise InvalidValue(name, text[:40], allowed, remedy=remedy)
    with_audio, job_id = _flag(request, "audio"), request.path_params["job_id"]
    if request.method == "HEAD":  # whoever asks waits for no event, nor does what follows on the connection
        await call_daemon(edge, caller_of(request), "JobService", "GetJob", jobs_pb2.GetJobRequest(job_id=job_id))
        return Response(media_type=_EVENTS)
    message = jobs_pb2.WatchJobRequest(job_id=job_id, after_sequence=int(text), without_audio=not with_audio)
    try:
        return await _answer_events(edge, _WATCH, message, request, with_audio=with_audio)
    except grpc.RpcError as error:
        if not message.after_sequence or unpack_error(error).details.get("field") != "after_sequence":
            raise
    # The daemon was killed before its disk had the last events: those that take their place are not missed from the start.
    message.after_sequence = 0
    return await _answer_events(edge, _WATCH, message, request, with_audio=with_audio)


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "0")
    if text not in ("0", "1"):
        raise InvalidValue(name, text[:40], "0 or 1", remedy="Leave it out for 0.")
    return text == "1"


async def _answer_events(
    edge: Edge, method: Method, message: Message, request: Request, *, with_audio: bool
) -> Response:
    events = _Events(edge, method, message, request, with_audio=with_audio)
    await events.begin()
    return StreamingResponse(events.encode(), media_type=_EVENTS, headers={"X-Accel-Buffering": "no"})


class _Events:
    """The events of one call; the call ends when their reader does."""

    def __init__(self, edge: Edge, method: Method, message: Message, request: Request, *, with_audio: bool) -> None:
        self._stopping = edge.stopping
        self._open = open_stream(edge, caller_of(request), method, message)
        self._with_audio = with_audio
        self._stack = AsyncExitStack()
        self._stream: Stream | None = None
        self._next: asyncio.Task[Message | None] | None = None

    async def begin(self) -> None:
        """Begin the call. Raises what it fails with before its first event, if that is soon."""
        try:
            self._stream = await self._stack.enter_async_context(self._open)
            self._next = asyncio.create_task(self._stream.read())
            await asyncio.wait([self._next], timeout=_FIRST_S)
            if self._next.done():
                self._next.result()
        except BaseException as error:
            await self._end(error)
            raise

    async def encode(self) -> AsyncGenerator[bytes, None]:
        """Yield the events as they are sent."""
        assert self._next is not None
        assert self._stream is not None
        failure: BaseException | None = None
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            yield _BEGIN
            while not stopping.done():
                await asyncio.wait([self._next, stopping], timeout=KEEPALIVE_S, return_when=asyncio.FIRST_COMPLETED)
                if not self._next.done():
                    yield KEEPALIVE
                    continue
                event = self._next.result()
                if event is None:
                    break
                self._next = asyncio.create_task(self._stream.read())
                assert isinstance(event, tasks_pb2.TaskEvent)
                if data := _encode_event(event, with_audio=self._with_audio):
                    yield data
        except (grpc.RpcError, AceBridgeError, AceStepError) as error:
            failure = error
            yield event_bytes("error", error_body(plain_error(error)))
        finally:
            stopping.cancel()
            await self._end(failure)

    async def _end(self, error: BaseException | None) -> None:
        # Where the client has left, all that waits here is cancelled: nothing may wait before the call has ended.
        if self._next is not None:
            self._next.cancel()
            self._next.add_done_callback(_forget)
        await leave(self._stack, error)


def _forget(task: asyncio.Task[Message | None]) -> None:
    """Take note of what a task failed with that nobody waits for."""
    if not task.cancelled():
        task.exception()


def _encode_event(event: tasks_pb2.TaskEvent, *, with_audio: bool) -> bytes:
    """Return an event as it is sent; nothing where it is left out."""
    kind = event.WhichOneof("event")
    if kind is None or (kind == "audio_chunk" and not with_audio):
        return b""
    return b"id: %d\n" % event.sequence + event_bytes(kind, message_json(event))


def event_bytes(kind: str, value: Any) -> bytes:
    """Return an event without a number as it is sent; ``value`` is its data, as JSON."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json_bytes(value))
