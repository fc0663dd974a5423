"""Writing to files and pipes that have no buffer."""

from __future__ import annotations

from typing import BinaryIO


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of ``data``: one call of ``write`` may take a part of it, or none. Raises ``OSError``."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]
