"""A port of this machine: one that is taken, connections that bring no request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from acebridge.errors import Conflict
from acebridge.hosts.http import loopback
from acebridge.hosts.http.loopback import open_port, serve_app


def test_a_port_that_is_taken_is_said() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"^Port {port} of 127.0.0.1 cannot be opened") as caught:
            open_port(port, setting=", or in config.toml")
        assert "--port, or in config.toml; 0" in caught.value.remedy


async def greet(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers every request."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize(
    ("beginning", "more"),
    [(b"", b""), (b"GET / HTTP/1.1\r\n", b"X"), (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"")],
)
def test_a_connection_that_brings_no_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, beginning: bytes, more: bytes
) -> None:
    monkeypatch.setattr(loopback, "IDLE_S", 0.2)

    async def main() -> bytes:
        stop, started, listener = asyncio.Event(), asyncio.Event(), open_port(0)
        port = listener.getsockname()[1]
        serving = asyncio.create_task(serve_app(greet, listener, stop, on_start=started.set))
        await started.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(beginning)

        async def drip() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(more)
                    await writer.drain()
                    await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        data = b""
        with contextlib.suppress(ConnectionError):
            data = await reader.read()  # ends when the connection does
        dripping.cancel()
        writer.close()
        stop.set()
        await serving
        return data

    data = asyncio.run(main())
    assert data.startswith(b"HTTP/1.1 200") == (beginning.endswith(b"\r\n\r\n"))


def test_a_request_that_takes_its_time_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "IDLE_S", 0.1)
    release = asyncio.Event()

    async def wait(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(0.5)
            release.set()
        await greet(scope, receive, send)

    async def main() -> bytes:
        stop, started, listener = asyncio.Event(), asyncio.Event(), open_port(0)
        port = listener.getsockname()[1]
        serving = asyncio.create_task(serve_app(wait, listener, stop, on_start=started.set))
        await started.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        data = await reader.read()
        writer.close()
        stop.set()
        await serving
        return data

    assert asyncio.run(main()).endswith(b"ok")
    assert release.is_set()


def test_a_start_that_fails_closes_all_in_order(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        await greet(scope, receive, send)
        ended.append(scope["type"])

    def fail() -> None:
        raise OSError("the disk is full")

    async def main() -> None:
        with pytest.raises(OSError, match="the disk is full"):
            await serve_app(note, open_port(0), asyncio.Event(), on_start=fail)

    asyncio.run(main())
    assert ended == ["lifespan"]
    assert "Traceback" not in caplog.text
