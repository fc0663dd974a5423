"""A fake Pro Tools for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_protools import FakeProTools, FakeTrack
from tests.support.protools import add_guitar


@pytest.fixture
def pro(tmp_path: Path) -> Iterator[FakeProTools]:
    with FakeProTools(tmp_path / "Sitzung Ä") as pro:
        yield pro


@pytest.fixture
def guitar(pro: FakeProTools) -> FakeTrack:
    """A selected track with noise on it, and a selection in the middle."""
    return add_guitar(pro)
