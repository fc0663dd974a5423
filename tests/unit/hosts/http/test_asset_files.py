"""Files of assets: whose they have to be, and what becomes of one that is not what the daemon says."""

from __future__ import annotations

import asyncio
import json
import os
from io import FileIO
from pathlib import Path

import pytest

from acebridge.errors import DataLoss
from acebridge.hosts.http.asset_files import open_own_file, read_span
from acebridge.hosts.http.ranges import Span
from acebridge.paths import asset_path
from acebridge.v1 import assets_pb2

OWN, DATA = "127.0.0.1:50999", os.urandom(3_000_000)
ASSET = assets_pb2.Asset(id="5f" * 32, size_bytes=len(DATA))


@pytest.fixture
def path(home: Path) -> Path:
    """The file of an asset of a daemon that serves."""
    (home / "daemon.json").write_text(json.dumps({"address": OWN, "pid": 1, "start": "1"}))
    path = asset_path(home, ASSET.id)
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    return path


def read(file: FileIO, span: Span) -> bytes:
    async def main() -> bytes:
        return b"".join([piece async for piece in read_span(file, span)])

    return asyncio.run(main())


@pytest.mark.parametrize("span", [Span(0, len(DATA)), Span(5, 6), Span(1 << 20, (1 << 20) + 9), Span(7, 7)])
def test_a_part_of_the_file_is_read_and_the_file_closed(path: Path, span: Span) -> None:
    for address in (None, OWN):
        file = open_own_file(address, ASSET)
        assert file is not None
        assert read(file, span) == path.read_bytes()[span.start : span.end]
        assert file.closed


def test_other_daemons_send_their_files_themselves(path: Path) -> None:
    assert path.exists()
    assert open_own_file("127.0.0.1:50998", ASSET) is None
    assert open_own_file("studio.local:50999", ASSET) is None


def test_what_is_not_the_file_is_not_read(path: Path, tmp_path: Path) -> None:
    path.write_bytes(DATA[:-1])
    assert open_own_file(None, ASSET) is None
    path.unlink()
    assert open_own_file(None, ASSET) is None
    other = tmp_path / "secret"
    other.write_bytes(DATA)
    path.symlink_to(other)
    assert open_own_file(None, ASSET) is None
    path.unlink()
    path.mkdir()
    assert open_own_file(None, ASSET) is None


def test_a_file_that_is_cut_meanwhile_is_an_error(path: Path) -> None:
    file = open_own_file(None, ASSET)
    assert file is not None
    path.write_bytes(b"")
    with pytest.raises(DataLoss):
        read(file, Span(0, len(DATA)))
    assert file.closed
