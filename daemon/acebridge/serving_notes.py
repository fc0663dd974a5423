"""Files in the data folder that say where programs of ours serve, and which processes those are.

A file is about the program that began last. Programs that began before it and still serve are in its list ``before``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from acebridge.atomic_files import write_whole
from acebridge.errors import AceBridgeError
from acebridge.paths import SERVING_LOCK_FILE
from acebridge.private_files import hold_lock
from acebridge.processes import is_running, start_of
from acestep_runtime.errors import AceStepError

_MOST_PORT, _MOST_PID = 2**16 - 1, 2**31 - 1


class ServingNote(NamedTuple):
    """A port of this machine, and the process that has it: its number, and when it was started."""

    port: int
    pid: int
    start: str

    def is_running(self) -> bool:
        """Return whether that process runs. While it does, no other program has its port. False on Windows."""
        return is_running(self.pid, self.start)


def note_serving(file: Path, host: str, port: int) -> None:
    """Note in a file that this process serves a port. Those that it names and that still run stay in it, behind this one.

    Raises what `hold_lock` and `write_whole` do.
    """
    own = {"host": host, "port": port, "pid": os.getpid(), "start": start_of(os.getpid())}
    with _hold(file):
        _write(file, [own, *(entry for entry, note in _entries(file) if note.is_running())])


def forget_serving(file: Path, port: int) -> None:
    """Remove what `note_serving` has noted, if it is still there; the file goes where it names no other program that runs.

    A disk that takes nothing keeps it: it says nothing once this process has ended.
    """
    own = (port, os.getpid())
    if own not in (note[:2] for _, note in _entries(file)):
        return
    with suppress(OSError, AceBridgeError, AceStepError), _hold(file):
        others = [entry for entry, note in _entries(file) if note[:2] != own and note.is_running()]
        if others:
            _write(file, others)
        else:
            file.unlink()


def find_serving(file: Path, *, or_newest: bool = False) -> ServingNote | None:
    """Return the program that began last of those that a file names and that run.

    ``or_newest``: where none is known to run, return the one that began last.
    """
    notes = [note for _, note in _entries(file)]
    return next((note for note in notes if note.is_running()), notes[0] if or_newest and notes else None)


def _hold(file: Path) -> AbstractContextManager[None]:
    return hold_lock(file.with_name(SERVING_LOCK_FILE), f"the list of programs in {file.name}")


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
