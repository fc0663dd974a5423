"""Files as a program leaves them that was killed while it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from acestep_runtime.temporary_files import temporary_path

DAY_S = 86_400.0


def dead_pid() -> int:
    """The number of a process that has ended and was waited for."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def leave_temporary(folder: Path, pid: int, age_s: float = DAY_S) -> Path:
    """Leave an unfinished file in ``folder``, begun by the process ``pid``, so long ago."""
    with mock.patch.object(os, "getpid", return_value=pid):
        file = temporary_path(folder / "song.wav")
    file.write_bytes(b"RIFF")
    os.utime(file, (time.time() - age_s,) * 2)
    return file
