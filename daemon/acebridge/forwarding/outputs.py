"""The outputs of a job, written into the spool while they arrive: the same files that a worker of this machine writes.

What has arrived stays. A daemon that makes an output again, because it was started again, sends it again from its first frame;
what is here already is compared with it and written once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from acebridge.contract.enums import encoding_name
from acebridge.v1 import audio_pb2
from acebridge.workers.messages import Audio, Take
from acestep_runtime.audio import wav
from acestep_runtime.raw_files import write_all


class AudioMismatch(Exception):
    """An output that is made again differs from what has arrived of it."""


class _Growing:
    """A file that is hashed as it grows."""

    def __init__(self, header: audio_pb2.AudioHeader, path: Path) -> None:
        self.header = header
        self.frames = 0
        self.encoding = encoding_name(header.encoding)
        self.frame_bytes = wav.encoding_of(self.encoding).sample_bytes * header.channels
        self._digest = hashlib.sha256()
        self._file: BinaryIO = path.open("x+b", buffering=0)
        start = wav.header(header.frames, header.channels, header.sample_rate, self.encoding, header.chunks)
        self._data_at = len(start)
        self._put(start)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        write_all(self._file, data)

    def add(self, offset_frames: int, data: bytes) -> int:
        """Write samples that begin at a frame; return how many frames of them are new. Raises `AudioMismatch`."""
        count = len(data) // self.frame_bytes
        if offset_frames > self.frames:
            raise AudioMismatch(f"frames {self.frames} to {offset_frames} of output {self.header.output} are missing")
        known = min(count, self.frames - offset_frames)
        if known and self._read(offset_frames, known) != data[: known * self.frame_bytes]:
            raise AudioMismatch(f"the frames from {offset_frames} of output {self.header.output} are others now")
        self._put(data[known * self.frame_bytes :])
        self.frames += count - known
        return count - known

    def _read(self, frame: int, count: int) -> bytes:
        self._file.seek(self._data_at + frame * self.frame_bytes)
        data = self._file.read(count * self.frame_bytes)
        self._file.seek(0, os.SEEK_END)
        return data

    def finish(self) -> str:
        """End the whole file, on the disk; return the SHA-256 of its bytes."""
        self._put(wav.trailer(self.header.frames, self.header.channels, self.encoding))
        os.fsync(self._file.fileno())
        self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()


class Outputs:
    """The outputs of one job, in ``folder``. Those of ``takes``, which an earlier attempt has made, are not written again."""

    def __init__(self, folder: Path, takes: Iterable[Take]) -> None:
        self._folder = folder
        #: Numbers of the contract, which count from 1.
        self._finished = {output["output"] + 1 for take in takes for output in take["outputs"]}
        self._growing: dict[int, _Growing] = {}

    def begin(self, header: audio_pb2.AudioHeader) -> bool:
        """Begin an output; return whether it is a new one. Raises `AudioMismatch`."""
        if header.output in self._finished:
            return False
        growing = self._growing.get(header.output)
        if growing is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._growing[header.output] = _Growing(header, self._folder / f"{header.output - 1}.wav")
            return True
        if growing.header != header:
            raise AudioMismatch(f"output {header.output} has another header now")
        return False

    def add(self, chunk: audio_pb2.AudioChunk) -> Audio | None:
        """Write samples; return which of them are new, ``None`` for none. Raises `AudioMismatch`."""
        if chunk.output in self._finished:
            return None
        growing = self._growing[chunk.output]
        before = growing.frames
        count = growing.add(chunk.offset_frames, chunk.data)
        return {"output": chunk.output - 1, "offset_frames": before, "frames": count} if count else None

    def finish(self, output: int, asset_id: str) -> str:
        """End the file of an output; return the name of its encoding. Raises `AudioMismatch` for one of another hash."""
        growing = self._growing.pop(output)
        found = growing.finish()
        if found != asset_id:
            raise AudioMismatch(f"output {output} has the hash {found}, not {asset_id}")
        self._finished.add(output)
        return growing.encoding

    def close(self) -> None:
        """Close all files."""
        for growing in self._growing.values():
            growing.close()
