"""Whether a process that was noted in a file still runs: a number alone may be another program's by now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ENDED = ("Z", "X")


def start_of(pid: int) -> str:
    """Return when a process was started, in whatever form the system has it; empty when it has ended, and on Windows."""
    if sys.platform == "win32":
        return ""
    if sys.platform != "linux":
        listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
        return listed.stdout.strip()
    try:
        # proc(5): what follows the name, which is in brackets and may hold anything. The state is the third field, the start
        # the 22nd.
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return "" if fields[0] in _ENDED else fields[19]
    except (OSError, IndexError):
        return ""


def is_running(pid: int, start: str) -> bool:
    """Return whether the process that had this number and start still runs.

    Without a start, whether we have one of that number. False where that cannot be known, as on Windows.
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
