"""A fake Pro Tools for each test that asks for one, and a connection to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.hosts.protools.connection import ProTools
from tests.support.fake_protools import FakeProTools


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeProTools]:
    with FakeProTools(tmp_path / "session") as fake:
        yield fake


@pytest.fixture
def pro(fake: FakeProTools) -> Iterator[ProTools]:
    with ProTools(fake.port) as pro:
        yield pro
