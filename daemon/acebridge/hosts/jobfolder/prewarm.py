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

#: What a run imports besides this package's start, in the order in which it does. A test compares it with real runs.
MODULES = (
    "filelock",
    "acebridge.hosts.jobfolder.fields",
    "acebridge.hosts.jobfolder.recipes",
    "acebridge.client.connection",
    "acebridge.client.discovery",
    "acebridge.client.client",
    "grpc._channel",  # with the first channel
    "grpc._interceptor",  # with the first channel that sends a token
    "google.protobuf.descriptor_pb2",
    "acebridge.contract.metadata",  # with the first take
    "acebridge.hosts.jobfolder.widen",
    "acestep_runtime.tasks.source_audio",
    "acestep_runtime.audio.splice",
    "acestep_runtime.audio.dither",
    "acestep_runtime.audio.tags.result",
    "acestep_runtime.origins",
    "acestep_runtime.tasks.times",
    "acebridge.hosts.jobfolder.mixdown",
    "soundfile",  # with the first file that is read
)
_LOOK_S = 0.01
#: A script that has done nothing for so long has ended with its host, or waits for a musician who is elsewhere.
_PATIENCE_S = 120.0


def wait_for_request(folder: Path) -> bool:
    """Load what a run takes, wait for the request, and return whether there is one.

    There is none when the script gives up and removes the folder, or when nothing happens in it for two minutes.
    """
    waiting = folder / READYING
    modules = iter(MODULES)
    while waiting.exists():
        if (name := next(modules, None)) is not None:
            with suppress(ImportError, OSError):  # whoever needs it says what is wrong
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
