"""Hashes of files, against hashlib's of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from acestep_runtime.file_hashes import hash_file


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_file_has_the_hash_of_its_bytes(tmp_path: Path, size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "f").write_bytes(content[:size])
    read: list[int] = []
    assert hash_file(tmp_path / "f", on_read=read.append) == hashlib.sha256(content[:size]).hexdigest()
    assert sum(read) == size
    assert hash_file(str(tmp_path / "f"), hasher=hashlib.md5(b"x")) == hashlib.md5(b"x" + content[:size]).hexdigest()


def test_a_file_that_is_not_there_has_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "f")
