"""Performing a task into WAV files: what the daemon's worker and the Python API have in common.

Every output becomes a file whose header already tells its final length, so that others may read along while it grows.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from acestep_runtime import wav
from acestep_runtime.engines.base import Engine, Progress
from acestep_runtime.errors import EngineFailure
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, TakeDone, Task
from acestep_runtime.tasks.warned import perform_warned
from acestep_runtime.values import CancelToken


@dataclass(frozen=True)
class Written:
    """``frames`` more frames of output number ``output``, from ``offset_frames`` on, can be read from its file."""

    output: int
    offset_frames: int
    frames: int


@dataclass(frozen=True)
class Recorded:
    """A file that is whole and safely on disk, with the SHA-256 of its bytes."""

    header: OutputHeader
    path: Path
    sha256: str


@dataclass(frozen=True)
class RecordedTake:
    """A take with all its files, in the order of their output numbers."""

    take: int
    seed: int
    facts: Mapping[str, Any]
    outputs: tuple[Recorded, ...]


class _Recorder:
    """One file being written, hashed as it grows."""

    def __init__(self, header: OutputHeader, folder: Path) -> None:
        self.header = header
        self.path = folder / f"{header.output}.wav"
        self.frames = 0
        self._digest = hashlib.sha256()
        self._file: BinaryIO = self.path.open("xb", buffering=0)
        self._put(wav.header(header.frames, header.channels, header.sample_rate, header.encoding))

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def add(self, block: OutputBlock) -> Written:
        self._put(wav.encode(block.samples, self.header.encoding))
        offset, self.frames = self.frames, self.frames + len(block.samples)
        return Written(self.header.output, offset, len(block.samples))

    def finish(self) -> Recorded:
        if self.frames != self.header.frames:
            raise EngineFailure(
                f"{self.header.role} has {self.frames} frames instead of {self.header.frames}.",
                remedy="This is a fault in AceBridge: please report it.",
            )
        self._put(wav.trailer(self.header.frames, self.header.channels, self.header.encoding))
        os.fsync(self._file.fileno())
        self.close()
        return Recorded(self.header, self.path, self._digest.hexdigest())

    def close(self) -> None:
        self._file.close()


def record(
    task: Task, engine: Engine, folder: Path, cancel: CancelToken
) -> Iterator[Progress | OutputHeader | Written | RecordedTake]:
    """Perform ``task`` and yield what happens; output n appears in ``folder`` as ``n.wav``.

    Raises what the task and the engine raise, `EngineFailure` for an output of the wrong length, and ``OSError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    growing: dict[int, _Recorder] = {}
    try:
        for event in perform_warned(task, engine, cancel):
            cancel.check()
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, OutputHeader):
                growing[event.output] = _Recorder(event, folder)
                yield event
            elif isinstance(event, OutputBlock):
                if len(event.samples):
                    yield growing[event.output].add(event)
            elif isinstance(event, TakeDone):
                outputs = tuple(recorder.finish() for recorder in growing.values())
                growing.clear()
                yield RecordedTake(event.take, event.seed, event.facts, outputs)
    finally:
        for recorder in growing.values():
            recorder.close()
