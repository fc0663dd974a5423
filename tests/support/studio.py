"""Two machines in one: a studio with a daemon that serves others, and a laptop, which is another data folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from acebridge.client.channels import route_to
from acebridge.tokens import Scope, add_token
from tests.support.daemon import Daemon, daemon_at


class Studio(NamedTuple):
    """The daemon, where other machines reach it, its fingerprint, and a token that was made for the laptop."""

    daemon: Daemon
    address: str
    fingerprint: str
    token: str


def machine_address() -> str:
    """An address of this machine beyond loopback; the test is skipped where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no network")
        address: str = probe.getsockname()[0]
        return address


@contextmanager
def studio_at(home: Path, config: str = 'host = "0.0.0.0"\n') -> Iterator[Studio]:
    """Run a daemon with this config.toml."""
    host = machine_address()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACEBRIDGE_HOME", str(home))  # to be its own client, until it serves
        daemon = daemon_at(home, step_ms=5, config=config)
        with daemon as running:
            patch.undo()
            port = running.address.rpartition(":")[2]
            fingerprint = route_to(running.address, home).fingerprint
            yield Studio(running, f"{host}:{port}", fingerprint, add_token(home, "of the test", [Scope.ADMIN]))


def on_the_studio(studio: Studio) -> dict[str, str]:
    """The environment of a command on the studio machine."""
    return {**studio.daemon.environment, "ACEBRIDGE_HOME": str(studio.daemon.home)}


def on_the_laptop(home: Path) -> dict[str, str]:
    """The environment of a command on the laptop."""
    known = {name: text for name, text in os.environ.items() if name not in ("ACEBRIDGE_ADDRESS", "ACEBRIDGE_TOKEN")}
    return {**known, "ACEBRIDGE_HOME": str(home), "COLUMNS": "200"}
