"""Where the results of a command go: names of output files, and the folders that get them."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acebridge.atomic_files import check_writable
from acebridge.client.wav_writer import WavWriter
from acebridge.file_names import LONGEST_STEM_BYTES, file_name, short_stem
from acestep_runtime.errors import InvalidValue, printable

if TYPE_CHECKING:
    from acebridge.v1 import audio_pb2, tasks_pb2


#: Endings of the files that are written, with the bits that their samples may have; none where they are lossy.
SUFFIXES = {".wav": (16, 24, 32), ".flac": (16, 24), ".ogg": (), ".opus": (), ".mp3": ()}
_SUFFIX_LIST = ", ".join(SUFFIXES)
_ENCODINGS = {16: "pcm16", 24: "pcm24", 32: "float32"}
#: What looks like the ending of a file, and not like a part of a folder's name, such as v1.2.
_FILE_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}")


class FileKind(NamedTuple):
    """What files are written: their ending, and the bits of their samples; 0 are the usual ones."""

    suffix: str
    bits: int = 0

    @classmethod
    def choose(cls, out: str | None, format_: str | None = None, bits: int | None = None) -> FileKind:
        """Return the kind that the name of a file says, else ``format_``, a sample format or a kind of file, else WAV.

        Raises `InvalidValue` where they contradict each other.
        """
        ending = Path(out or "").suffix.lower()
        asked = f".{format_}"
        if ending not in SUFFIXES or names_folder(out or "") or Path(out or "").is_dir():
            ending = asked if asked in SUFFIXES else ".wav"
        elif asked in SUFFIXES and asked != ending:
            raise InvalidValue("--format", format_, f"{ending[1:]}, as the name {printable(out or '')} says",
                               remedy="Leave it out, or give the file another ending.")  # fmt: skip
        of_format = next((count for count, name in _ENCODINGS.items() if name == format_), 0)
        if bits is not None and of_format and bits != of_format:
            raise InvalidValue(
                "--bits", bits, f"{of_format}, as --format {format_} says", remedy="Leave out one of them."
            )
        count, allowed = bits or of_format, SUFFIXES[ending]
        if bits is not None and bits not in allowed:
            *most, last = map(str, allowed or (0, 0))
            words = f"{', '.join(most)} or {last} for {ending[1:]} files" if allowed else f"nothing for {ending[1:]}"
            remedy = "" if allowed else f"Leave it out: {ending[1:]} has no bits to choose."
            raise InvalidValue("--bits", bits, words, remedy=remedy)
        return cls(ending, count if count in allowed else 0)

    @property
    def encoding(self) -> str | None:
        """How the daemon should encode the samples; ``None`` is its default, which loses nothing."""
        return _ENCODINGS.get(self.bits) if self.suffix == ".wav" else None


WAV = FileKind(".wav")


@dataclass(frozen=True)
class Destination:
    """A folder that gets ``<role>.wav``, or a file whose further roles and takes get a suffix. ``kind`` is that of the files.

    folder        drums.wav  bass.wav  drums-2.wav
    out.wav       out.wav  out-bass.wav  out-2.wav

    Only a file that the user ``named`` replaces one that is there. Every other name gets a number where it is taken.
    """

    path: Path
    is_folder: bool
    #: Never written to.
    inputs: tuple[Path, ...] = ()
    named: bool = False
    kind: FileKind = WAV

    @property
    def folder(self) -> Path:
        """The folder that everything goes to."""
        return self.path if self.is_folder else self.path.parent

    @classmethod
    def choose(
        cls,
        out: str | None,
        *,
        source: Path | None,
        reference: Path | None = None,
        task: str,
        many: bool,
        kind: FileKind | None = None,
    ) -> Destination:
        """Return where the outputs of ``task`` go; ``many`` says that it returns several roles, ``kind`` what files they are.

        Without ``out`` a name that is still free is made from the source's and ``task``, which may hold what a daemon sent. A
        name that ends in a slash, or has no suffix and is not there, is a folder. Raises `InvalidValue` for a file of a kind
        that is not written, for an input, for a name that is too long, and for a folder that cannot be written.
        """
        inputs = tuple(path for path in (source, reference) if path is not None)
        if out is not None:
            check_length(Path(out))
            check_no_input("--out", Path(out), inputs)
        kind = kind or FileKind.choose(out)
        chosen = replace(cls._choose(out, source, file_name(task), many, kind), inputs=inputs, kind=kind)
        check_writable(chosen.folder)
        return chosen

    @classmethod
    def _choose(cls, name: str | None, source: Path | None, task: str, many: bool, kind: FileKind) -> Destination:
        out = None if name is None else Path(name)
        if name is None or out is None:
            base = f"{short_stem(source)}-{task}" if source is not None else task
            names = (base if n == 1 else f"{base} ({n})" for n in range(1, 10_000))
            path = next(
                Path(name) for name in names if not Path(name).exists() and not Path(name + kind.suffix).exists()
            )
            return cls(path, True) if many else cls(path.with_name(path.name + kind.suffix), False)
        if is_folder(name, out):
            file = f"{short_stem(source)}-{task}{kind.suffix}" if source else f"{task}{kind.suffix}"
            return cls(out, True) if many else cls(out / file, False)
        if out.suffix.lower() in SUFFIXES:
            return cls(out, False, named=True)
        raise InvalidValue("--out", str(out), f"a folder, or a name that ends in {_SUFFIX_LIST}")

    def file(self, role: str, take: int, first_role: str) -> Path:
        """Return the file for a role of a take. Raises `InvalidValue` when that is an input."""
        number = f"-{take}" if take > 1 else ""
        if self.is_folder:
            file = self.path / f"{role}{number}{self.kind.suffix}"
        else:
            file = self.path.with_stem(f"{self.path.stem}{'' if role == first_role else '-' + role}{number}")
        check_no_input("--out", file, self.inputs)
        return file if self.named and file == self.path else free_name(file)


def check_length(out: Path) -> None:
    """Raise `InvalidValue` for a name that leaves no room for those of further roles and takes."""
    if len(os.fsencode(out.stem)) > LONGEST_STEM_BYTES:
        allowed = f"a name of at most {LONGEST_STEM_BYTES} bytes before its ending"
        raise InvalidValue("--out", printable(out.name, 40), allowed, remedy="Choose a shorter name.")


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


def is_folder(name: str, path: Path) -> bool:
    """Return whether ``name``, of ``path``, means a folder: is one, is written as one, or is not there and has no suffix."""
    return path.is_dir() or names_folder(name) or (not _FILE_SUFFIX.fullmatch(path.suffix) and not path.exists())


def write_as(path: Path, bits: int = 0) -> tuple[str, ...]:
    """Write a WAV file again in the format that its name ends in, if that is another; return what is not as it was."""
    if path.suffix.lower() in SUFFIXES.keys() - {".wav"}:
        with path.open("rb") as file:
            is_wave = file.read(4) in (b"RIFF", b"RF64")
        if is_wave:
            from acestep_runtime.audio.export import export

            return export(path, path, bits)
    return ()


class ResultFiles(WavWriter):
    """Writes the outputs of a job as they arrive. Takes to choose from are fetched by ``download`` when the choice is made."""

    def __init__(self, destination: Destination, download: Callable[[str], Iterable[bytes]]) -> None:
        super().__init__(destination.folder, self._choose_path)
        self._destination, self._download = destination, download
        #: Sentences on what files in another format than WAV do not hold.
        self.notes: list[str] = []
        self._first_role = ""
        #: Role and take → the file, so that a take that is made again gets the same one.
        self._paths: dict[tuple[str, int], Path] = {}

    def _choose_path(self, role: str, take: int) -> Path:
        """The first role that comes gets the bare name."""
        self._first_role = self._first_role or role
        if (role, take) not in self._paths:
            self._paths[role, take] = self._destination.file(role, take, self._first_role)
        return self._paths[role, take]

    def put(self, unfinished: Path, path: Path) -> None:
        """Give a whole file its name; one that is not to be WAV is written again in its format."""
        if path.suffix.lower() == ".wav":
            super().put(unfinished, path)
            return
        from acestep_runtime.audio.export import export

        self.notes += export(unfinished, path, self._destination.kind.bits)
        unfinished.unlink()

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
