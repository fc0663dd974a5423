"""Files in the data folder that say where programs of ours serve, and which processes those are.

A file is about the program that began last. Programs that began before it and still serve are in its list ``before``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from acebridge.atomic_files import write_whole
from acebridge.processes import is_running, start_of
from acestep_runtime.errors import InvalidValue

_MOST_PORT, _MOST_PID = 2**16 - 1, 2**31 - 1


class ServingNote(NamedTuple):
    """A port of this machine, and the process that has it: its number, and when it was started."""

    port: int
    pid: int
    start: str

    def is_running(self) -> bool:
        """Return whether that process runs. While it does, no other program has its port. False on Windows."""
        return is_running(self.pid, self.start)


def serving_text(host: str, port: int) -> str:
    """Return what a file says of a port that this process serves."""
    return json.dumps({"host": host, "port": port, "pid": os.getpid(), "start": start_of(os.getpid())})


def read_serving(file: Path) -> ServingNote | None:
    """Return what a file says; ``None`` where it says nothing that makes sense."""
    return _note(_read(file))


def note_serving(file: Path, host: str, port: int) -> None:
    """Note in a file that this process serves a port. Those that it names and that still run stay in it, behind this one."""
    before = [entry for entry, note in _entries(file) if note.is_running()]
    _write(file, [json.loads(serving_text(host, port)), *before])


def forget_serving(file: Path, port: int) -> None:
    """Remove what `note_serving` has noted, if it is still there; the file goes where it names no other program that runs.

    A disk that takes nothing keeps it: it says nothing once this process has ended.
    """
    own = (port, os.getpid())
    with suppress(OSError, InvalidValue):
        if own not in (note[:2] for _, note in _entries(file)):
            return
        others = [entry for entry, note in _entries(file) if note[:2] != own and note.is_running()]
        if others:
            _write(file, others)
        else:
            file.unlink()


def find_serving(file: Path) -> ServingNote | None:
    """Return the program that began last of those that a file names and that run."""
    return next((note for _, note in _entries(file) if note.is_running()), None)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _note(noted: Any) -> ServingNote | None:
    try:
        note = ServingNote(int(noted["port"]), int(noted["pid"]), str(noted.get("start", "")))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return None
    return note if 0 < note.port <= _MOST_PORT and 0 < note.pid <= _MOST_PID else None


def _entries(file: Path) -> list[tuple[dict[str, Any], ServingNote]]:
    """Return what a file says of each program, that which began last first."""
    noted = _read(file)
    before = noted.pop("before", None) if isinstance(noted, dict) else None
    entries = [noted, *(before if isinstance(before, list) else ())]
    return [(each, note) for each in entries if (note := _note(each)) is not None]


def _write(file: Path, entries: Sequence[dict[str, Any]]) -> None:
    first, *before = entries
    text = json.dumps({**first, "before": before} if before else first)
    write_whole(file, [text.encode()], private=True)
