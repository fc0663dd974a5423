"""Around every handler: its request is checked for what it does not know, its errors become the status of its call.

See `acebridge.contract.status` for the form of a status.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from acebridge.contract.status import DETAILS_KEY, pack_error
from acebridge.errors import AceBridgeError, ErrorReason, JobFailed, explain
from acebridge.server.unknown_fields import check_known
from acestep_runtime.errors import AceStepError

log = logging.getLogger(__name__)

Service = TypeVar("Service")
Request = TypeVar("Request", bound="Message | AsyncIterator[Message]")
Response = TypeVar("Response")


class CallContext(Protocol):
    """What of a ``grpc.aio.ServicerContext`` is needed: who calls, and ways to answer and to end the call."""

    def peer(self) -> str:
        """Return the address of the other side, such as ``ipv4:127.0.0.1:50000``."""
        ...

    async def write(self, message: object) -> None:
        """Send an answer of a stream."""
        ...

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: tuple[tuple[str, str | bytes], ...] = ()
    ) -> NoReturn:
        """End the call with a status; raises ``grpc.aio.AbortError``."""
        ...


async def abort(context: CallContext, error: Exception) -> NoReturn:
    """End a call with what it raised: our errors as they are, the system's as what they mean, all others as a fault."""
    error = explain(error)
    if not isinstance(error, (AceStepError, AceBridgeError)):
        log.error("a call failed", exc_info=error)
        error = JobFailed(
            ErrorReason.INTERNAL, "AceBridge failed at this call.", remedy="See the daemon's log, and please report it."
        )
    packed = pack_error(error)
    await context.abort(packed.code, packed.text, ((DETAILS_KEY, packed.status),))


def refuse(
    error: AceBridgeError, note: Callable[[CallContext], None] = lambda _: None
) -> grpc.RpcMethodHandler[Any, Any]:
    """Return a handler for a call of any kind that refuses it with ``error``, and waits for no request. ``note`` is told."""

    async def end(_requests: object, context: CallContext) -> NoReturn:
        note(context)
        await abort(context, error)

    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(end)
    return handler


def unary(
    handler: Callable[[Service, Request, CallContext], Awaitable[Response]],
) -> Callable[[Service, Request, CallContext], Awaitable[Response]]:
    """Let a method with one answer raise our errors. One that takes a stream of requests checks them itself."""

    @functools.wraps(handler)
    async def call_handler(self: Service, request: Request, context: CallContext) -> Response:
        try:
            if isinstance(request, Message):
                check_known(request)
            return await handler(self, request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await abort(context, error)

    return call_handler


def streaming(
    handler: Callable[[Service, Request, CallContext], Awaitable[AsyncGenerator[Response, None]]],
) -> Callable[[Service, Request, CallContext], AsyncGenerator[Response, None]]:
    """Make a server-streaming method of one that returns the generator of its answers. Both may raise our errors."""

    @functools.wraps(handler)
    async def call_handler(self: Service, request: Request, context: CallContext) -> AsyncGenerator[Response, None]:
        try:
            if isinstance(request, Message):
                check_known(request)
            async with aclosing(await handler(self, request, context)) as responses:
                async for response in responses:
                    yield response
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await abort(context, error)

    return call_handler
