"""Performing a task into WAV files: what the daemon's worker and the Python API have in common.

Every output becomes a file whose header already tells its final length, so that others may read along while it grows.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from acestep_runtime.audio import wav
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Engine, Progress
from acestep_runtime.errors import EngineFailure
from acestep_runtime.tasks.base import Output, OutputBlock, OutputHeader, TakeDone, Task
from acestep_runtime.tasks.choosing import Ranked, is_enough, ranked
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


@dataclass(frozen=True)
class Made:
    """A take that an earlier attempt has finished; ``outputs`` is how many it had."""

    take: int
    seed: int
    facts: Mapping[str, Any]
    outputs: int


@dataclass(frozen=True)
class Ranking:
    """All takes of a task that chooses, the best first: comes last."""

    takes: tuple[Ranked, ...]


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

    def add(self, samples: Samples) -> Written:
        self._put(wav.encode(samples, self.header.encoding))
        offset, self.frames = self.frames, self.frames + len(samples)
        return Written(self.header.output, offset, len(samples))

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
    task: Task, engine: Engine, folder: Path, cancel: CancelToken, made: Sequence[Made] = ()
) -> Iterator[Progress | OutputHeader | Written | RecordedTake | Ranking]:
    """Perform ``task`` and yield what happens; output n appears in ``folder`` as ``n.wav``.

    The takes that an earlier attempt has ``made`` are not made again, and the numbers of outputs go on after theirs. A task
    that chooses ends when enough takes are good, with a `Ranking`. Files of takes that are not kept are left to the caller.

    Raises what the task and the engine raise, `EngineFailure` for an output of the wrong length, and ``OSError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    output: Output | None = getattr(task, "output", None)
    takes = [(take.take, take.seed, take.facts) for take in made]
    if not _is_done(output, takes):
        if output is not None:
            task = dataclasses.replace(task, **{"output": dataclasses.replace(output, done=len(made))})
        first = sum(take.outputs for take in made)
        with closing(_recorded(task, engine, folder, cancel, first)) as events:
            for event in events:
                yield event
                if isinstance(event, RecordedTake):
                    takes.append((event.take, event.seed, event.facts))
                    if _is_done(output, takes):
                        break
    if output is not None and output.chooses:
        yield Ranking(ranked(output, takes))


def _is_done(output: Output | None, takes: Sequence[tuple[int, int, Mapping[str, Any]]]) -> bool:
    if output is None:  # a task that finds facts
        return bool(takes)
    return len(takes) >= output.count or is_enough(output, [facts for *_, facts in takes])


def _recorded(
    task: Task, engine: Engine, folder: Path, cancel: CancelToken, first: int
) -> Generator[Progress | OutputHeader | Written | RecordedTake, None, None]:
    """Perform ``task``; its outputs are numbered from ``first`` on, in the order in which they begin."""
    numbers: dict[int, int] = {}
    growing: dict[int, _Recorder] = {}
    try:
        for event in perform_warned(task, engine, cancel):
            cancel.check()
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, OutputHeader):
                number = numbers[event.output] = first + len(numbers)
                header = dataclasses.replace(event, output=number)
                growing[number] = _Recorder(header, folder)
                yield header
            elif isinstance(event, OutputBlock):
                if len(event.samples):
                    yield growing[numbers[event.output]].add(event.samples)
            elif isinstance(event, TakeDone):
                outputs = tuple(recorder.finish() for recorder in growing.values())
                growing.clear()
                yield RecordedTake(event.take, event.seed, event.facts, outputs)
    finally:
        for recorder in growing.values():
            recorder.close()
