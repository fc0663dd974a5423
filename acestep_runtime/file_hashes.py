"""Hashes of whole files, read piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_PIECE_BYTES = 1 << 20


def hash_file(
    path: str | Path, *, hasher: hashlib._Hash | None = None, on_read: Callable[[int], object] | None = None
) -> str:
    """Return the hash of a file in hexadecimal: its SHA-256, or what ``hasher`` makes of it.

    ``on_read`` is called after each piece with its number of bytes. Raises ``OSError``.
    """
    hasher = hashlib.sha256() if hasher is None else hasher
    with Path(path).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            hasher.update(piece)
            if on_read is not None:
                on_read(len(piece))
    return hasher.hexdigest()
