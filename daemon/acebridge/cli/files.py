"""Where the results of a command go: names of output files, and the folders that get them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import check_writable
from acebridge.client.wav_writer import WavWriter
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.v1 import audio_pb2, tasks_pb2


@dataclass(frozen=True)
class Destination:
    """A folder that gets ``<role>.wav``, or a file whose further roles and takes get a suffix.

    folder        drums.wav  bass.wav  drums-2.wav
    out.wav       out.wav  out-bass.wav  out-2.wav
    """

    path: Path
    is_folder: bool
    #: Never written to.
    source: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder that everything goes to."""
        return self.path if self.is_folder else self.path.parent

    @classmethod
    def choose(cls, out: str | None, *, source: Path | None, task: str, many: bool) -> Destination:
        """Return where the outputs of ``task`` go; ``many`` says that it returns several roles.

        Without ``out`` a name that is still free is made from the source's; one that ends in a slash is a folder. Raises
        `InvalidValue` for a file that is not WAV, for the source itself, and for a folder that cannot be written.
        """
        chosen = cls._choose(out, source, task, many)
        check_writable(chosen.folder)
        return chosen

    @classmethod
    def _choose(cls, name: str | None, source: Path | None, task: str, many: bool) -> Destination:
        out = None if name is None else Path(name)
        if name is None or out is None:
            base = f"{source.stem}-{task}" if source is not None else task
            names = (base if n == 1 else f"{base} ({n})" for n in range(1, 10_000))
            path = next(Path(name) for name in names if not Path(name).exists() and not Path(f"{name}.wav").exists())
            return cls(path, True, source) if many else cls(path.with_name(path.name + ".wav"), False, source)
        if source is not None and out.exists() and source.exists() and out.samefile(source):
            raise _is_source(out)
        if out.is_dir() or names_folder(name):
            file = f"{source.stem if source else task}-{task}.wav"
            return cls(out, True, source) if many else cls(out / file, False, source)
        if out.suffix.lower() == ".wav":
            return cls(out, False, source)
        if many and not out.exists():
            return cls(out, True, source)
        allowed = "a folder, or a name that ends in .wav" if many else "a name that ends in .wav"
        raise InvalidValue("--out", str(out), allowed)

    def file(self, role: str, take: int, first_role: str) -> Path:
        """Return the file for a role of a take. Raises `InvalidValue` when that is the source."""
        number = f"-{take}" if take > 1 else ""
        if self.is_folder:
            file = self.path / f"{role}{number}.wav"
        else:
            file = self.path.with_stem(f"{self.path.stem}{'' if role == first_role else '-' + role}{number}")
        if self.source is not None and file.exists() and file.samefile(self.source):
            raise _is_source(file)
        return file


def _is_source(out: Path) -> InvalidValue:
    return InvalidValue("--out", str(out), "any file but the source", remedy="Originals are never overwritten.")


def names_folder(name: str) -> bool:
    """Return whether a name is written as that of a folder, with a slash at its end."""
    return name.endswith(("/", os.sep))


class ResultFiles(WavWriter):
    """Writes the outputs of a job as they arrive. Takes to choose from are fetched by ``download`` when the choice is made."""

    def __init__(self, destination: Destination, download: Callable[[str], Iterable[bytes]]) -> None:
        super().__init__(destination.folder, self._choose_path)
        self._destination, self._download = destination, download
        self._first_role = ""
        self._chooses = False

    def _choose_path(self, role: str, take: int) -> Path:
        """The first role that comes gets the bare name."""
        self._first_role = self._first_role or role
        return self._destination.file(role, take, self._first_role)

    def on_started(self, started: tasks_pb2.Started) -> None:
        """Keep whether takes are chosen."""
        self._chooses = started.chooses

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        """Open the file of an output, if it is sure to be kept."""
        if not self._chooses:
            super().on_audio_header(header)

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        """Write samples, if they are sure to be kept."""
        if not self._chooses:
            super().on_audio(chunk)

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        """Give the files of a take their names, if they are sure to be kept."""
        if not self._chooses:
            super().on_take(take)

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Write the takes that were chosen, numbered from the best."""
        if self._chooses:
            for place, take in enumerate(completed.takes, 1):
                for output in take.outputs:
                    self.files[output.output] = self.save(output.role, place, self._download(output.asset_id))
