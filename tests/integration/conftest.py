"""A real daemon for each module that asks for one, with the fake engine's steps at 5 ms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from acebridge.client.client import Client
from tests.support.daemon import Daemon, assert_gone, daemon_at
from tests.support.shell import LoneShell, Shell, belongs


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that all tests of a module share."""
    with daemon_at(tmp_path_factory.mktemp("shared"), step_ms=5, config="cancel_grace_s = 60\n") as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def _find_token(request: pytest.FixtureRequest, home: Path) -> None:
    """Let what a test does in this process find the token of its daemon, whose data folder is not the test's own."""
    del home  # it takes back what is set here
    if "daemon" in request.fixturenames:
        os.environ["ACEBRIDGE_TOKEN"] = request.getfixturevalue("daemon").token


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    """A connection of the test's own."""
    with Client(daemon.address, token=daemon.token) as client:
        yield client
    daemon.release()


@pytest.fixture
def shell(daemon: Daemon, tmp_path: Path) -> Iterator[Shell]:
    """The command in an empty folder; what it leaves running is ended."""
    folder = tmp_path / "work"
    folder.mkdir()
    with Shell(folder, daemon.environment) as shell:
        yield shell
    daemon.release()


@pytest.fixture
def alone(tmp_path: Path) -> Any:
    """A home where no daemon runs yet; whichever is started there is ended."""
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    (home / "config.toml").write_text("port = 0\n")
    environment = {
        **os.environ, "ACEBRIDGE_HOME": str(home), "ACEBRIDGE_FAKE_STEP_MS": "5", "ACEBRIDGE_FAKE_GATES": str(tmp_path),
        "ACEBRIDGE_RESERVE_BYTES": "65536",
    }  # fmt: skip
    # Without a daemon.json the command looks at the default port, where the musician's own daemon may be.
    (home / "daemon.json").write_text('{"address": "127.0.0.1:1"}')
    with LoneShell(folder, environment) as shell:
        yield shell
    left = [process for process in psutil.process_iter() if belongs(process, home)]
    for process in left:
        process.kill()
    assert_gone(left)
