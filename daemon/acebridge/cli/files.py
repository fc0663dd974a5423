"""Where the results of a command go: names of output files, and the folders that get them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from acebridge.atomic_files import check_writable
from acebridge.client.wav_writer import WavWriter
from acebridge.file_names import file_name
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acebridge.v1 import audio_pb2, tasks_pb2


@dataclass(frozen=True)
class Destination:
    """A folder that gets ``<role>.wav``, or a file whose further roles and takes get a suffix.

    folder        drums.wav  bass.wav  drums-2.wav
    out.wav       out.wav  out-bass.wav  out-2.wav

    Only a file that the user ``named`` replaces one that is there. Every other name gets a number where it is taken.
    """

    path: Path
    is_folder: bool
    #: Never written to.
    inputs: tuple[Path, ...] = ()
    named: bool = False

    @property
    def folder(self) -> Path:
        """The folder that everything goes to."""
        return self.path if self.is_folder else self.path.parent

    @classmethod
    def choose(
        cls, out: str | None, *, source: Path | None, reference: Path | None = None, task: str, many: bool
    ) -> Destination:
        """Return where the outputs of ``task`` go; ``many`` says that it returns several roles.

        Without ``out`` a name that is still free is made from the source's and ``task``, which may hold what a daemon sent; one
        that ends in a slash is a folder. Raises `InvalidValue` for a file that is not WAV, for an input, and for a folder that
        cannot be written.
        """
        inputs = tuple(path for path in (source, reference) if path is not None)
        if out is not None:
            check_no_input("--out", Path(out), inputs)
        chosen = replace(cls._choose(out, source, file_name(task), many), inputs=inputs)
        check_writable(chosen.folder)
        return chosen

    @classmethod
    def _choose(cls, name: str | None, source: Path | None, task: str, many: bool) -> Destination:
        out = None if name is None else Path(name)
        if name is None or out is None:
            base = f"{source.stem}-{task}" if source is not None else task
            names = (base if n == 1 else f"{base} ({n})" for n in range(1, 10_000))
            path = next(Path(name) for name in names if not Path(name).exists() and not Path(f"{name}.wav").exists())
            return cls(path, True) if many else cls(path.with_name(path.name + ".wav"), False)
        if out.is_dir() or names_folder(name):
            file = f"{source.stem if source else task}-{task}.wav"
            return cls(out, True) if many else cls(out / file, False)
        if out.suffix.lower() == ".wav":
            return cls(out, False, named=True)
        if many and not out.exists():
            return cls(out, True)
        allowed = "a folder, or a name that ends in .wav" if many else "a name that ends in .wav"
        raise InvalidValue("--out", str(out), allowed)

    def file(self, role: str, take: int, first_role: str) -> Path:
        """Return the file for a role of a take. Raises `InvalidValue` when that is an input."""
        number = f"-{take}" if take > 1 else ""
        if self.is_folder:
            file = self.path / f"{role}{number}.wav"
        else:
            file = self.path.with_stem(f"{self.path.stem}{'' if role == first_role else '-' + role}{number}")
        check_no_input("--out", file, self.inputs)
        return file if self.named and file == self.path else free_name(file)


def check_no_input(option: str, out: Path, inputs: Iterable[Path]) -> None:
    """Raise `InvalidValue` when ``out`` is one of the files that a command reads, also through a link."""
    if out.exists() and any(path.exists() and out.samefile(path) for path in inputs):
        raise InvalidValue(option, str(out), "any file but an input", remedy="Originals are never overwritten.")


def free_name(file: Path) -> Path:
    """Return ``file``, or ``file (2)`` and so on where there is one already."""
    names = (file if number == 1 else file.with_stem(f"{file.stem} ({number})") for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def names_folder(name: str) -> bool:
    """Return whether a name is written as that of a folder, with a slash at its end."""
    return name.endswith(("/", os.sep))


class ResultFiles(WavWriter):
    """Writes the outputs of a job as they arrive. Takes to choose from are fetched by ``download`` when the choice is made."""

    def __init__(self, destination: Destination, download: Callable[[str], Iterable[bytes]]) -> None:
        super().__init__(destination.folder, self._choose_path)
        self._destination, self._download = destination, download
        self._first_role = ""
        #: Role and take → the file, so that a take that is made again gets the same one.
        self._paths: dict[tuple[str, int], Path] = {}

    def _choose_path(self, role: str, take: int) -> Path:
        """The first role that comes gets the bare name."""
        self._first_role = self._first_role or role
        if (role, take) not in self._paths:
            self._paths[role, take] = self._destination.file(role, take, self._first_role)
        return self._paths[role, take]

    def on_audio_header(self, header: audio_pb2.AudioHeader) -> None:
        """Open the file of an output, if it is sure to be kept."""
        if not self.chooses:
            super().on_audio_header(header)

    def on_audio(self, chunk: audio_pb2.AudioChunk) -> None:
        """Write samples, if they are sure to be kept."""
        if not self.chooses:
            super().on_audio(chunk)

    def on_take(self, take: tasks_pb2.TakeFinished) -> None:
        """End the files of a take and give them their names, if they are sure to be kept."""
        if not self.chooses:
            super().on_take(take)

    def on_completed(self, completed: tasks_pb2.Completed) -> None:
        """Write the takes that were chosen, numbered from the best."""
        if self.chooses:
            for place, take in enumerate(completed.takes, 1):
                for output in take.outputs:
                    self.files[output.output] = self.save(output.role, place, self._download(output.asset_id))
