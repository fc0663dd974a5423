"""The chunks of a WAV file that hold no samples: reading those of a source, and packing those of a result."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from acestep_runtime.audio.containers.chunks import list_chunks
from acestep_runtime.audio.containers.parts import Window

#: Chunks that say something which stays true of another version of the music.
NAMES = (
    b"bext", b"iXML", b"LIST", b"cue ", b"smpl", b"inst", b"acid", b"cart", b"axml", b"_PMX", b"id3 ", b"ID3 ",
)  # fmt: skip
#: All chunks of a file together, but iXML; pictures make ID3 tags longer, and are left out.
MAX_BYTES = 256 * 1024
#: iXML holds the recipe of a result, and that the MIDI file of its request: 512 KiB, as base64.
MAX_IXML_BYTES = 1024 * 1024
_WAVE_FORMS = (b"RIFF", b"RF64", b"BW64")


class Chunk(NamedTuple):
    """A chunk by its name of four bytes."""

    name: bytes
    body: bytes

    @property
    def list_type(self) -> bytes:
        """What a LIST holds, such as INFO; empty for other chunks."""
        return self.body[:4] if self.name == b"LIST" else b""


class WaveChunks(NamedTuple):
    """The chunks of a file by `NAMES`, in their order, and the names of those that are too long to be kept."""

    chunks: tuple[Chunk, ...] = ()
    too_long: tuple[str, ...] = ()


def read_chunks(file: BinaryIO) -> WaveChunks:
    """Return the chunks of a WAV, RF64 or BW64 file by `NAMES`; nothing for files of other kinds, and RIFX."""
    window = Window(file)
    if window.read(0, 4) not in _WAVE_FORMS or window.read(8, 4) != b"WAVE":
        return WaveChunks()
    chunks: list[Chunk] = []
    too_long: list[str] = []
    rooms = {True: MAX_IXML_BYTES, False: MAX_BYTES}
    for name, at, size in list_chunks(window):
        if name not in NAMES:
            continue
        is_ixml = name == b"iXML"
        if size > rooms[is_ixml]:
            too_long.append(name.decode("ascii").strip())
            continue
        body = window.read(at, size)
        if len(body) == size:  # else it was cut off
            chunks.append(Chunk(name, body))
            rooms[is_ixml] -= size
    return WaveChunks(tuple(chunks), tuple(too_long))


def read_chunks_of(path: str | Path) -> WaveChunks:
    """Return the chunks of the file at ``path``, as `read_chunks` does. Raises ``OSError``."""
    with Path(path).open("rb") as file:
        return read_chunks(file)


def pack(chunks: Iterable[Chunk]) -> bytes:
    """Return chunks as bytes, each with its header and padded to an even length."""
    return b"".join(struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2) for name, body in chunks)


def unpack(data: bytes) -> tuple[Chunk, ...]:
    """Return the chunks in bytes that `pack` has made, or that stand in a list; what is cut off at the end is left out."""
    chunks, at = [], 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            break
        chunks.append(Chunk(name, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return tuple(chunks)


def text_in(data: bytes) -> str:
    """Return the text in bytes whose encoding nobody states: UTF-8, else that of Windows in the west."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
