"""Two machines in one, and the line between them: a daemon that is connected to another one through a proxy.

The fake engine stands for the neural one: the daemon sends its jobs there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acebridge.client.channels import route_to
from acebridge.client.client import Client
from acebridge.client.known_daemons import KnownDaemon, remember
from acebridge.tokens import Scope, add_token
from acebridge.v1 import daemon_pb2
from tests.support.daemon import Daemon, daemon_at, status, until
from tests.support.proxy import Proxy, proxy_to

#: TLS, as beyond loopback.
WITH_TLS = "[tls]\nenabled = true\n"
_SENDS_FAKE = (
    "import acebridge.workers.remote as remote; remote.ENGINES = frozenset({'neural', 'fake'});"
    " from acebridge.cli import main; main()"
)


@dataclasses.dataclass
class Studio:
    """The daemon that does the work, and what others need to know of it."""

    daemon: Daemon
    known: KnownDaemon

    def start(self) -> Client:
        """Start the daemon again, at the port that it had."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ACEBRIDGE_HOME", str(self.daemon.home))  # to be its own client, until it serves
            return self.daemon.start()

    @property
    def client(self) -> Client:
        assert self.daemon.client is not None
        return self.daemon.client


@contextmanager
def studio_at(home: Path, config: str = "", **options: Any) -> Iterator[Studio]:
    """Run the daemon that does the work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACEBRIDGE_HOME", str(home))
        running = daemon_at(home, config=config + WITH_TLS, **options)
        with running as daemon:
            patch.undo()
            certificate = route_to(daemon.address, home).certificate
            yield Studio(daemon, KnownDaemon(certificate, add_token(home, "laptop", [Scope.SUBMIT])))


@dataclasses.dataclass
class Laptop:
    """The daemon that the musician's programs talk to, and its line to the studio."""

    daemon: Daemon
    line: Proxy

    @property
    def client(self) -> Client:
        assert self.daemon.client is not None
        return self.daemon.client

    @property
    def remote(self) -> daemon_pb2.RemoteDaemon:
        """What it says of the line."""
        return status(self.client).remote

    def until_up(self) -> None:
        until(lambda: self.remote.up, "the line to be up")

    def until_down(self) -> str:
        """Wait until the line is known to be down; return why."""
        until(lambda: not self.remote.up and self.remote.problem, "the line to be down")
        return self.remote.problem


def laptop(home: Path, line: Proxy, known: KnownDaemon | None, config: str = "") -> Daemon:
    """Return the daemon of a laptop, which does not run yet."""
    daemon = Daemon(home, step_ms=5, config=f'remote = "{line.address}"\n{config}')
    daemon.program = ["-c", _SENDS_FAKE]
    if known is not None:
        remember(home, line.address, known)
    return daemon


@contextmanager
def laptop_at(
    home: Path, studio: Studio, config: str = "", known: KnownDaemon | None = None, **options: Any
) -> Iterator[Laptop]:
    """Run a laptop that is connected to a studio; ``options`` are those of the proxy between them."""
    with proxy_to(studio.daemon.address, **options) as line:
        daemon = laptop(home, line, known or studio.known, config)
        try:
            daemon.start()
            yield Laptop(daemon, line)
            if daemon.process is not None and daemon.process.poll() is None:
                assert daemon.stop() == 0, daemon.console()
            assert "Traceback" not in daemon.console(), daemon.console()
        finally:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.kill()
