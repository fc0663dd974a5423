"""Where the results of a command go: names of output files, and the folders that get them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from acebridge.client.atomic_files import check_writable
from acebridge.client.wav_writer import Writer
from acestep_runtime.errors import InvalidValue


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
        """Return the file for a role of a take (from 0). Raises `InvalidValue` when that is the source."""
        number = f"-{take + 1}" if take else ""
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


def writer_to(destination: Destination) -> Writer:
    """Return the writer of outputs that go to ``destination``; the first role that comes gets the bare name."""
    first_roles: list[str] = []

    def place(role: str, take: int) -> Path:
        first_roles.append(role)
        return destination.file(role, take, first_roles[0])

    return Writer(destination.folder, place)
