"""Writing the audio of a job while it arrives. How it is encoded is loaded with the first audio, when the job runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from acebridge.client.atomic_files import replace
from acebridge.v1 import audio_pb2

#: Names of the encodings of the contract.
ENCODINGS = {1: "float32", 2: "pcm24", 3: "pcm16"}


class Writer:
    """Writes outputs while they arrive, under temporary names, and gives them their own only when they are whole.

    ``place`` says where a role of a take (from 0) goes; ``folder`` is named when that cannot be written.
    """

    def __init__(self, folder: Path, place: Callable[[str, int], Path]) -> None:
        self.folder = folder
        self._place = place
        self._files: dict[int, tuple[audio_pb2.AudioHeader, BinaryIO, Path, Path]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def discard(self) -> None:
        """Remove everything that is not whole."""
        with suppress(OSError):  # a full disk refuses what was still to be written
            self._stack.close()
        for _, _, unfinished, _ in self._files.values():
            with suppress(OSError):
                unfinished.unlink()
        self._files.clear()

    def begin(self, header: audio_pb2.AudioHeader) -> None:
        """Open the file of an output."""
        from acestep_runtime.audio import wav

        path = self._place(header.role, header.take)
        unfinished = _unfinished(path)
        file = self._stack.enter_context(unfinished.open("xb"))
        self._files[header.output] = (header, file, unfinished, path)
        file.write(wav.header(header.frames, header.channels, header.sample_rate, ENCODINGS[header.encoding]))

    def add(self, chunk: audio_pb2.AudioChunk) -> None:
        """Write samples."""
        from acestep_runtime.audio import wav

        header, file, _, _ = self._files[chunk.output]
        encoding = ENCODINGS[header.encoding]
        frame_bytes = wav.encoding_of(encoding).sample_bytes * header.channels
        base = wav.data_offset(header.frames, header.channels, header.sample_rate, encoding)
        file.seek(base + chunk.offset_frames * frame_bytes)
        file.write(chunk.data)

    def finish(self, output: int, path: Path | None = None) -> Path:
        """Give a whole output its name, or ``path`` instead; return it."""
        from acestep_runtime.audio import wav

        header, file, unfinished, chosen = self._files[output]
        file.seek(0, 2)
        file.write(wav.trailer(header.frames, header.channels, ENCODINGS[header.encoding]))
        file.close()
        replace(unfinished, path or chosen)
        del self._files[output]
        return path or chosen

    def save(self, role: str, take: int, data: Iterable[bytes]) -> Path:
        """Write a whole file, which comes as ``data``; return it."""
        path = self._place(role, take)
        unfinished = _unfinished(path)
        try:
            with unfinished.open("xb") as file:
                file.writelines(data)
            replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path


def _unfinished(path: Path) -> Path:
    """Return a temporary name beside a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{secrets.token_hex(8)}.part")
