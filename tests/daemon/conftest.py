"""A real daemon for each module that asks for one, with the fake engine's steps at 5 ms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from house import Daemon, daemon_at

from daemon.edge.client import Client


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that all tests of a module share."""
    with daemon_at(tmp_path_factory.mktemp("shared"), step_ms=5, config="cancel_grace_s = 5\n") as house:
        yield house


@pytest.fixture
def client(house: Daemon) -> Iterator[Client]:
    """A connection of the test's own."""
    with Client(house.address) as client:
        yield client
