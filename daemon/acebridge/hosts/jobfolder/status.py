"""How a job goes: ``status.json``, which is whole whenever it is read, and ``log.txt``."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.hosts.jobfolder import LOG, STATUS, VERSION
from acebridge.hosts.jobfolder.json_files import read_object, write_json
from acebridge.regular_files import open_regular
from acebridge.version import VERSION as COMMAND_VERSION
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from pydantic import JsonValue
    from typing_extensions import Unpack

    from acebridge.hosts.jobfolder.documents import StatusFile

#: Seconds between two writings, while something changes and while nothing does.
_SHORTEST_S, _HEARTBEAT_S = 0.1, 0.9


class Status:
    """The state of a job, written by the thread that calls `beat` and told by any. Opening it writes ``starting``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._changed, self._written = True, 0.0
        self._fields: StatusFile = {
            "version": VERSION,
            "state": "starting",
            "stage": "starting",
            "fraction": 0.0,
            "eta_s": None,
            "position": None,
            "message": "",
            "remedy": "",
            "reason": "",
            "job_id": "",
            "part": 0,
            "parts": 0,
            "pid": os.getpid(),
            "host": "",
            "command_version": COMMAND_VERSION,
        }
        self._write()

    def tell(self, **fields: Unpack[StatusFile]) -> None:
        """Change fields; they are written with the next `beat`."""
        with self._lock:
            self._fields.update(fields)
            self._changed = True

    def beat(self) -> None:
        """Write what changed, though not too often, and now and then even if nothing did. Call it all the time."""
        age_s = time.monotonic() - self._written
        if age_s >= (_SHORTEST_S if self._changed else _HEARTBEAT_S):
            with suppress(InvalidValue):  # the disk is full, or the folder is gone: the work goes on all the same
                self._write()

    def end(self, **fields: Unpack[StatusFile]) -> None:
        """Write how it ended: the final ``state``, and what else changes."""
        fields["eta_s"] = fields["position"] = None
        self.tell(**fields)
        self._write()

    def _write(self) -> None:
        with self._lock:
            fields: StatusFile = {**self._fields, "update_time": time.time()}
            self._changed = False
        self._written = time.monotonic()
        write_json(self.folder / STATUS, fields)

    def log(self, text: str) -> None:
        """Add a line, or more, to the log. None is written where something else than a file is in its place."""
        stamp, path = time.strftime("%Y-%m-%d %H:%M:%S"), os.fspath(self.folder / LOG)
        with (
            suppress(OSError),
            open(path, "a", encoding="utf-8", errors="backslashreplace", opener=open_regular) as file,
        ):
            file.write(f"{stamp} {text}\n")


def read_status(folder: Path) -> dict[str, JsonValue]:
    """Return the status in a job folder; nothing when there is none that can be read."""
    return read_object(folder / STATUS)
