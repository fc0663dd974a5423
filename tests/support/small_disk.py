"""A disk of a few MiB, which really is full when it is full."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

_NEW_MOUNTS = 0x20000  # CLONE_NEWNS


def mount_small_disk(folder: Path, *, mib: int) -> None:
    """Mount a disk at ``folder`` that this process and its children see, and nobody else. Skips where it may not."""
    if sys.platform != "linux" or ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS) != 0:
        pytest.skip("only root may mount a disk, on Linux")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], check=True)


def fill(file: Path) -> None:
    """Write into a file until not one byte more fits on its disk."""
    with file.open("wb", buffering=0) as opened:
        for piece in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while opened.write(bytes(piece)):
                    pass
