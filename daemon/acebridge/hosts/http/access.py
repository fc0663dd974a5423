"""Who may call. Every request passes here before anything looks at it.

A page of another site can have a browser send requests to this machine, also under a name of its own that leads to loopback.
So the Host header must name loopback, an Origin must be the edge itself, and nothing but a header of ours, which a foreign page
cannot send, opens anything: there are no cookies, and no permission for other origins.
"""

from __future__ import annotations

import logging
from hmac import compare_digest
from typing import NamedTuple

import grpc
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acebridge.client.own_daemon import TOKEN
from acebridge.errors import AceBridgeError, ErrorReason, Unauthenticated
from acebridge.hosts.http.errors import plain_error, refusal

log = logging.getLogger(__name__)

#: What the page may load: its own files, and the audio that it makes itself.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NO_POLICY = "default-src 'none'; frame-ancestors 'none'"
_SAFE = ("GET", "HEAD")
#: What is for the key of the panel alone.
PANEL_API = "/panel/api/"
_LINKS = "/v1/links/"
#: What looks for a code, or for a token in the body, itself.
_OPEN_POSTS = ("/panel/session", "/release_task", "/query_result")
_SEND = "Send the header `Authorization: Bearer TOKEN`, with one that `acebridge token new` made."


class Caller(NamedTuple):
    """Who calls: ``token`` is passed on to the daemon; ``None`` is its own, which the key of the panel stands for."""

    token: str | None

    @property
    def is_panel(self) -> bool:
        """Whether it has the key of the panel."""
        return self.token is None


def caller_of(request: Request) -> Caller:
    """Return who makes a request that needs a key."""
    caller: Caller = request.scope["caller"]
    return caller


def caller_from(request: Request, key: str, token: object) -> Caller:
    """Return who makes a request that may have its token in the body. Raises `Unauthenticated`."""
    text = bearer_of(request.headers) or (token if isinstance(token, str) and TOKEN.fullmatch(token) else "")
    if not text:
        raise Unauthenticated("This request has no token.", remedy=_SEND)
    return _caller(text, key)


def bearer_of(headers: Headers) -> str:
    """Return the token in the header of a request; empty where there is none."""
    kind, _, text = headers.get("authorization", "").partition(" ")
    text = text.strip()
    return text if kind.lower() == "bearer" and TOKEN.fullmatch(text) else ""


def _caller(text: str, key: str) -> Caller:
    return Caller(None if compare_digest(text, key) else text)


def _is_open(method: str, path: str) -> bool:
    """Return whether a request needs no key: what holds no secret, and what is a secret itself."""
    if method == "POST" and path in _OPEN_POSTS:
        return True
    if method not in _SAFE or path.startswith(PANEL_API):
        return False
    return path in ("/", "/health", "/openapi.json", "/v1/audio") or path.startswith(("/panel/", _LINKS))


def own_hosts(port: int) -> frozenset[str]:
    """Return what the Host header of a request to us may hold."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def is_from_here(headers: Headers, hosts: frozenset[str]) -> bool:
    """Return whether a request is for one of ``hosts``, and comes from a page of ours or from no page."""
    named, origins = headers.getlist("host"), headers.getlist("origin")
    if len(named) != 1 or named[0].lower() not in hosts:
        return False
    if any(origin.lower() not in {f"http://{host}" for host in hosts} for origin in origins):
        return False
    return headers.get("sec-fetch-site", "") not in ("cross-site", "same-site")


class Guard:
    """Lets requests to ``app`` in that come from this machine, from our own page or from no page, and have a key."""

    def __init__(self, app: ASGIApp, *, port: int, panel_key: str) -> None:
        self._app = app
        self._key = panel_key
        self._hosts = own_hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        refused = self._check(scope)
        target, seal = self._app if refused is None else refused, _Seal(send)
        try:
            await target(scope, receive, seal)
        except Exception as error:
            if not seal.has_begun or not isinstance(error.__cause__ or error, (grpc.RpcError, AceBridgeError)):
                raise
            # The connection closes before the length that was announced, which says all that can be said now.
            log.warning("an answer broke off: %s", plain_error(error.__cause__ or error))  # type: ignore[arg-type]

    def _check(self, scope: Scope) -> Response | None:
        """Return why a request is refused; note who makes one that is not."""
        headers = Headers(scope=scope)
        method, path = scope["method"], scope["path"]
        if not is_from_here(headers, self._hosts):
            return Response(status_code=403)
        if _is_open(method, path):
            return None
        text = bearer_of(headers)
        if not text:
            return refusal(401, ErrorReason.UNAUTHENTICATED, "This request has no token.", _SEND)
        scope["caller"] = _caller(text, self._key)
        if path.startswith(PANEL_API) and not scope["caller"].is_panel:
            return refusal(
                403,
                ErrorReason.PERMISSION_DENIED,
                "This is for the panel alone.",
                "Open it with `acebridge panel`.",
            )
        return None


class _Seal:
    """Adds the headers to an answer that all of them have."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            given = {name.lower() for name, _ in message["headers"]}
            for name, value in (
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"no-referrer"),
                (b"cache-control", b"no-store"),
                (b"content-security-policy", _NO_POLICY.encode()),
                (b"cross-origin-resource-policy", b"same-origin"),
            ):
                if name not in given:
                    message["headers"] = [*message["headers"], (name, value)]
        await self._send(message)
