"""The calls that are open: how many there may be, and those that the daemon ends before they end themselves.

A call ends from this side when its token is revoked, when the client sends nothing more of an upload, and when it does not read
what it is sent. All that it holds is freed then: an upload its place and its file, a stream the file that it reads.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeVar

import grpc

from acebridge.errors import AceBridgeError, Busy, TimedOut, Unauthenticated
from acebridge.server.error_translation import CallContext, abort, refuse
from acebridge.tokens import OWN_NAME

Request = TypeVar("Request")
Response = TypeVar("Response")
#: How the names of gRPC's own methods begin, health and reflection.
OWN_SERVICES = ("/grpc.",)
#: Calls of those that may be open: health needs no token, and must not take what the others need.
MAX_OWN_CALLS = 64
#: By this clients find a daemon. It ends at once, and is never refused.
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
UPLOAD = "/acebridge.v1.AssetService/UploadAsset"
#: Seconds between two looks at the open calls.
LOOK_S = 1.0


class Caller(NamedTuple):
    """Who calls: the name of the token, as the user gave it, and its hash; both empty where the call has none."""

    token_name: str = ""
    token_hash: str = ""

    @property
    def owner(self) -> str:
        """Whose the jobs of the call are: without a token those of the daemon's user."""
        return self.token_name or OWN_NAME


#: Who makes the call that the running task answers.
CALLER: ContextVar[Caller] = ContextVar("CALLER", default=Caller())  # noqa: B039 - it cannot be changed


@dataclass(frozen=True)
class CallLimits:
    """How many calls may be open, of how many uploads, and how many seconds a client may let one wait."""

    calls: int
    uploads: int
    idle_upload_s: float
    stalled_reader_s: float


@dataclass(eq=False)
class OpenCall:
    """A call, and the task that answers it. ``error`` is why it was ended from this side."""

    method: str
    caller: Caller
    task: asyncio.Task[Any]
    #: Since when it waits for the client, and whether for its request: else it has to read.
    waits_since: float | None
    sends: bool = True
    error: AceBridgeError | None = None

    def end(self, error: AceBridgeError) -> None:
        """End it as failed."""
        self.error = error
        self.task.cancel()


