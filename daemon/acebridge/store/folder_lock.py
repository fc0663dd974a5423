"""Who works on a data folder: a daemon, or a command that changes the store itself. Never two of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from acebridge.errors import Conflict
from acebridge.paths import LOCK_FILE, SERVED
from acebridge.private_files import FILE_MODE, explain_access


@contextmanager
def hold_folder(
    folder: Path, *, remedy: str = "Stop it first, with `acebridge stop`, then run the command again."
) -> Iterator[None]:
    """Hold a data folder alone. Raises `Conflict`, with ``remedy``, while a daemon serves it, and as `explain_access` does."""
    lock = filelock.FileLock(folder / LOCK_FILE, mode=FILE_MODE)
    with explain_access(folder):
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise Conflict(f"{SERVED} {folder}.", remedy=remedy) from None
        try:
            yield
        finally:
            lock.release()
