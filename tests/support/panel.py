"""The panel as tests reach it: its edge in a thread of this process, or as a program of its own beside a daemon."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from acebridge.hosts.http.edge import Edge
from acebridge.hosts.http.keys import read_key
from acebridge.hosts.http.serve import find_running, serve
from acebridge.hosts.panel.endpoints import routes
from acebridge.hosts.panel.models import Pulls
from tests.support.daemon import PATIENCE_S, Daemon, until


class Answer(NamedTuple):
    """What came back: the status of HTTP, the headers, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The server-sent events of the body: kind and data."""
        found = []
        for block in self.body.decode().split("\n\n"):
            fields = dict(
                line.split(": ", 1) for line in block.split("\n") if not line.startswith(":") and ": " in line
            )
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found


class Panel(NamedTuple):
    """Where a panel is, and its key."""

    port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, *, key: str | None = None) -> Answer:
        return self._send(Request(f"{self.url}{path}"), key)

    def post(self, path: str, fields: Any = None, *, key: str | None = None) -> Answer:
        body = json.dumps({} if fields is None else fields).encode()
        return self._send(Request(f"{self.url}{path}", data=body, method="POST"), key)

    def page_url(self) -> str:
        """The address of the page, which is good once."""
        return f"{self.url}/#code={self.post('/panel/api/codes').json['code']}"

    def _send(self, request: Request, key: str | None) -> Answer:
        given = self.key if key is None else key
        if given:
            request.add_header("Authorization", f"Bearer {given}")
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE_S) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())


@contextmanager
def panel_here(home: Path, *, pulls: Pulls | None = None, address: str | None = None) -> Iterator[Panel]:
    """Run the edge of the panel in a thread, with the data folder of this process."""
    ready: list[Edge] = []
    failures: list[BaseException] = []
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(
                serve(
                    home, 0, stop, address=address, routes=lambda edge: routes(edge, pulls=pulls), ready=ready.append
                )
            )  # fmt: skip
        except BaseException as error:
            failures.append(error)
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until(lambda: ready or failures, "the edge")
    assert not failures, failures
    try:
        yield Panel(ready[0].port, read_key(home))
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
    assert not failures, failures


@contextmanager
def panel_beside(daemon: Daemon) -> Iterator[Panel]:
    """Run ``acebridge panel serve`` beside a daemon, which may be killed and started again meanwhile."""
    with (daemon.home / "panel.txt").open("ab") as console:
        process = subprocess.Popen(
            [sys.executable, "-m", "acebridge.cli", "panel", "serve", "--port", "0", "--no-autostart"],
            env=daemon.environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
        )  # fmt: skip
    try:
        until(lambda: find_running(daemon.home) or process.poll() is not None, "the panel")
        running = find_running(daemon.home)
        assert running is not None, (daemon.home / "panel.txt").read_text("utf-8")
        yield Panel(running.port, read_key(daemon.home))
        assert process.poll() is None, (daemon.home / "panel.txt").read_text("utf-8")
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
