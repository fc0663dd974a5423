"""A server of HTTP on a port of this machine, for any application: the edge, and the tools of programs that chat."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from acebridge.errors import Conflict

HOST = "127.0.0.1"
#: Requests that are answered at the same time; further ones are refused with 503.
MAX_REQUESTS = 512
#: How long requests may take to end when the server stops.
_GRACE_S = 2
#: Seconds that a connection stays open without a request, or with the beginning of one.
IDLE_S = 30


def open_port(port: int, *, setting: str = "") -> socket.socket:
    """Return a socket that listens on loopback; 0 takes any free port. ``setting`` says where else it can be set.

    Raises `Conflict`.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # there it would let two programs have the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise Conflict(
            f"Port {port} of {HOST} cannot be opened: {error.strerror or error}.",
            remedy=f"Choose another one with --port{setting}; 0 takes a free one.",
        ) from error
    return listener


class _Connection(H11Protocol):
    """A connection that closes, too, when no request has arrived in time, however slowly it comes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Take what arrives; wait on, not longer, while it is no whole request."""
        waiting, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        super().data_received(data)
        if waiting is None:
            return
        if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = waiting
        else:
            waiting.cancel()

    def _should_upgrade(self) -> bool:
        """Return that there are no web sockets. A warning, as usual, would let any page fill the log."""
        return False


class _Server(uvicorn.Server):
    """A server whose signals are ours; ``on_start`` is called once it answers."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start
        #: What ``on_start`` has raised.
        self.fault: Exception | None = None

    async def main_loop(self) -> None:
        """Serve until the end. Where ``on_start`` fails that is now, so that all is closed in order."""
        try:
            self._on_start()
        except Exception as fault:
            self.fault = fault
        else:
            await super().main_loop()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are."""
        yield


async def serve_app(
    app: ASGIApp,
    listener: socket.socket,
    stop: asyncio.Event,
    *,
    on_start: Callable[[], None],
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve until ``stop`` is set, then close the port. ``on_start`` is called once it answers, ``on_stop`` before it ends.

    Raises what ``on_start`` does.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_REQUESTS,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=IDLE_S,
        http=_Connection,
        ws="none",
        lifespan="on",
        proxy_headers=False,
    )
    server = _Server(config, on_start)
    serving, stopping = asyncio.create_task(server.serve(sockets=[listener])), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        on_stop()
        server.should_exit = True
        await serving
        listener.close()
    if server.fault is not None:
        raise server.fault
