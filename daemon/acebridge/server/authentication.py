"""Whether a call may be answered: the token in its metadata is the one in the data folder, or it carries none."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import grpc

from acebridge.atomic_files import write_whole
from acebridge.errors import Unauthenticated
from acebridge.paths import TOKEN_FILE
from acebridge.server.error_translation import CallContext, abort

Request = TypeVar("Request")
Answer = TypeVar("Answer")
_TOKEN_BYTES = 32
_SCHEME = "bearer"  # in any case, as HTTP has it


def write_token(home: Path) -> str:
    """Make a new token, write it into the data folder for its user alone, and return it."""
    token = secrets.token_hex(_TOKEN_BYTES)
    write_whole(home / TOKEN_FILE, [token.encode()], private=True)
    return token


class TokenCheck(grpc.aio.ServerInterceptor):
    """Refuses calls whose token is not ``token``, with UNAUTHENTICATED."""

    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Answer] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Answer] | None:
        """See `grpc.aio.ServerInterceptor`."""
        handler = await continuation(handler_call_details)
        values = [value for key, value in handler_call_details.invocation_metadata or () if key == "authorization"]
        if handler is None or all(self._is_ours(value) for value in values):
            return handler
        return _refusal(handler)

    def _is_ours(self, value: str | bytes) -> bool:
        text = value if isinstance(value, str) else value.decode("latin-1")
        scheme, _, token = text.partition(" ")
        return scheme.lower() == _SCHEME and hmac.compare_digest(token.encode(), self._expected)


def _refusal(handler: grpc.RpcMethodHandler[Request, Answer]) -> grpc.RpcMethodHandler[Request, Answer]:
    """Return a handler for the same kind of call that refuses it."""
    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = kinds[handler.request_streaming, handler.response_streaming]
    return make(_refuse, handler.request_deserializer, handler.response_serializer)


async def _refuse(_request: object, context: CallContext) -> NoReturn:
    await abort(
        context,
        Unauthenticated(
            "The token of this call is not the daemon's.",
            remedy=f"Read it again from the file `{TOKEN_FILE}` in the daemon's data folder, also for ACEBRIDGE_TOKEN: each"
            " start of the daemon writes a new one.",
        ),
    )
