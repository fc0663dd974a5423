"""Running a task into WAV files, for the daemon's worker and the Python API.

Every output is a file whose header holds its final length from the start, so that it can be read while it grows.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from acestep_runtime.audio import wav
from acestep_runtime.audio.dither import Dither
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Engine, Progress
from acestep_runtime.errors import EngineFailure, InvalidValue, UnsupportedTask
from acestep_runtime.memory.need import NotEnoughMemory
from acestep_runtime.origins import Origins
from acestep_runtime.previews import FullLatents
from acestep_runtime.raw_files import write_all
from acestep_runtime.seed_guard import with_other_seeds
from acestep_runtime.take_latents import TakeLatents, no_latents, write_latents
from acestep_runtime.tasks import with_all_seeds
from acestep_runtime.tasks.base import Output, OutputBlock, OutputHeader, OutputLatents, Take, Task
from acestep_runtime.tasks.choosing import RankedTake, is_enough, rank_takes
from acestep_runtime.tasks.diagnostics import run_with_warnings, with_warnings
from acestep_runtime.values import CancelToken


@dataclass(frozen=True)
class NewFrames:
    """``frames`` more frames of output number ``output``, from ``offset_frames`` on, can be read from its file."""

    output: int
    offset_frames: int
    frames: int


@dataclass(frozen=True)
class OutputFile:
    """A complete file, synced to disk, with the SHA-256 of its bytes; its latents may lie beside it."""

    header: OutputHeader
    path: Path
    sha256: str


@dataclass(frozen=True)
class TakeFiles(Take):
    """A take with the files of its outputs, in the order of their numbers."""

    outputs: tuple[OutputFile, ...]


@dataclass(frozen=True)
class EngineChange:
    """Another engine makes the takes than the one that was chosen; ``note`` says why. It comes before the first output."""

    engine: str
    note: str


@dataclass(frozen=True)
class Ranking:
    """All takes of a task that chooses, the best first: the last event."""

    takes: tuple[RankedTake, ...]


_Events: TypeAlias = Progress | OutputHeader | NewFrames | TakeFiles | EngineChange


class _Recorder:
    """An output file that is hashed as it grows."""

    def __init__(self, header: OutputHeader, folder: Path) -> None:
        self.header = header
        self.path = folder / f"{header.output}.wav"
        self.frames = 0
        self.latents: TakeLatents | None = None
        self.full: FullLatents | None = None
        self._digest = hashlib.sha256()
        self._dither = Dither.for_encoding(header.encoding, header.start_frame)
        self._file: BinaryIO = self.path.open("xb", buffering=0)
        self._put(wav.header(header.frames, header.channels, header.sample_rate, header.encoding, header.chunks))

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        write_all(self._file, data)

    def add(self, samples: Samples) -> NewFrames:
        self._put(wav.encode(self._dither.add(samples), self.header.encoding))
        offset, self.frames = self.frames, self.frames + len(samples)
        return NewFrames(self.header.output, offset, len(samples))

    def finish(self) -> OutputFile:
        if self.frames != self.header.frames:
            raise EngineFailure(
                f"{self.header.role} has {self.frames} frames instead of {self.header.frames}.",
                remedy="This is a fault in AceBridge: please report it.",
            )
        self._put(wav.trailer(self.header.frames, self.header.channels, self.header.encoding))
        os.fsync(self._file.fileno())
        self.close()
        sha256 = self._digest.hexdigest()
        latents = self.latents
        if latents is None and self.full is not None:
            latents = no_latents("", 1)
        if latents is not None:
            write_latents(latents, self.path, sha256, self.full)
        return OutputFile(self.header, self.path, sha256)

    def close(self) -> None:
        self._file.close()


def record(
    task: Task,
    engine: Engine,
    folder: Path,
    cancel: CancelToken,
    earlier: Sequence[Take] = (),
    first_output: int = 0,
    *,
    note: str = "",
    spare: Callable[[], Engine] | None = None,
) -> Iterator[_Events | Ranking]:
    """Run ``task`` and yield its events; output n appears in ``folder`` as ``n.wav``, with its latents beside it.

    The takes of an ``earlier`` attempt are not repeated, and outputs are numbered from ``first_output`` on, after theirs. A
    task that chooses ends when enough takes are good, with a `Ranking`. The caller removes the files of takes not kept.
    ``note`` is one more warning of each take. ``spare`` returns the engine that makes all takes where memory is short for the
    models of ``engine``, see `EngineChange`.

    Raises what the task and the engine raise, `EngineFailure` for an output of the wrong length, and ``OSError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    task = with_all_seeds(task)
    output, takes = task.output_spec, list(earlier)
    if not _is_done(output, takes):

        def work(engine: Engine, note: str) -> Generator[_Events, None, None]:
            return _record_takes(task, engine, folder, cancel, len(earlier), first_output, note)

        with closing(_with_spare(work, engine, note, None if earlier else spare)) as events:
            for event in events:
                yield event
                if isinstance(event, TakeFiles):
                    takes.append(event)
                    if _is_done(output, takes):
                        break
    if output.chooses:
        yield Ranking(rank_takes(output, takes))


def _is_done(output: Output, takes: Sequence[Take]) -> bool:
    return len(takes) >= output.count or is_enough(output, takes)


def _with_spare(
    work: Callable[[Engine, str], Generator[_Events, None, None]],
    engine: Engine,
    note: str,
    spare: Callable[[], Engine] | None,
) -> Generator[_Events, None, None]:
    """Yield the events of ``work`` with an engine and a note; once more with a spare engine where memory is short at first.

    Raises the first error where the spare engine refuses the task.
    """
    has_output = False
    try:
        with closing(work(engine, note)) as events:
            for event in events:
                has_output = has_output or isinstance(event, OutputHeader)
                yield event
        return
    except NotEnoughMemory as error:
        if spare is None or has_output:
            raise
        shortage = error
    other, is_announced = spare(), False
    note = (
        f"The {other.name} engine made this, as memory was short for the {engine.name} engine. {shortage.message}"
        " Close other programs, then send it again."
    )
    try:
        with closing(work(other, note)) as events:
            for event in events:
                if not is_announced:
                    yield EngineChange(other.name, note)
                is_announced = True
                yield event
    except (InvalidValue, UnsupportedTask):
        raise shortage from None


def _record_takes(
    task: Task, engine: Engine, folder: Path, cancel: CancelToken, done: int, first_output: int, note: str
) -> Generator[_Events, None, None]:
    """Run ``task`` after its first ``done`` takes; outputs are numbered from ``first_output`` on."""
    growing: dict[int, _Recorder] = {}
    task, seed_notes = with_other_seeds(task, engine)
    origins = Origins(task, engine)
    try:
        for event in run_with_warnings(task, engine, cancel, done, note=note):
            cancel.check()
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, OutputHeader):
                chunks = origins.chunks_for(event)
                header = dataclasses.replace(event, output=first_output + event.output, chunks=chunks)
                growing[event.output] = _Recorder(header, folder)
                yield header
            elif isinstance(event, OutputBlock):
                if len(event.samples):
                    yield growing[event.output].add(event.samples)
            elif isinstance(event, OutputLatents):
                recorder = growing[event.output]
                recorder.latents, recorder.full = event.latents, event.full
            else:
                outputs = tuple(recorder.finish() for recorder in growing.values())
                growing.clear()
                metadata = with_warnings(event.metadata, [*seed_notes, *origins.notes])
                yield TakeFiles(event.take, event.seed, metadata, outputs)
    finally:
        for recorder in growing.values():
            recorder.close()
