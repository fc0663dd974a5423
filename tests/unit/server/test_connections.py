"""Connections that say nothing, hold nothing, or are not there any more: a server with the daemon's options closes them."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from acebridge.server import connections
from tests.support.daemon import PATIENCE_S

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _SETTINGS, _PING = 1, 4, 6
_END_HEADERS = 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def text(name: bytes, value: bytes) -> bytes:
    """A header that is not in the table of HPACK."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


PATH = b"/grpc.health.v1.Health/Watch"
#: POST, http, a path, the beginning of a call that never sends its request.
CALL = frame(
    _HEADERS, _END_HEADERS, 1,
    b"\x83\x86\x04" + bytes((len(PATH),)) + PATH + text(b":authority", b"x") + text(b"content-type", b"application/grpc")
    + text(b"te", b"trailers"),
)  # fmt: skip


def read_until_closed(port: int, *sent: bytes) -> bytes:
    """Connect, send something, answer nothing, and return what comes until the server closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"".join(sent))
        while data := connection.recv(65536):
            received += data
    return received


def serve(monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], client: Callable[[int], Any]) -> Any:
    """Run a client in a thread beside a server whose limits are these."""
    for name, value in limits.items():
        monkeypatch.setattr(connections, name, value)

    async def scenario() -> Any:
        server = grpc.aio.server(options=connections.connection_options(8))
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            return await asyncio.to_thread(client, port)
        finally:
            await server.stop(None)
            del server  # while there is a loop: it stops again when it is deleted
            gc.collect()
            await asyncio.sleep(0)

    return asyncio.run(scenario())


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {"HANDSHAKE_S": 0.3}, read_until_closed)


def test_a_connection_without_a_call_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    received = serve(
        monkeypatch, {"IDLE_CONNECTION_S": 0.3}, lambda port: read_until_closed(port, _PREFACE, frame(_SETTINGS, 0, 0))
    )
    assert received.endswith(b"connection idle")


def test_a_connection_that_does_not_answer_is_closed_even_with_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    received = serve(
        monkeypatch,
        {"IDLE_CONNECTION_S": 0.1, "KEEPALIVE_S": 0.3, "KEEPALIVE_TIMEOUT_S": 0.3},
        lambda port: read_until_closed(port, _PREFACE, frame(_SETTINGS, 0, 0), CALL),
    )
    kinds = []
    while received:
        kinds.append(received[3])
        received = received[9 + int.from_bytes(received[:3], "big") :]
    assert _PING in kinds
