"""Files that are there whole or not at all, and folders that can be written. Light to import: small files are kept up to
date with it while nothing else is loaded."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from acebridge.private_files import FILE_MODE, FOLDER_MODE
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.temporary_files import temporary_file

#: How often, and after how many seconds, a name is asked for again that another program has open.
_TRIES, _PAUSE_S = 20, 0.05

_REMEDY = "Choose another place with -o."
#: Of files that are there only while a command runs.
TEMPORARY_REMEDY = "Free some space there, or name another folder in the environment variable TMPDIR."
#: Of a file that only AceBridge itself uses.
_OWN_REMEDY = "Free some space there, let the folder be yours to write, or set ACEBRIDGE_HOME to another one."


def check_writable(folder: Path) -> None:
    """Raise `InvalidValue` unless a file can be made in ``folder``, or in the part of its path that there is already."""
    try:
        there = next(above for above in (folder, *folder.parents) if above.exists() or above == above.parent)
        with tempfile.TemporaryFile(prefix=".", suffix=".part", dir=there):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(
    folder: Path,
    error: OSError,
    remedy: str = _REMEDY,
    *,
    field: str = "--out",
    called: str = "folder",
) -> InvalidValue:
    """Return the sentence about a folder that cannot be written."""
    shown = printable(str(folder.absolute()), 200)
    reason = error.strerror or str(error)
    message = f"The {called} {shown} cannot be written: {reason}."
    return InvalidValue(field, shown, "a folder that can be written", message=message, remedy=remedy)


def replace(unfinished: Path, path: Path) -> None:
    """Give a whole file its name. Windows refuses while another program reads the old one: then again, for a second."""
    for _ in range(_TRIES - 1):
        with suppress(PermissionError):
            unfinished.replace(path)
            return
        time.sleep(_PAUSE_S)
    unfinished.replace(path)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk. Windows does so without being asked."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(
    path: Path, pieces: Iterable[bytes], *, make_folder: bool = True, private: bool = False, lasting: bool = False
) -> None:
    """Write a file that gets its name when it is whole; nobody else may read a ``private`` one, or the folder made for it.

    A ``lasting`` one is on the disk when this returns.

    Raises `InvalidValue` when its folder cannot be written.
    """
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE if private else 0o777)
        mode = FILE_MODE if private else 0o666
        with temporary_file(path) as unfinished:
            with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                for piece in pieces:
                    file.write(piece)
                if lasting:
                    file.flush()
                    os.fsync(file.fileno())
            replace(unfinished, path)
        if lasting:
            sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path.parent, error, _OWN_REMEDY if private else _REMEDY) from error
