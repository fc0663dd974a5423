"""Starting before there is a request: while a script asks its questions and reads audio, all that the work takes is loaded.

The script makes `READYING` and starts the command; when its request is written, it removes the file. Whoever of the two
removes it decides: a command that has waited for too long removes it itself and ends, and the script starts another.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from acebridge.hosts.jobfolder import READYING, REQUEST

_LOADED = (
    "acebridge.hosts.jobfolder.fields",
    "acebridge.client.client",
    "grpc_health.v1.health_pb2_grpc",
    "acebridge.client.discovery",
    "acebridge.client.wav_writer",
    "acebridge.hosts.jobfolder.widen",
    "acestep_runtime.tasks.source_audio",
    "acebridge.hosts.jobfolder.mixdown",
)
_LOOK_S = 0.01
#: A script that has done nothing for so long has ended with its REAPER, or waits for a musician who is elsewhere.
_PATIENCE_S = 120.0


def is_wanted(folder: Path) -> bool:
    """Return whether there is something to do in a job folder, as soon as that is known.

    It is not when the script gives up, and removes the folder, or is not heard of for two minutes.
    """
    waiting = folder / READYING
    modules = iter(_LOADED)
    while waiting.exists():
        if (name := next(modules, None)) is not None:
            importlib.import_module(name)
            continue
        if time.time() - max(_changes(folder), default=0.0) > _PATIENCE_S:
            with suppress(FileNotFoundError):  # the script was faster: its request is there
                waiting.unlink()
                return False
        time.sleep(_LOOK_S)
    return folder.exists() and (folder / REQUEST).exists()


def _changes(folder: Path) -> Iterator[float]:
    """Yield when each file of a folder was changed."""
    with suppress(OSError):
        for file in folder.iterdir():
            with suppress(OSError):
                yield file.stat().st_mtime
