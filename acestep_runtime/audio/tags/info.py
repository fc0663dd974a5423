"""The names in a LIST INFO chunk: title, artist and so on, each under a name of four letters."""

from __future__ import annotations

from collections.abc import Mapping

from acestep_runtime.audio.tags.riff import Chunk, pack, text_in, unpack

#: Name of a field, as `acestep_runtime.audio.tags.names` has it → its name in the chunk.
FIELDS = {
    "title": b"INAM", "artist": b"IART", "album": b"IPRD", "date": b"ICRD", "track": b"ITRK", "genre": b"IGNR",
    "comment": b"ICMT", "copyright": b"ICOP", "composer": b"IMUS", "software": b"ISFT",
}  # fmt: skip
_NAMES = {name: field for field, name in FIELDS.items()} | {b"IPRT": "track", b"TRCK": "track", b"YEAR": "date"}


def read_info(chunks: tuple[Chunk, ...]) -> dict[bytes, bytes]:
    """Return the entries of all INFO lists; of two with one name the first."""
    entries: dict[bytes, bytes] = {}
    for chunk in chunks:
        if chunk.list_type == b"INFO":
            for name, body in unpack(chunk.body[4:]):
                entries.setdefault(name, body.split(b"\0")[0])
    return {name: text for name, text in entries.items() if text}


def info_chunk(entries: Mapping[bytes, bytes]) -> Chunk:
    """Return entries as a chunk, each ended by a zero."""
    return Chunk(b"LIST", b"INFO" + pack(Chunk(name, text + b"\0") for name, text in entries.items()))


def info_names(entries: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return the entries that have a name of ours, as text."""
    names: dict[str, str] = {}
    for name, text in entries.items():
        if name in _NAMES:
            names.setdefault(_NAMES[name], text_in(text))
    return names
