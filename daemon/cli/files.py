"""Where files go: names of output files, folders that can be written, and files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from acebridge.v1 import audio_pb2
from acestep_runtime import wav
from acestep_runtime.errors import InvalidValue, printable

_ENCODINGS = {1: "float32", 2: "pcm24", 3: "pcm16"}


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


def check_writable(folder: Path) -> None:
    """Raise `InvalidValue` unless a file can be made in ``folder``, or in the part of its path that there is already."""
    try:
        there = next(above for above in (folder, *folder.parents) if above.exists() or above == above.parent)
        with tempfile.TemporaryFile(prefix=".", suffix=".part", dir=there):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError, remedy: str = "Choose another place with -o.") -> InvalidValue:
    """Return the sentence about a folder that cannot be written."""
    shown = printable(str(folder.absolute()), 200)
    reason = error.strerror or str(error)
    message = f"The folder {shown} cannot be written: {reason}."
    return InvalidValue("--out", shown, "a folder that can be written", message=message, remedy=remedy)


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that gets its name when it is whole. Raises `InvalidValue` when its folder cannot be written."""
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("xb") as file:
            for piece in pieces:
                file.write(piece)
        unfinished.replace(path)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


class Writer:
    """Writes outputs while they arrive, under temporary names, and gives them their own only when they are whole."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self._files: dict[int, tuple[audio_pb2.AudioHeader, BinaryIO, Path, Path]] = {}
        self._stack = ExitStack()
        self._first_role = ""

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Remove everything that is not whole."""
        self._stack.close()
        for _, _, unfinished, _ in self._files.values():
            with suppress(OSError):
                unfinished.unlink()
        self._files.clear()

    def begin(self, header: audio_pb2.AudioHeader) -> None:
        """Open the file of an output."""
        self._first_role = self._first_role or header.role
        path = self.destination.file(header.role, header.take, self._first_role)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
        file = self._stack.enter_context(unfinished.open("xb"))
        self._files[header.output] = (header, file, unfinished, path)
        file.write(wav.header(header.frames, header.channels, header.sample_rate, _ENCODINGS[header.encoding]))

    def add(self, chunk: audio_pb2.AudioChunk) -> None:
        """Write samples."""
        header, file, _, _ = self._files[chunk.output]
        encoding = _ENCODINGS[header.encoding]
        frame_bytes = wav.encoding_of(encoding).sample_bytes * header.channels
        base = wav.data_offset(header.frames, header.channels, header.sample_rate, encoding)
        file.seek(base + chunk.offset_frames * frame_bytes)
        file.write(chunk.data)

    def finish(self, output: int) -> Path:
        """Give a whole output its name; return it."""
        header, file, unfinished, path = self._files.pop(output)
        file.seek(0, 2)
        file.write(wav.trailer(header.frames, header.channels, _ENCODINGS[header.encoding]))
        file.close()
        unfinished.replace(path)
        return path
