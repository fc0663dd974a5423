"""The JSON edge in a process of its own, and a client of it that uses the standard library alone."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.daemon import PATIENCE_S, Daemon, until
from tests.support.shell import COMMAND


class Answer(NamedTuple):
    """What was answered; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason of an error."""
        reason: str = self.json["error"]["reason"]
        return reason


class Event(NamedTuple):
    """A server-sent event: its number, 0 where it has none, its kind, and its data."""

    id: int
    kind: str
    data: Any


class Edge:
    """An edge that serves the data folder ``home``; requests carry the key of the panel unless they say otherwise."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The number of its process."""
        pid: int = json.loads((self.home / "panel.json").read_text("utf-8"))["pid"]
        return pid

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = json.loads((self.home / "panel.json").read_text("utf-8"))["port"]
        return port

    @property
    def key(self) -> str:
        """The key of the panel."""
        return (self.home / "panel-key").read_text("ascii")

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request and return the answer. A body that is no bytes is sent as JSON; an empty token sends none."""
        with contextlib.closing(self.connect()) as connection:
            response = self.begin(connection, method, path, body, token=token, headers=headers)
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def begin(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        """Make a request; return the answer that is under way."""
        token = self.key if token is None else token
        own = {"Authorization": f"Bearer {token}"} if token else {}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {**own, **(headers or {})})
        return connection.getresponse()

    def call(self, method: str, body: Any = None, *, token: str | None = None) -> Any:
        """Call ``SERVICE/METHOD`` and return what it answers, which is no error."""
        answer = self.ask("POST", f"/v1/{method}", {} if body is None else body, token=token)
        assert answer.status == 200, answer
        return answer.json

    def stream(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Iterator[Event]:
        """Yield the events of a stream: of a call with a body, or of a GET."""
        with contextlib.closing(self.connect()) as connection:
            response = self.begin(connection, "GET" if body is None else "POST", path, body, headers=headers)
            assert response.status == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield from read_events(response)

    def start(self, daemon: Daemon) -> None:
        """Start it beside a daemon, which need not run."""
        (self.home / "panel.json").unlink(missing_ok=True)
        with (self.home / "edge.txt").open("ab") as console:
            self.process = subprocess.Popen(
                [*COMMAND, "panel", "serve", "--port", "0", "--no-autostart"], env=daemon.environment,
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        until(lambda: (self.home / "panel.json").exists() or self.process.poll() is not None, "the edge's address")
        assert self.process.poll() is None, self.console()

    def console(self) -> str:
        """What it has said."""
        return (self.home / "edge.txt").read_text("utf-8", "replace")

    def stop(self) -> int:
        """End it; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def read_events(response: http.client.HTTPResponse) -> Iterator[Event]:
    """Yield the events in the body of an answer, by the rules of the standard."""
    fields: dict[str, str] = {}
    for raw in response:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield Event(int(fields.get("id", 0)), fields["event"], json.loads(fields["data"]))
            fields = {}


@contextlib.contextmanager
def edge_of(daemon: Daemon) -> Iterator[Edge]:
    """Run an edge beside a daemon; it ends without an accident."""
    edge = Edge(daemon.home)
    edge.start(daemon)
    try:
        yield edge
        assert edge.process is not None
        assert edge.process.poll() is None, edge.console()
        assert edge.stop() == 0, edge.console()
        assert "Traceback" not in edge.console(), edge.console()
        assert not (daemon.home / "panel.json").exists()
    finally:
        assert edge.process is not None
        if edge.process.poll() is None:
            edge.process.kill()
            edge.process.wait()
