"""Workers that outlive their daemon: the next daemon of the same data folder ends them.

A worker ends with its daemon, but where the system does not see to that, one that is stopped, or busy in a driver, cannot. It
would keep its memory, and that of its device. A process is known by its id and the time of its start: ids are used again.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from acebridge.atomic_files import write_whole

log = logging.getLogger(__name__)
#: Of the fields behind the name in /proc/PID/stat, where the time of the start is: proc(5).
_START_FIELD = 19


class WorkerRecord:
    """The workers of a daemon, in ``file``. Not on Windows, where a process cannot be stopped."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, pid: int) -> None:
        """Note a worker, and forget those that have ended."""
        living = {each: start for each, start in self._read().items() if start_of(each) == start}
        if start := start_of(pid):
            living[pid] = start
        with suppress(OSError):  # a full disk
            write_whole(self._file, [json.dumps(living).encode()])

    def end_all(self) -> None:
        """End the workers that are left of an earlier daemon."""
        for pid, start in self._read().items():
            if start and start_of(pid) == start:
                log.warning("ending a worker that has outlived its daemon", extra={"pid": pid})
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        self._file.unlink(missing_ok=True)

    def _read(self) -> dict[int, str]:
        try:
            return {int(pid): str(start) for pid, start in json.loads(self._file.read_bytes()).items()}
        except (OSError, ValueError, AttributeError):
            return {}


def start_of(pid: int) -> str:
    """Return when a process was started, in whatever form the system has it; "" when there is none."""
    if sys.platform == "win32":
        return ""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[_START_FIELD]
        except (OSError, IndexError):
            return ""
    return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
