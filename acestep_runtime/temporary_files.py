"""Files that are being written: their temporary names, the whole file in place of the old one, and the removal of what a killed
program left behind.

A name says which process writes the file. Light to import.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: Names the machine in a few letters: folders may be shared, and process ids count on one machine.
_MACHINE = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
_NAME = re.compile(rf"\.{_MACHINE}-(\d{{1,10}})-[0-9a-f]{{16}}\.part")
#: Younger files stay in any case: a process id of another name space may mislead.
_MIN_AGE_S = 3600.0
#: Windows: the right to ask whether a process runs, and the exit code of one that does.
_QUERY_RIGHT, _STILL_ACTIVE = 0x1000, 259


def temporary_path(path: Path) -> Path:
    """Return a new temporary name for the file ``path``, in its folder."""
    return path.with_name(f".{_MACHINE}-{os.getpid()}-{secrets.token_hex(8)}.part")


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; whatever has it at the end of the block is removed, also after an error."""
    name = temporary_path(path)
    try:
        yield name
    finally:
        with suppress(OSError):
            name.unlink()


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` at the end of the block, whole and on the disk.

    After an error ``path`` is as it was. Raises ``OSError`` as the file system does.
    """
    with temporary_file(path) as unfinished:  # in the same folder: only there is a rename atomic
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)


def remove_stale(folder: Path) -> None:
    """Remove files in ``folder`` that a process of this user and machine began to write and did not finish before it ended."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is not None and _is_old_and_ours(entry) and not _is_running(int(match[1])):
                with suppress(OSError):
                    Path(entry).unlink()


def _is_old_and_ours(entry: os.DirEntry[str]) -> bool:
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    is_ours = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    return is_ours and stat.S_ISREG(facts.st_mode) and time.time() - facts.st_mtime > _MIN_AGE_S


def _is_running(pid: int) -> bool:
    """Return whether there is a process with this number, also one that we may not ask about."""
    if sys.platform == "win32":
        import ctypes

        kernel, code = ctypes.windll.kernel32, ctypes.c_ulong()
        handle = kernel.OpenProcess(_QUERY_RIGHT, False, pid)
        if not handle:
            return bool(kernel.GetLastError() == 5)  # access denied
        known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return not known or code.value == _STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
