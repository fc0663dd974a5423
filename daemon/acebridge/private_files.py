"""Folders and files that nobody but their user may read. Systems without such modes (Windows) keep to their own rules."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acebridge.errors import Conflict, InvalidSetting

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_UMASK = 0o077
_LOCK_TIMEOUT_S = 10.0
_HAS_MODES = os.name != "nt"
#: What the system says where a file should be a folder.
_WORDS = {errno.ENOTDIR: "there is a file in place of a folder", errno.EEXIST: "there is a file in place of a folder"}
#: And of files that are somebody else's, and of a disk that cannot be written.
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, *_WORDS)
_before: list[int] = []


def restrict_umask() -> None:
    """Make every file and folder that this process makes from now on private, and those that its children make."""
    if _HAS_MODES:
        _before.append(os.umask(_UMASK))


def user_umask() -> int:
    """Return the umask that the user has, for a child that writes where the user wants it; -1 where it was not changed."""
    return _before[0] if _before else -1


@contextmanager
def explain_access(folder: Path) -> Iterator[None]:
    """Turn what the system says about files of a data folder that this user may not use into one sentence.

    Raises `InvalidSetting` for that, and everything else as it is.
    """
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, (str, os.PathLike)) else None
        if error.errno not in _NOT_OURS or place is None or not _concerns(folder, Path(place)):
            raise
        raise InvalidSetting(
            f"{place} cannot be used: {_WORDS.get(error.errno, error.strerror)}.",
            remedy=f"Let the folder {folder} and all in it be yours to write, or set ACEBRIDGE_HOME to another folder.",
        ) from error


def _concerns(folder: Path, place: Path) -> bool:
    """Return whether ``place`` is a folder, in it, or above it."""
    return place.is_relative_to(folder) or folder.is_relative_to(place)


def make_private_folder(folder: Path) -> None:
    """Make a folder, unless there is one, for its user alone; folders above it as usual."""
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)


def close_folder(folder: Path) -> None:
    """Make a folder, or take the rights of others from one that is there: then what it holds is nobody else's either."""
    make_private_folder(folder)
    if _HAS_MODES:
        _restrict(folder)


def open_private(path: str, flags: int) -> int:
    """Open a file as an ``opener``; a new one is private."""
    return os.open(path, flags, FILE_MODE)


@contextmanager
def hold_lock(file: Path, what: str) -> Iterator[None]:
    """Keep other commands from changing ``what``, in the same folder, meanwhile.

    Raises `Conflict`, and what `explain_access` does.
    """
    import filelock

    try:
        with explain_access(file.parent):
            make_private_folder(file.parent)
            with filelock.FileLock(file, timeout=_LOCK_TIMEOUT_S, mode=FILE_MODE):
                yield
    except filelock.Timeout:
        raise Conflict(f"Another command is changing {what}.", remedy="Try again.") from None


def repair_modes(folder: Path, *, leave: Collection[Path] = ()) -> int:
    """Make a folder and all in it private, without following links; return how many of them were not.

    Folders in ``leave`` stay as they are, with what is in them. What belongs to somebody else is left too.
    """
    if not _HAS_MODES:
        return 0
    return sum(_restrict(entry) for entry in _entries(folder, frozenset(map(str, leave))))


def _entries(folder: Path, leave: frozenset[str]) -> Iterator[os.DirEntry[str] | Path]:
    """Yield a folder and what is below it: each folder before what it holds."""
    yield folder
    pending = [str(folder)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.path not in leave:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)


def _restrict(entry: os.DirEntry[str] | Path) -> bool:
    """Take all rights of others from a file or folder; return whether there were any."""
    with suppress(OSError):
        mode = (entry.lstat() if isinstance(entry, Path) else entry.stat(follow_symlinks=False)).st_mode
        if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and mode & _UMASK:
            os.chmod(entry, stat.S_IMODE(mode) & ~_UMASK)  # noqa: PTH101 - an entry of scandir is no Path
            return True
    return False
