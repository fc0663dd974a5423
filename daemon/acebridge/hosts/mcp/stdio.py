"""The protocol on standard input and output: how a program that chats starts the server itself."""

from __future__ import annotations

import json
from collections.abc import Collection
from types import TracebackType
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types as types
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from acebridge.hosts.mcp.server import make_server
from acestep_runtime.errors import printable

if TYPE_CHECKING:
    from acebridge.hosts.mcp.access import Access

_REMEDY = "Send JSON-RPC with whole characters, nested less than 200 deep."


async def serve_stdio(access: Access, tools: Collection[str] = ()) -> None:
    """Serve one client until it closes its end; ``tools`` as in `make_server`. Nothing else may write to standard output."""
    server = make_server(lambda _: access, tools)
    async with stdio_server() as (incoming, outgoing):
        await server.run(_Readable(incoming, outgoing), outgoing, server.create_initialization_options())


class _Readable:
    """The messages of a client that can be read. The others are answered here: the library drops them, and a client would wait
    for ever, as for an answer to text with half of an emoji."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    @property
    def last_context(self) -> Any:
        """The context in which the last message was read, as the library wants to know it."""
        return self._incoming.last_context

    async def receive(self) -> SessionMessage:
        """Return the next message that can be read. Raises ``anyio.EndOfStream``."""
        while isinstance(item := await self._incoming.receive(), Exception):
            if (answer := refuse_message(item)) is not None:
                await self._outgoing.send(SessionMessage(answer))
        message: SessionMessage = item
        return message

    async def aclose(self) -> None:
        """Read no more."""
        await self._incoming.aclose()

    def __aiter__(self) -> _Readable:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> _Readable:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def refuse_message(error: Exception) -> types.JSONRPCError | None:
    """Return the answer to a message that cannot be read, with its id where that can be found; ``None`` to an empty line."""
    faults: list[Any] = list(error.errors()) if isinstance(error, ValidationError) else [{"msg": error, "input": {}}]
    sent = next((fault["input"] for fault in faults if isinstance(fault["input"], dict)), faults[0]["input"])
    if isinstance(sent, str) and not sent.strip():
        return None
    code = types.PARSE_ERROR if faults[0].get("type") == "json_invalid" else types.INVALID_REQUEST
    message = f"This message cannot be read: {faults[0]['msg']}. {_REMEDY}"
    return types.JSONRPCError(jsonrpc="2.0", id=_id_in(sent), error=types.ErrorData(code=code, message=message))


def _id_in(message: object) -> int | str | None:
    """Return the id in a message, or in its text: Python reads what the library does not."""
    if isinstance(message, str):
        try:
            message = json.loads(message)
        except (ValueError, RecursionError):
            return None
    found = message.get("id") if isinstance(message, dict) else None
    if isinstance(found, bool) or not isinstance(found, (int, str)):
        return None
    return printable(found) if isinstance(found, str) else found
