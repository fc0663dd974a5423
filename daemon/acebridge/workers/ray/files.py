"""The files of an order, on their way from the node's disk to the daemon's spool, piece by piece while they grow."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

from acebridge.workers.messages import Message, Take
from acebridge.workers.ray.messages import DeathMessage, FilePiece
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.latents_files import latents_path
from acestep_runtime.raw_files import write_all

#: What goes at once: much more would delay messages, much less costs calls.
PIECE_BYTES = 4 * 2**20


class DamagedFile(Exception):
    """What arrived is not what was sent."""


def audio_name(output: int) -> str:
    """Return the name of an output's file: see `acestep_runtime.recording`."""
    return f"{output}.wav"


class Outbox:
    """Messages of a worker process, each behind the bytes of the files that it speaks of. ``folder`` is that of its order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: deque[Message | DeathMessage] = deque()
        #: File of the first message → its size when that message's turn came.
        self._targets: dict[str, int] | None = None
        #: File → how much of it is sent.
        self._sent: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, message: Message | DeathMessage) -> None:
        """Send a message when its turn comes."""
        self._waiting.append(message)

    def take(self, limit_bytes: int = PIECE_BYTES) -> list[FilePiece | Message | DeathMessage]:
        """Return what can be sent now, with at most ``limit_bytes`` of files. Raises ``OSError``."""
        parcel: list[FilePiece | Message | DeathMessage] = []
        while self._waiting:
            message = self._waiting[0]
            if self._targets is None:
                self._targets = self._find_targets(message)
            for name, size in self._targets.items():
                while (sent := self._sent.get(name, 0)) < size:
                    if not limit_bytes:
                        return parcel
                    piece = self._read(name, sent, min(size - sent, limit_bytes))
                    limit_bytes -= len(piece.data)
                    self._sent[name] = sent + len(piece.data)
                    parcel.append(piece)
            if message["type"] == "take":
                for name in self._targets:
                    (self._folder / name).unlink(missing_ok=True)
            parcel.append(message)
            self._waiting.popleft()
            self._targets = None
        return parcel

    def _find_targets(self, message: Message | DeathMessage) -> dict[str, int]:
        """Return the files that have to be there before a message, and their sizes. They may grow further."""
        if message["type"] == "header" or message["type"] == "audio":
            names = [audio_name(message["body"]["output"])]
        elif message["type"] == "take":
            audio = [audio_name(output["output"]) for output in message["body"]["outputs"]]
            names = [each for name in audio for each in (name, latents_path(Path(name)).name)]
        else:
            return {}
        return {name: (self._folder / name).stat().st_size for name in names if (self._folder / name).exists()}

    def _read(self, name: str, offset_bytes: int, size_bytes: int) -> FilePiece:
        with (self._folder / name).open("rb") as file:
            file.seek(offset_bytes)
            data = file.read(size_bytes)
        if not data:
            raise DamagedFile(f"{name} became shorter")
        return FilePiece(name, offset_bytes, data)


class Inbox:
    """The files of an order as they arrive, in the folder where the daemon looks for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def write(self, piece: FilePiece) -> None:
        """Write a piece. Raises `DamagedFile` for one that does not continue its file, and ``OSError``."""
        file = self._files.get(piece.name)
        if file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._files[piece.name] = (self._folder / Path(piece.name).name).open("xb", buffering=0)
        if file.tell() != piece.offset_bytes:
            raise DamagedFile(f"{piece.name} goes on at {piece.offset_bytes} instead of {file.tell()}")
        write_all(file, piece.data)

    def finish(self, take: Take) -> None:
        """Bring the files of a take to the disk. Raises `DamagedFile` where one is not what its hash says, and ``OSError``."""
        for output in take["outputs"]:
            name = audio_name(output["output"])
            for each in (name, latents_path(Path(name)).name):
                if (file := self._files.pop(each, None)) is not None:
                    os.fsync(file.fileno())
                    file.close()
            if hash_file(self._folder / name) != output["asset_id"]:
                raise DamagedFile(f"{name} is not what its hash says")

    def close(self) -> None:
        """Close the files of takes that were not finished."""
        for file in self._files.values():
            file.close()
        self._files.clear()
