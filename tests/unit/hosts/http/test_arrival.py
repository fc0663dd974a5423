"""Bodies that stop, bodies that nobody reads, clients that leave: sent over real connections, without a daemon."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from acebridge.hosts.http import arrival, serve
from acebridge.hosts.http.edge import Edge

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[bytes]]


def talk_to_edge(home: Path, talk: Talk) -> bytes:
    """Serve while ``talk`` uses a connection and the first headers of a request; return what it returns."""

    async def main() -> bytes:
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve.serve(home, 0, stop, ready=ready.set_result))
        edge: Edge = await ready
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        headers = f"Host: 127.0.0.1:{edge.port}\r\nAuthorization: Bearer {edge.panel_key}\r\nConnection: close\r\n"
        try:
            return await talk(reader, writer, headers)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            stop.set()
            await task

    return asyncio.run(main())


@pytest.mark.parametrize("path", ["/v1/JobService/ListJobs", "/panel/session", "/release_task"])
def test_a_body_that_stops_on_its_way_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(arrival, "PATIENCE_S", 0.1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: str) -> bytes:
        writer.write(f"POST {path} HTTP/1.1\r\n{headers}Content-Length: 9\r\n\r\n{{".encode())
        return await reader.read()

    answer = talk_to_edge(home, talk)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"TIMED_OUT"' in answer


@pytest.mark.parametrize("path", ["/nowhere", "/v1/JobService/ListJobs"])
def test_who_is_refused_while_sending_gets_the_answer(home: Path, path: str) -> None:
    size = 24 << 20  # more than is taken, and than any buffer holds

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: str) -> bytes:
        writer.write(f"POST {path} HTTP/1.1\r\n{headers}Content-Length: {size}\r\n\r\n".encode())
        for _ in range(size >> 20):
            writer.write(b" " * (1 << 20))
            await writer.drain()
        return await reader.read()

    assert talk_to_edge(home, talk).split(b" ")[1] in (b"404", b"429")


def test_a_refusal_does_not_ask_for_the_body(home: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: str) -> bytes:
        writer.write(f"POST /nowhere HTTP/1.1\r\n{headers}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n".encode())
        return await reader.read()

    assert talk_to_edge(home, talk).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("request_line", ["POST /v1/JobService/ListJobs", f"PUT /v1/uploads/{'0' * 64}"])
def test_a_client_that_leaves_amid_a_body_is_no_fault(
    home: Path, caplog: pytest.LogCaptureFixture, request_line: str
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: str) -> bytes:
        piece = "Content-Range: bytes 0-8/9\r\n"
        writer.write(f"{request_line} HTTP/1.1\r\n{headers}{piece}Content-Length: 9\r\n\r\n{{".encode())
        writer.write_eof()
        return await reader.read()

    with caplog.at_level(logging.WARNING):
        assert talk_to_edge(home, talk) == b""
    assert not caplog.records
