"""Calls of the daemon that answer with a stream: begun, read, and ended whichever way their reader leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from acebridge.hosts.http.access import Caller
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.methods import Method


class Stream:
    """The messages of a call under way."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def read(self) -> Message | None:
        """Return the next message, ``None`` at the end. Raises ``grpc.RpcError``."""
        message: Message | Any = await self._call.read()
        return None if message is grpc.aio.EOF else message

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield all messages."""
        while (message := await self.read()) is not None:
            yield message


async def leave(stack: AsyncExitStack, error: BaseException | None) -> None:
    """End what a stack holds, with the error that it ends with; that is not raised again."""
    try:
        await stack.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
    except BaseException as raised:
        if raised is not error:
            raise


@asynccontextmanager
async def open_stream(edge: Edge, caller: Caller, method: Method, message: Message) -> AsyncIterator[Stream]:
    """Begin a call whose answer is a stream; it ends with the block. Raises as `Connections.use` does."""
    async with edge.connections.use(caller.token) as connection:
        multi = connection.channel.unary_stream(
            method.rpc,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.answer.FromString,
        )
        call: Any = multi(message, metadata=await connection.metadata())
        try:
            yield Stream(call)
        finally:
            call.cancel()
