"""The protocol over HTTP, on a loopback port: each request carries a token of the daemon, which decides what it may do.

A page in a browser must not reach this through its user: the Host has to be ours, so has the Origin, where there is one, and
nothing is answered to other sites. The token goes on to the daemon as it is, so its scopes hold.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import Response

from acebridge.background import stop_on_signals
from acebridge.errors import AceBridgeError, ErrorReason, reason_of
from acebridge.hosts.http.access import bearer_of, is_from_here, own_hosts
from acebridge.hosts.http.arrival import Arrival
from acebridge.hosts.http.errors import error_answer
from acebridge.hosts.http.loopback import HOST, open_port, serve_app
from acebridge.hosts.mcp.server import make_server
from acebridge.v1 import daemon_pb2
from acestep_runtime.errors import AceStepError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from acebridge.hosts.mcp.access import Access

DEFAULT_PORT = 50790
PATH = "/mcp"
_ACCESS = "acebridge.access"
#: A token that was valid is not asked about again for so long: the daemon checks it in each call anyway.
_VALID_S = 10.0
#: Tokens that are remembered; the oldest goes.
_MOST_TOKENS = 64
#: The longest body, in bytes; audio comes as a path or an asset.
MAX_BODY_BYTES = 8 << 20


class Guard:
    """Lets requests through that come from this machine's own programs with a token that the daemon knows."""

    def __init__(self, app: ASGIApp, access: Access, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._access, self._clock = app, access, clock
        self._hosts = own_hosts(port)
        #: SHA-256 of a token → until when it counts as valid.
        self._valid: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to foreign pages, 401 without a valid token, 503 without a daemon, all but the last without a body."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not is_from_here(headers, self._hosts):
            await Response(status_code=403)(scope, receive, send)
            return
        token = bearer_of(headers)
        if not token:
            await _ask_for_token()(scope, receive, send)
            return
        access = self._access.with_token(token)
        name = hashlib.sha256(token.encode()).hexdigest()
        try:
            known = self._valid.get(name, 0.0) > self._clock() or await anyio.to_thread.run_sync(_is_valid, access)
        except (AceBridgeError, AceStepError) as error:
            await error_answer(error)(scope, receive, send)
            return
        if not known:
            await _ask_for_token()(scope, receive, send)
            return
        self._note(name)
        scope[_ACCESS] = access
        # A session belongs to the token that opened it.
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=name, scopes=[]))
        await self._app(scope, receive, send)

    def _note(self, name: str) -> None:
        """Note that a token is valid; one that is asked about all the time is asked about again all the same."""
        if self._valid.get(name, 0.0) <= self._clock():
            self._valid.pop(name, None)
            self._valid[name] = self._clock() + _VALID_S
            while len(self._valid) > _MOST_TOKENS:
                del self._valid[next(iter(self._valid))]


def _ask_for_token() -> Response:
    return Response(status_code=401, headers={"www-authenticate": "Bearer"})


def _is_valid(access: Access) -> bool:
    """Return whether the daemon knows the token of an access, whatever it allows. Raises what `Access.connect` does."""
    try:
        with access.connect() as client:
            client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())
    except AceBridgeError as error:
        if reason_of(error) is ErrorReason.UNAUTHENTICATED:
            return False
        if reason_of(error) is not ErrorReason.PERMISSION_DENIED:
            raise
    return True


def make_app(access: Access, port: int, tools: Collection[str] = ()) -> ASGIApp:
    """Return the application for a server on ``port``. ``tools``: see `make_server`."""

    def find_access(context: Any) -> Access:
        found: Access = context.request.scope[_ACCESS]
        return found

    # The guard has checked Host and Origin.
    app = make_server(find_access, tools).streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return Arrival(Guard(app, access, port))


async def serve_http(access: Access, port: int, ready: Callable[[str], None], tools: Collection[str] = ()) -> None:
    """Serve until a signal to end; ``ready`` gets the address once the port is open.

    Raises `Conflict`, and what `make_server` does.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    listener = open_port(port)
    port = listener.getsockname()[1]

    def note() -> None:
        ready(f"http://{HOST}:{port}{PATH}")

    await serve_app(make_app(access, port, tools), listener, stop, on_start=note)
