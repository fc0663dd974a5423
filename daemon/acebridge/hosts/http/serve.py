"""The program of the edge: opens the port, serves until it is asked to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from starlette.routing import BaseRoute

from acebridge.background import stop_on_signals, stop_with_parent
from acebridge.client.async_connection import Connections
from acebridge.hosts.http.app import build_app
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.keys import find_key
from acebridge.hosts.http.loopback import HOST, open_port, serve_app
from acebridge.paths import PANEL_FILE
from acebridge.serving_notes import find_serving, forget_serving, note_serving

_SETTING = ", or with port in the table [http] of config.toml"


class Running(NamedTuple):
    """An edge that serves the data folder."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://{HOST}:{self.port}"


def find_running(home: Path) -> Running | None:
    """Return the edge that serves the data folder ``home``; of several, the one that began last.

    While its process runs, no other program has its port.
    """
    noted = find_serving(home / PANEL_FILE)
    return None if noted is None else Running(noted.port, noted.pid)


async def serve(
    home: Path,
    port: int,
    stop: asyncio.Event,
    *,
    address: str | None = None,
    page: Path | None = None,
    routes: Callable[[Edge], Sequence[BaseRoute]] = lambda _: (),
    ready: Callable[[Edge], None] = lambda _: None,
) -> None:
    """Serve until ``stop`` is set; ``ready`` gets the edge once it answers.

    ``page`` is a folder with files to serve, ``routes`` returns further routes. Raises `Conflict` when the port is taken.
    """
    listener = open_port(port, setting=_SETTING)
    try:
        key = find_key(home)  # of two that start at once, only the one with the port makes a key
    except BaseException:
        listener.close()
        raise
    edge = Edge(listener.getsockname()[1], key, address, Connections(address))
    app = build_app(edge, page=page, more=routes(edge))

    def note() -> None:
        note_serving(home / PANEL_FILE, HOST, edge.port)
        ready(edge)

    def end() -> None:
        forget_serving(home / PANEL_FILE, edge.port)  # while the port is ours: whoever has it next must not get the key
        edge.stopping.set()

    await serve_app(app, listener, stop, on_start=note, on_stop=end)


async def run_until_signal(
    home: Path,
    port: int,
    *,
    address: str | None,
    with_parent: bool,
    page: Path | None,
    routes: Callable[[Edge], Sequence[BaseRoute]],
    ready: Callable[[Edge], None],
) -> None:
    """Serve until a signal to end, or, ``with_parent``, until the program that started this one closes its standard input."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    if with_parent:
        stop_with_parent(stop)
    await serve(home, port, stop, address=address, page=page, routes=routes, ready=ready)
