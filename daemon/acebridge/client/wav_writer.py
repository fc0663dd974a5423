"""Writing the audio of a job while it arrives. How it is encoded is loaded with the first audio, when the job runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar

from acebridge.atomic_files import replace
from acebridge.client.follow import JobSink
from acebridge.file_names import file_name
from acestep_runtime.temporary_files import remove_stale, temporary_path

if TYPE_CHECKING:
    from acebridge.v1 import audio_pb2, tasks_pb2

#: Of a role in the name of a file: it leaves room for what stands before and behind it.
_MAX_ROLE, _MAX_ROLE_BYTES = 30, 60

Writer = TypeVar("Writer", bound="WavWriter")


class _Growing(NamedTuple):
    """A file that is being written: its temporary name, the one that it gets, where its samples begin, and what follows."""

    file: BinaryIO
    unfinished: Path
    path: Path
    data_at: int
    frame_bytes: int
    trailer: bytes


class WavWriter(JobSink):
    """Writes the outputs of a job while they arrive, under temporary names; they get their own when their take is finished.

    Where takes are chosen, the chosen ones get their names when the job is complete, and the others are removed. ``place``
    returns where a role of a take goes: it gets the role as it may stand in a file's name. ``folder`` is named when that cannot
    be written. A context manager: what is unfinished at the end is removed, and so is what commands that were killed left in
    the same folders.
    """

    def __init__(self, folder: Path, place: Callable[[str, int], Path]) -> None:
        self.folder = folder
        #: The finished files: output → path.
        self.files: dict[int, Path] = {}
        #: Whether the job chooses among its takes: which of them are kept is known at its end.
        self.chooses = False
        self._place = place
        self._growing: dict[int, _Growing] = {}

    def __enter__(self: Writer) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Remove everything that is unfinished."""
        self.on_audio_void(self._growing.keys())

    def on_audio_void(self, outputs: Set[int]) -> None:
        """Remove the unfinished files of these outputs."""
        for output in outputs & self._growing.keys():
            growing = self._growing.pop(output)
            with suppress(OSError):  # a full disk refuses what was still to be written
                growing.file.close()
            with suppress(OSError):
                growing.unfinished.unlink()

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        """Open the file of an output."""
        from acebridge.contract.enums import encoding_name
        from acestep_runtime.audio import wav

        encoding = encoding_name(header.encoding)
        path = self._place(_role_name(header.role), header.take)
        if not self._growing:
            remove_stale(path.parent)
        unfinished = _temporary(path)
        file = unfinished.open("xb")
        start = wav.header(header.frames, header.channels, header.sample_rate, encoding, header.chunks)
        frame_bytes = wav.encoding_of(encoding).sample_bytes * header.channels
        trailer = wav.trailer(header.frames, header.channels, encoding)
        self._growing[header.output] = _Growing(file, unfinished, path, len(start), frame_bytes, trailer)
        file.write(start)

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        """Write samples."""
        growing = self._growing[chunk.output]
        growing.file.seek(growing.data_at + chunk.offset_frames * growing.frame_bytes)
        growing.file.write(chunk.data)

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Keep whether takes are chosen."""
        self.chooses = started.chooses

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        """End the files of a take; give them their names if they are sure to be kept."""
        for output in take.outputs:
            growing = self._growing[output.output]
            growing.file.seek(0, 2)
            growing.file.write(growing.trailer)
            growing.file.close()  # also of a take that still waits for the choice: tries are many, open files are few
        if not self.chooses:
            self.name_take(take)

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Name the files of the takes that were chosen, and remove those of the others."""
        if self.chooses:
            for take in completed.takes:
                self.name_take(take)
        self.discard()

    def name_take(self, take: tasks_pb2.TakeFinished) -> None:
        """Give the files of a take that is kept their names."""
        for output in take.outputs:
            self.files[output.output] = self.rename(output.output)

    def place_of(self, output: int) -> Path:
        """Return the name that the file of an output is to get."""
        return self._growing[output].path

    def rename(self, output: int, path: Path | None = None) -> Path:
        """Give the whole file of an output its name, or ``path`` instead; return it."""
        growing = self._growing[output]
        path = path or growing.path
        self.put(growing.unfinished, path)
        del self._growing[output]
        return path

    def put(self, unfinished: Path, path: Path) -> None:
        """Give a whole file its name."""
        replace(unfinished, path)

    def save(self, role: str, take: int, data: Iterable[bytes]) -> Path:
        """Write a whole file, which comes as ``data``; return it."""
        path = self._place(_role_name(role), take)
        unfinished = _temporary(path)
        try:
            with unfinished.open("xb") as file:
                file.writelines(data)
            self.put(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path


def _role_name(role: str) -> str:
    """Return a role as a part of the name of a file. The daemon, which may be another machine's, sends what it likes."""
    return file_name(role, _MAX_ROLE, _MAX_ROLE_BYTES) or "audio"


def _temporary(path: Path) -> Path:
    """Return a temporary name beside a file, in a folder that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return temporary_path(path)
