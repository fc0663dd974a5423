"""What ``acebridge panel`` does: finds the edge that serves, or serves itself; opens the browser at it."""

from __future__ import annotations

import asyncio
import json
import time
import webbrowser
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from importlib.resources import files
from pathlib import Path

import typer

from acebridge.client.connection import print_warning
from acebridge.client.discovery import find_daemon
from acebridge.config import HttpSettings, load_config
from acebridge.errors import Unavailable
from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.keys import read_key
from acebridge.hosts.http.loopback import HOST
from acebridge.hosts.http.serve import Running, find_running, run_until_signal
from acebridge.hosts.panel.endpoints import routes
from acebridge.paths import data_folder

#: How long the edge of a daemon that was just started may take to begin, in seconds.
_START_S, _POLL_S = 10.0, 0.1
_TIMEOUT_S = 10.0


def open_or_serve(port: int | None, *, is_opening: bool, address: str | None, autostart: bool) -> None:
    """Open the panel that is served already, or serve it until Ctrl-C. Raises `Conflict` and `Unavailable`."""
    running = find_running(data_folder())
    if running is None or autostart:
        find_daemon(address, autostart=autostart, warn=print_warning)
    running = running or _wait_for_child()
    if running is not None:
        _open(f"{running.url}/#code={_ask_code(running)}", is_opening=is_opening)
        return

    def ready(edge: Edge) -> None:
        _open(f"{edge.url}/#code={edge.codes.make()}", is_opening=is_opening)

    _serve(port, address, ready, with_parent=False)


def serve(port: int | None, *, address: str | None, autostart: bool, with_parent: bool) -> None:
    """Serve the edge until Ctrl-C. Raises `Conflict` when the port is taken, `Unavailable` without a daemon to start."""
    if autostart:
        find_daemon(address, autostart=True, warn=print_warning)

    def ready(edge: Edge) -> None:
        typer.echo(f"serving the panel and the JSON edge at {edge.url}")

    _serve(port, address, ready, with_parent=with_parent)


def _serve(port: int | None, address: str | None, ready: Callable[[Edge], None], *, with_parent: bool) -> None:
    config = load_config()
    settings = config.http or HttpSettings()
    asyncio.run(
        run_until_signal(
            config.data_dir,
            settings.port if port is None else port,
            address=address,
            with_parent=with_parent,
            page=Path(str(files("acebridge.hosts.panel") / "page")),
            routes=routes,
            ready=ready,
        )
    )


def _wait_for_child() -> Running | None:
    """Return the edge that the daemon starts, where its settings ask for one."""
    if load_config().http is None:
        return None
    deadline = time.monotonic() + _START_S
    while (running := find_running(data_folder())) is None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return running


def _ask_code(running: Running) -> str:
    """Return a code for a page of the edge that runs. Raises `Unavailable`."""
    headers = {"Authorization": f"Bearer {read_key(data_folder())}"}
    try:
        with closing(HTTPConnection(HOST, running.port, timeout=_TIMEOUT_S)) as connection:
            connection.request("POST", "/panel/api/codes", b"", headers)
            code: str = json.load(connection.getresponse())["code"]
    except (HTTPException, OSError, ValueError, KeyError) as error:
        raise Unavailable(
            f"The panel at {running.url} does not answer as it should: {type(error).__name__}.",
            remedy=f"End the process {running.pid}, then try again.",
        ) from error
    return code


def _open(url: str, *, is_opening: bool) -> None:
    """Show where the page is; the address is good once, and for a minute."""
    typer.echo(url)
    if is_opening and not webbrowser.open(url):
        typer.echo("Open this address in a browser on this machine within a minute.", err=True)
