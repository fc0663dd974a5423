"""Whether a process that was noted in a file still runs: a number alone may be another program's by now."""

from __future__ import annotations

import os
from pathlib import Path

_ENDED = ("Z", "X")


def start_of(pid: int) -> str:
    """Return when a process was started, in ticks since the system was; empty when it has ended, and without ``/proc``."""
    try:
        # What follows the name, which is in brackets and may hold anything: the state is the third field, the start the 22nd.
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return "" if fields[0] in _ENDED else fields[19]
    except (OSError, IndexError):
        return ""


def is_running(pid: int, start: str) -> bool:
    """Return whether the process runs that had this number and `start_of`; without a start, whether ours of that number does.

    False where that cannot be known, as on Windows.
    """
    if start:
        return start_of(pid) == start
    if os.name == "nt" or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
