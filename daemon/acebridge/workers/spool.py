"""The spool: WAV files of running jobs, which workers write and clients read while they grow.

Each job has a folder, and its output n is ``n.wav`` (see `acestep_runtime.recording`). A finished output moves into the
store. The spool has its target from just before the move until the journal has it, so readers always find it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO


class Spool:
    """The growing files of one daemon, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._published: dict[str, dict[int, Path]] = {}

    def job_folder(self, job_id: str) -> Path:
        """Return the folder of a job's growing outputs. It may not exist yet."""
        return self._folder / job_id

    def _file(self, job_id: str, output: int) -> Path:
        return self.job_folder(job_id) / f"{output}.wav"

    def append(self, job_id: str, output: int) -> BinaryIO:
        """Open an output for appending, unbuffered. For workers that cannot write into `job_folder` themselves."""
        self.job_folder(job_id).mkdir(parents=True, exist_ok=True)
        return self._file(job_id, output).open("ab", buffering=0)

    def publish(self, job_id: str, output: int, target: Path) -> Path:
        """Return the file of a finished output, which the caller moves to ``target`` now. Readers look in both places."""
        self._published.setdefault(job_id, {})[output] = target
        return self._file(job_id, output)

    def paths(self, job_id: str, output: int) -> list[Path]:
        """Return where an output of a running job may be: where it grows, and then its place in the store, if it is known."""
        published = self._published.get(job_id, {}).get(output)
        return [self._file(job_id, output)] + ([] if published is None else [published])

    def remove(self, job_id: str) -> None:
        """Remove the files of a job that are still there."""
        shutil.rmtree(self.job_folder(job_id), ignore_errors=True)

    def forget(self, job_id: str) -> None:
        """Forget the targets of a job's outputs, once the journal has them."""
        self._published.pop(job_id, None)

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._published.clear()
