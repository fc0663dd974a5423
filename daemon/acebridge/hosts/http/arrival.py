"""How the bodies of requests arrive: one that stops on its way is given up, one that is refused is taken in first.

Without the first a client that hangs would hold its request for ever. Without the second a client that is still sending when
the connection closes would lose the answer, which says why.
"""

from __future__ import annotations

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: How long the next bytes of a body may take, in seconds.
PATIENCE_S = 60.0
#: How much of a body is taken in that nobody reads, and for how long.
_MOST_BYTES, _MOST_S = 64 << 20, 2.0


class Arrival:
    """Gives ``app`` requests whose bodies arrive in time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        waits_for_us = any(name == b"expect" for name, _ in scope["headers"])
        body = _Body(receive, send, is_drained=not waits_for_us)
        await self._app(scope, body.receive, body.send)


class _Body:
    """The body of a request on its way."""

    def __init__(self, receive: Receive, send: Send, *, is_drained: bool) -> None:
        self._receive, self._send = receive, send
        self._is_drained = is_drained
        self._is_over = False

    async def receive(self) -> Message:
        """Return what arrives next. Raises ``HTTPException`` with status 408 where nothing does."""
        if self._is_over:
            return await self._receive()
        try:
            with anyio.fail_after(PATIENCE_S):
                return self._note(await self._receive())
        except TimeoutError:
            self._is_over = True
            raise HTTPException(408) from None

    def _note(self, message: Message) -> Message:
        self._is_over = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send an answer; before a refusal take in what is left of the body."""
        if self._is_drained and message["type"] == "http.response.start" and message["status"] >= 400:
            with anyio.move_on_after(_MOST_S):
                taken = 0
                while not self._is_over and taken < _MOST_BYTES:
                    taken += len(self._note(await self._receive()).get("body", b""))
        await self._send(message)
