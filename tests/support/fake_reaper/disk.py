"""Files as the system below REAPER has them: Lua's ``io`` and ``os``, and REAPER's own functions, go through here.

``Other`` is Linux. On Windows (Microsoft's C runtime, ``rename`` and ``remove``) nothing is renamed onto a file, no folder
is removed with ``remove``, and a file that somebody has open is neither removed nor renamed; paths begin with a drive and
take backslashes, which here stand for the root of the real disk. `hold` plays a virus scanner, an indexer or a backup.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

_EXISTS, _DENIED = 17, 13
_DRIVE = b"C:"


class Disk:
    """The rules of a system, and which files are open. Paths come from Lua as bytes."""

    def __init__(self, system: str) -> None:
        self.windows = system.startswith("Win")
        self.mac = system.startswith(("OSX", "macOS"))
        self._open: Counter[bytes] = Counter()
        self._held: dict[bytes, int] = {}

    # What tests do

    def hold(self, path: str | os.PathLike[str], attempts: int) -> None:
        """Let another program have a file open, without sharing it, during this many attempts to open, remove or rename it."""
        self._held[os.path.normpath(os.fsencode(path))] = attempts

    # Paths

    def real(self, path: bytes) -> bytes:
        """Return where a path leads on this machine."""
        if not self.windows:
            return path
        path = path.replace(b"\\", b"/")
        return path[len(_DRIVE) :] if path[:2].upper() == _DRIVE else path

    def real_text(self, path: str) -> str:
        return os.fsdecode(self.real(path.encode("utf-8", "surrogateescape")))

    def show(self, path: str | os.PathLike[str], os_name: str) -> str:
        """Return a path of this machine as REAPER shows it."""
        text = os.fspath(path)
        return text if not os_name.startswith("Win") else _DRIVE.decode() + text.replace("/", "\\")

    # What the prelude asks before it lets Lua act: nothing, or why not

    def refusal(self, path: bytes) -> Any:
        """Why a file cannot be opened."""
        real = os.path.normpath(self.real(path))
        left = self._held.get(real, 0)
        if not left:
            return None
        self._held[real] = left - 1
        return path + b": Permission denied", _DENIED

    def refusal_to_remove(self, path: bytes) -> Any:
        """Why a file cannot be removed."""
        real = os.path.normpath(self.real(path))
        if self.windows and (self._open[real] or Path(os.fsdecode(real)).is_dir()):
            return path + b": Permission denied", _DENIED
        return self.refusal(path)

    def refusal_to_rename(self, old: bytes, new: bytes) -> Any:
        """Why a file cannot be renamed. Lua names no file here."""
        if self.windows and os.path.lexists(self.real(new)):
            return b"File exists", _EXISTS
        is_open = self.windows and self._open[os.path.normpath(self.real(old))]
        return (b"Permission denied", _DENIED) if is_open or self.refusal(old) or self.refusal(new) else None

    def note_open(self, path: bytes) -> None:
        """A script has a file open now."""
        self._open[os.path.normpath(self.real(path))] += 1

    def note_closed(self, path: bytes) -> None:
        """A script has closed a file."""
        self._open[os.path.normpath(self.real(path))] -= 1
