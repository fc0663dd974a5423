"""The lock of a job folder: one command works on it at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acebridge.atomic_files import unwritable
from acebridge.errors import Conflict
from acebridge.hosts.jobfolder import LOCK
from acebridge.regular_files import open_regular


@contextmanager
def lock_folder(folder: Path) -> Iterator[Callable[[], None]]:
    """Hold the lock of a job folder; yield a function that releases it early and leaves no file behind.

    It is to be called before the final status: after that, the script may remove the folder, which Windows refuses while the
    lock is open. Raises `Conflict` when another command holds the lock, and `InvalidValue` when the folder cannot be written.
    """
    import filelock

    file = folder / LOCK
    lock = filelock.FileLock(file)
    try:
        with suppress(
            FileNotFoundError
        ):  # filelock before 4.2.1 empties what is there, which may be a song by another name
            os.close(open_regular(str(file), os.O_RDWR))
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Conflict(
            f"Another command works on the job folder {folder}.",
            remedy="Wait until its status.json says that it has ended, or make the file cancel in it.",
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error

    def release() -> None:
        if not lock.is_locked:
            return
        if os.name != "nt":  # while it is held: after that, the file may be another command's
            _remove(file)
        lock.release()
        if os.name == "nt":  # does not remove open files, so neither that of another command
            _remove(file)

    try:
        yield release
    finally:
        release()


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink()
