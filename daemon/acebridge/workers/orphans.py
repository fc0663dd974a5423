"""Workers that outlive their daemon: the next daemon of the same data folder ends them.

A worker ends with its daemon, but where the system does not see to that, one that is stopped, or busy in a driver, cannot. It
would keep its memory, and that of its device. A process is known by its id and the time of its start: ids are used again.
"""

from __future__ import annotations

import json
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.processes import start_of
from acestep_runtime.errors import InvalidValue

log = logging.getLogger(__name__)


class WorkerRecord:
    """The workers of a daemon, in ``file``. Not on Windows, where a process cannot be stopped."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, pid: int) -> None:
        """Note a worker, and forget those that have ended."""
        living = {each: start for each, start in self._read().items() if start_of(each) == start}
        if start := start_of(pid):
            living[pid] = start
        with suppress(InvalidValue):  # a full disk
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
