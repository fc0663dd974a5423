"""Whether a call may be answered: it carries a token that the daemon knows, and the token allows the method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from acebridge.errors import AceBridgeError, PermissionDenied, Unauthenticated
from acebridge.paths import TOKEN_FILE
from acebridge.proof import hash_token
from acebridge.server.error_translation import refuse
from acebridge.server.known_tokens import KnownTokens
from acebridge.server.open_calls import CALLER, Caller
from acebridge.server.refused_calls import RefusedCalls
from acebridge.server.scopes import allows, is_open, scopes_for
from acebridge.tokens import NamedToken

Request = TypeVar("Request")
Answer = TypeVar("Answer")
_SCHEME = "bearer"  # in any case, as HTTP has it


class TokenCheck(grpc.aio.ServerInterceptor):
    """Refuses calls without a token, unless that is not ``required``; those with a wrong one; those that it does not allow.

    `grpc.health.v1.Health` needs none.
    """

    def __init__(self, tokens: KnownTokens, refused: RefusedCalls, *, required: bool = True) -> None:
        self._tokens = tokens
        self._refused = refused
        self._required = required

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Answer] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Answer] | None:
        """See `grpc.aio.ServerInterceptor`."""
        values = [value for key, value in handler_call_details.invocation_metadata or () if key == "authorization"]
        error = self._check(handler_call_details.method, values)
        if error is None:
            return await continuation(handler_call_details)
        method, name = handler_call_details.method, CALLER.get().token_name
        return refuse(error, lambda context: self._refused.note(error, method, context.peer(), name))

    def _check(self, method: str, values: list[str | bytes]) -> AceBridgeError | None:
        """Return why a call of a method with these values of its metadata is refused; note whose it is."""
        for value in values:
            text = value if isinstance(value, str) else value.decode("latin-1")
            scheme, _, token = text.partition(" ")
            known = self._tokens.find(hash_token(token)) if scheme.lower() == _SCHEME else None
            if known is None:
                return _WRONG
            CALLER.set(Caller(known.name, known.hash))
            if not is_allowed(known, method):
                return _not_allowed(method)
        return None if values or is_open(method) or not self._required else _MISSING


def is_allowed(token: NamedToken | None, method: str) -> bool:
    """Return whether a token allows a method; one that is not known allows none."""
    return token is not None and (is_open(method) or allows(token.scopes, method))


_MISSING = Unauthenticated(
    "This call carries no token.",
    remedy="Send the metadata `authorization: Bearer TOKEN`, where TOKEN is the text of the file"
    f" `{TOKEN_FILE}` in the daemon's data folder, which `acebridge token show` prints.",
)
_WRONG = Unauthenticated(
    "The token of this call is not the daemon's.",
    remedy=f"Read it again from the file `{TOKEN_FILE}` in the daemon's data folder, also for ACEBRIDGE_TOKEN: each"
    " start of the daemon writes a new one.",
)


def _not_allowed(method: str) -> PermissionDenied:
    name = method.rpartition("/")[2]
    scopes = " or ".join(scopes_for(method))
    return PermissionDenied(
        f"The token of this call does not allow {name}: that needs the scope {scopes}.",
        remedy=f"Make one with `acebridge token new NAME --scope {scopes_for(method)[0]}`.",
    )
