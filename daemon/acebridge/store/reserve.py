"""A piece of the disk that is kept for the worst moment: on a full disk, what frees space and what ends jobs can be written.

It is a file of zeros in the data folder. It is given back to the disk when a transaction that needs it finds the disk full,
and taken again once there is plenty.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger(__name__)
#: Of a small disk it takes this part at most.
_SHARE = 20
_CHUNK = bytes(1 << 20)


class Reserve:
    """The reserve of one data folder; one of 0 bytes is none."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._file = folder / "reserve"
        self._size_bytes = size_bytes

    def release(self) -> bool:
        """Give it back to the disk; return whether there was any."""
        try:
            self._file.unlink()
        except OSError:
            return False
        log.warning("the disk is full; the reserve was given back", extra={"file": str(self._file)})
        return True

    def keep(self) -> None:
        """Take it, if it is not there and the disk has room for much more than that. Never fails."""
        try:
            usage = shutil.disk_usage(self._file.parent)
            size = min(self._size_bytes, usage.total // _SHARE)
            if not size or self._file.exists() or usage.free < 4 * size:
                return
            unfinished = self._file.with_suffix(".part")
            with unfinished.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    for at in range(0, size, len(_CHUNK)):
                        file.write(_CHUNK[: size - at])
            unfinished.replace(self._file)
        except OSError as error:
            log.warning("there is no reserve on the disk", extra={"error": str(error)})
