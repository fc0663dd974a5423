"""Calls of the daemon's methods that answer once: JSON in, JSON out."""

from __future__ import annotations

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from acebridge.client.async_connection import Connection
from acebridge.contract.json_form import message_json
from acebridge.hosts.http.access import Caller, caller_of
from acebridge.hosts.http.bodies import message_of, read_object
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.errors import answer_json
from acebridge.hosts.http.methods import BY_NAME, Method


async def call_once(connection: Connection, method: Method, message: Message) -> Message:
    """Make a call that answers once. Raises ``grpc.RpcError``."""
    call = connection.channel.unary_unary(
        method.rpc, request_serializer=method.request.SerializeToString, response_deserializer=method.answer.FromString
    )
    answer: Message = await call(message, timeout=method.timeout_s, metadata=await connection.metadata())
    return answer


async def call_daemon(edge: Edge, caller: Caller, service: str, name: str, message: Message) -> Message:
    """Call a method of the daemon as ``caller``. Raises ``grpc.RpcError``, `Unavailable` and what `route_to` does."""
    async with edge.connections.use(caller.token) as connection:
        return await call_once(connection, BY_NAME[service, name], message)


async def answer_call(edge: Edge, method: Method, request: Request) -> Response:
    """Answer ``POST /v1/SERVICE/METHOD``."""
    message = message_of(method, await read_object(request))
    answer = await call_daemon(edge, caller_of(request), method.service, method.name, message)
    return answer_json(message_json(answer))
