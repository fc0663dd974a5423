"""Requests that no method looks at: bytes that are no message of the contract, and far more than any request holds.

They get INVALID_ARGUMENT and one line in the log, whichever method they are sent to. For bytes that are no message gRPC itself
would answer UNKNOWN, and log a trace.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message

from acebridge.server.error_translation import CallContext, abort
from acestep_runtime.errors import InvalidValue

log = logging.getLogger(__name__)
Request = TypeVar("Request")
Response = TypeVar("Response")
#: All of a request but its audio. The longest valid ones take a third of it; what is done for each entry stays short.
MAX_BYTES_BESIDE_AUDIO = 256 * 2**10


class _NoMessage(NamedTuple):
    """Stands for a request that cannot be read."""

    size_bytes: int


class _TooLarge(NamedTuple):
    """Stands for a request with too much beside its audio."""

    size_bytes: int


class RequestCheck(grpc.aio.ServerInterceptor):
    """Refuses requests that cannot be read, and those that hold too much beside their audio."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Response] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Response] | None:
        """See `grpc.aio.ServerInterceptor`."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_deserializer is None:
            return handler
        check: grpc.RpcMethodHandler[Request, Response] = _check_requests(handler, handler_call_details.method)
        return check


def _check_requests(handler: Any, method: str) -> Any:
    """Return a handler that does what ``handler`` does with requests that can be read."""
    kinds = ("stream" if streams else "unary" for streams in (handler.request_streaming, handler.response_streaming))
    kind = "_".join(kinds)
    handle = getattr(handler, kind)
    check = partial(_check_all if handler.request_streaming else _check, method)

    async def call_unary(request: Any, context: CallContext) -> Any:
        try:
            return await handle(check(request), context)
        except InvalidValue as error:
            await abort(context, error)

    async def call_streaming(request: Any, context: CallContext) -> AsyncGenerator[Any, None]:
        try:
            async with aclosing(handle(check(request), context)) as responses:
                async for response in responses:
                    yield response
        except InvalidValue as error:
            await abort(context, error)

    # A coroutine writes its responses itself: grpc.aio knows both kinds.
    call = call_streaming if handler.response_streaming and not inspect.iscoroutinefunction(handle) else call_unary
    return handler._replace(request_deserializer=partial(_read, handler.request_deserializer), **{kind: call})


def _read(deserialize: Callable[[bytes], Request], data: bytes) -> Request | _NoMessage | _TooLarge:
    try:
        request = deserialize(data)
    except Exception:  # whichever the library raises
        return _NoMessage(len(data))
    if len(data) > MAX_BYTES_BESIDE_AUDIO and isinstance(request, Message):
        size_bytes = len(data) - _audio_bytes(request)
        if size_bytes > MAX_BYTES_BESIDE_AUDIO:
            return _TooLarge(size_bytes)
    return request


def _audio_bytes(message: Message) -> int:
    """Return how many bytes of audio a request holds. Its lists, which hold none, are not walked: they may be long."""
    total = 0
    for _, value in message.ListFields():
        if isinstance(value, bytes):
            total += len(value)
        elif isinstance(value, Message):
            total += _audio_bytes(value)
    return total


def _check(method: str, request: Request | _NoMessage | _TooLarge) -> Request:
    if isinstance(request, _TooLarge):
        log.warning("a request is too large", extra={"method": method, "bytes": request.size_bytes})
        raise InvalidValue(
            "request",
            f"{request.size_bytes} bytes",
            f"at most {MAX_BYTES_BESIDE_AUDIO} bytes beside audio",
            message=f"This request holds {request.size_bytes} bytes beside audio; allowed: at most {MAX_BYTES_BESIDE_AUDIO}.",
            remedy="Send shorter texts and lists.",
        )
    if not isinstance(request, _NoMessage):
        return request
    log.warning("a request cannot be read", extra={"method": method, "bytes": request.size_bytes})
    raise InvalidValue(
        "request",
        f"{request.size_bytes} bytes",
        "a message of the contract",
        message=f"The {request.size_bytes} bytes of this request are no message that {method} takes.",
        remedy="Generate the client from the contract in protos/ again, and send what it serialises.",
    )


async def _check_all(method: str, requests: AsyncIterator[Request | _NoMessage | _TooLarge]) -> AsyncIterator[Request]:
    async for request in requests:
        yield _check(method, request)