class OpenCalls(grpc.aio.ServerInterceptor):
    """Counts the calls of our services, those of all methods whose names do not begin as one of ``ignored``; refuses too many.

    ``count`` is how many are open, ``begun`` how many have begun since the start, ``last_end`` when one ended last, in seconds
    of ``clock``.
    """

    def __init__(
        self,
        limits: CallLimits,
        clock: Callable[[], float] = time.monotonic,
        *,
        ignored: tuple[str, ...] = OWN_SERVICES,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._ignored = ignored
        #: Calls of our services, and of gRPC's.
        self._open: set[OpenCall] = set()
        self._own: set[OpenCall] = set()
        self.begun = 0
        self.last_end = clock()

    @property
    def count(self) -> int:
        """How many calls of our services are open."""
        return len(self._open)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Response] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Response] | None:
        """Note that a call begins. It ends with the task that it has: gRPC runs interceptors in the task of their call."""
        task = asyncio.current_task()
        assert task is not None
        method = handler_call_details.method
        is_own = method.startswith(self._ignored)
        if error := self._too_many(method, is_own):
            return refuse(error)
        call = OpenCall(method, CALLER.get(), task, self._clock())
        self._begin(call, is_own)
        handler = await continuation(handler_call_details)
        watched: grpc.RpcMethodHandler[Request, Response] | None = (
            None if handler is None else self._watch(handler, call)
        )
        return watched

    def _begin(self, call: OpenCall, is_own: bool) -> None:
        calls = self._own if is_own else self._open
        calls.add(call)
        self.begun += not is_own

        def end(_: object) -> None:
            calls.discard(call)
            if not is_own:
                self.last_end = self._clock()

        call.task.add_done_callback(end)

    def _too_many(self, method: str, is_own: bool) -> Busy | None:
        """Return why one more call of a method is refused."""
        limits = self._limits
        if is_own:
            if len(self._own) >= MAX_OWN_CALLS and method != HEALTH_CHECK:
                return Busy(f"{MAX_OWN_CALLS} calls of gRPC's own services are open.", remedy="End some of them.")
        elif self.count >= limits.calls:
            return Busy(
                f"{limits.calls} calls are open.",
                remedy="End some of them, or raise max_open_calls in config.toml.",
            )
        elif method == UPLOAD and sum(call.method == UPLOAD for call in self._open) >= limits.uploads:
            return Busy(
                f"{limits.uploads} uploads are under way.",
                remedy="Try again when one has ended, or raise max_uploads in config.toml.",
            )
        return None

    # ---- ending calls ----

    def end_forbidden(self, allows: Callable[[str, str], bool]) -> None:
        """End the calls whose tokens were revoked. ``allows`` says whether the token with a hash allows a method."""
        calls = [call for call in (*self._open, *self._own) if call.caller.token_hash and call.error is None]
        allowed = {key: allows(*key) for key in {(call.caller.token_hash, call.method) for call in calls}}
        for call in calls:
            if not allowed[call.caller.token_hash, call.method]:
                call.end(_REVOKED)

    def end_idle(self) -> None:
        """End the calls that wait for their clients for too long."""
        now, limits = self._clock(), self._limits
        for call in (*self._open, *self._own):
            if call.waits_since is None or call.error is not None:
                continue
            limit_s = limits.idle_upload_s if call.sends else limits.stalled_reader_s
            if now - call.waits_since > limit_s:
                call.end(_idle(call.sends, limit_s))

    # ---- watching what a call does ----

    def _watch(self, handler: Any, call: OpenCall) -> Any:
        """Return a handler that does what ``handler`` does, notes when it waits for the client, and says why it was ended.

        It takes a stream of requests, of which there is one where ``handler`` takes one: a client that sends none gets its end
        then, while gRPC would wait for it first.
        """
        takes, gives = (
            "stream" if streams else "unary" for streams in (handler.request_streaming, handler.response_streaming)
        )
        handle = getattr(handler, f"{takes}_{gives}")

        async def read(requests: AsyncIterator[Any]) -> Any:
            iterator = aiter(requests)
            return self._read_all(iterator, call) if handler.request_streaming else await self._read(iterator, call)

        async def call_unary(requests: AsyncIterator[Any], context: CallContext) -> Any:
            try:
                request = await read(requests)
                return None if request is None else await handle(request, context)
            except asyncio.CancelledError:
                await _say_why(call, context)
                raise

        async def call_streaming(requests: AsyncIterator[Any], context: CallContext) -> None:
            try:
                request = await read(requests)
                if request is not None:
                    async with aclosing(handle(request, context)) as responses:
                        async for response in responses:
                            call.waits_since, call.sends = self._clock(), False
                            await context.write(response)
                            call.waits_since = None
            except asyncio.CancelledError:
                await _say_why(call, context)
                raise

        # A coroutine writes its responses itself.
        streams = handler.response_streaming and not inspect.iscoroutinefunction(handle)
        answer = call_streaming if streams else call_unary
        return handler._replace(request_streaming=True, **{f"stream_{gives}": answer})

    async def _read(self, requests: AsyncIterator[Any], call: OpenCall) -> Any:
        """Return the next request, ``None`` after the last; note how long the client lets the call wait for it."""
        call.waits_since, call.sends = self._clock(), True
        try:
            return await anext(requests, None)
        finally:
            call.waits_since = None

    async def _read_all(self, requests: AsyncIterator[Any], call: OpenCall) -> AsyncIterator[Any]:
        while (request := await self._read(requests, call)) is not None:
            yield request


async def _say_why(call: OpenCall, context: CallContext) -> None:
    """End a call with the reason that it was ended for, if it was ended from this side."""
    if call.error is None:
        return
    if call.sends or call.waits_since is None:
        await abort(context, call.error)
    # Who does not read would let this wait as well: it is told once it reads.
    telling = asyncio.create_task(abort(context, call.error))
    _TELLING.add(telling)
    telling.add_done_callback(_forget)


def _forget(end: asyncio.Task[NoReturn]) -> None:
    _TELLING.discard(end)
    if not end.cancelled():
        end.exception()  # there is always one: it ends the call


#: The ends of calls whose clients do not read: nothing else keeps these tasks.
_TELLING: set[asyncio.Task[NoReturn]] = set()
_REVOKED = Unauthenticated(
    "The token of this call was revoked.", remedy="Make another one with `acebridge token new NAME`."
)


def _idle(sends: bool, limit_s: float) -> TimedOut:
    if sends:
        return TimedOut(
            f"Nothing has arrived for {limit_s:g} s.", remedy="Send the file again, without pauses between its parts."
        )
    return TimedOut(
        f"Nothing was read for {limit_s:g} s.",
        remedy="Resume with WatchJob after the last sequence number, or download the rest by its offset.",
    )
