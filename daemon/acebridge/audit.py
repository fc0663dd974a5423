"""The audit log: who did what that matters for safety, one JSON object a line, in a file that is its user's alone.

The daemon writes it, and the commands that make and revoke tokens. Whatever happens, it holds no captions, lyrics, names of
files or tokens: `ACTS` says which facts a line may have, and none of them comes from a request but ids.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from acebridge.paths import AUDIT_FILE, AUDIT_LOCK_FILE
from acebridge.private_files import FILE_MODE

log = logging.getLogger(__name__)
#: A file that is larger gets a number; of those the newest are kept.
MAX_BYTES, FILES = 2**20, 3
_LOCK_S = 5.0
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)

#: What is recorded → the facts that belong to it. ``token`` is the name of a token: ``(own)`` for the daemon's.
ACTS: Mapping[str, tuple[str, ...]] = {
    "daemon started": ("address", "pid", "version"),
    "daemon stopped": ("pid",),
    "others are let in": ("setting",),
    "token made": ("name", "scopes"),
    "token revoked": ("name",),
    "calls refused": ("method", "reason", "token", "peer", "count"),
    "job submitted": ("job", "task", "token"),
    "job cancelled": ("job", "token"),
    "job deleted": ("job", "token"),
    "asset uploaded": ("asset", "bytes", "token"),
    "asset imported": ("asset", "bytes", "token"),
    "asset deleted": ("asset", "token"),
    "asset pinned": ("asset", "token"),
    "asset unpinned": ("asset", "token"),
    "shutdown asked for": ("token",),
}


class AuditLog:
    """The audit log of the data folder ``home``, which several processes may write to."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file = home / AUDIT_FILE

    def note(self, act: str, **facts: str | int) -> None:
        """Add a line. An act goes on where it cannot be written, on a full disk; the daemon's log says so."""
        unknown = facts.keys() - set(ACTS[act])
        assert not unknown, f"{act} has no {unknown}"
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps(
            {"time": now, "message": act, **{name: value for name, value in facts.items() if value != ""}}
        )
        try:
            size = self._append(line.encode() + b"\n")
            if size > MAX_BYTES:
                self._rotate()
        except OSError as error:
            log.warning("the audit log cannot be written", extra={"act": act, "error": str(error)})

    def _append(self, line: bytes) -> int:
        """Write a line in one piece, so that those of several processes do not mix; return the size of the file."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_FOLLOW, FILE_MODE)
        try:
            os.write(descriptor, line)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _rotate(self) -> None:
        """Give the file a number, unless another process has just done so; older ones move up, the oldest goes."""
        import filelock

        with (
            suppress(filelock.Timeout),
            filelock.FileLock(self._home / AUDIT_LOCK_FILE, timeout=_LOCK_S, mode=FILE_MODE),
        ):
            if self._file.stat().st_size <= MAX_BYTES:
                return
            for number in range(FILES, 0, -1):
                older = self._file if number == 1 else self._older_file(number - 1)
                with suppress(FileNotFoundError):
                    older.replace(self._older_file(number))

    def _older_file(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}")
