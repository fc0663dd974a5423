"""Vorbis comments, put into FLAC and Ogg files that libsndfile has written. Sources: RFC 9639 (FLAC), RFC 3533 (Ogg), the
Vorbis I specification, RFC 7845 (Opus).

Only the headers are written again: no page or frame with sound changes.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping
from typing import BinaryIO

from acestep_runtime.audio.tags.names import RECIPE_FIELD

_FIELDS = {
    "title": "TITLE", "artist": "ARTIST", "album": "ALBUM", "date": "DATE", "track": "TRACKNUMBER", "genre": "GENRE",
    "comment": "COMMENT", "copyright": "COPYRIGHT", "composer": "COMPOSER", "bpm": "BPM", "key": "INITIALKEY",
    "software": "ENCODER", "recipe": RECIPE_FIELD,
}  # fmt: skip
_VENDOR = b"AceBridge"
_STREAMINFO, _PADDING, _COMMENT = 0, 1, 4
_MAX_BLOCK = (1 << 24) - 1
_PAGE = struct.Struct("<4sBBqIIIB")
_MOST_SEGMENTS = 255
#: Codec → what its comment packet begins with, what it ends with, and how many header packets there are.
_CODECS = {b"\x01vorbis": (b"\x03vorbis", b"\x01", 3), b"OpusHead": (b"OpusTags", b"", 2)}


def comment_body(names: Mapping[str, str], more: Mapping[str, str] | None = None) -> bytes:
    """Return a block of comments with names, see `acestep_runtime.audio.tags.names`, and ``more`` under their own names."""
    texts = {_FIELDS[name]: text for name, text in names.items() if name in _FIELDS and text} | dict(more or {})
    comments = [f"{name}={text}".encode("utf-8", "replace") for name, text in texts.items()]
    parts = (struct.pack("<I", len(comment)) + comment for comment in comments)
    return struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", len(comments)) + b"".join(parts)


def tag_flac(source: BinaryIO, target: BinaryIO, comment: bytes) -> None:
    """Copy a FLAC file with another block of comments. Raises ``ValueError`` for a file that is none."""
    if source.read(4) != b"fLaC" or len(comment) > _MAX_BLOCK:
        raise ValueError("not FLAC, or too long a comment")
    blocks: list[tuple[int, bytes]] = []
    last = False
    while not last:
        head = source.read(4)
        if len(head) < 4:
            raise ValueError("FLAC without an end of its header")
        last = bool(head[0] & 0x80)
        blocks.append((head[0] & 0x7F, source.read(int.from_bytes(head[1:], "big"))))
    blocks = [(kind, body) for kind, body in blocks if kind not in (_PADDING, _COMMENT)]
    blocks.insert(1, (_COMMENT, comment))
    target.write(b"fLaC")
    for number, (kind, body) in enumerate(blocks):
        mark = 0x80 if number == len(blocks) - 1 else 0
        target.write(bytes([mark | kind]) + len(body).to_bytes(3, "big") + body)
    shutil.copyfileobj(source, target)


def tag_ogg(source: BinaryIO, target: BinaryIO, comment: bytes) -> bool:
    """Copy an Ogg file of one Vorbis or Opus stream with another comment packet.

    Return whether that was done: pages with sound keep their numbers, so the header has to fit into as many pages as it has.
    Raises ``ValueError`` for a file of another kind.
    """
    start = source.tell()
    packets, pages, serial = _read_headers(source)
    mark, end, _ = next(rest for head, rest in _CODECS.items() if packets[0].startswith(head))
    packets[1] = mark + comment + end
    out = _pages(packets[1:], serial, pages - 1)
    if out is None:
        source.seek(start)
        shutil.copyfileobj(source, target)
        return False
    target.write(_page(0x02, 0, serial, 0, _lacing(packets[0]), packets[0]) + out)
    shutil.copyfileobj(source, target)
    return True


def _read_headers(file: BinaryIO) -> tuple[list[bytes], int, int]:
    """Return the header packets, how many pages they take, and the number of the stream; stop behind their last page."""
    packets: list[bytes] = []
    partial, pages, count, serial = b"", 0, 1, 0
    while len(packets) < count:
        head = file.read(_PAGE.size)
        if len(head) < _PAGE.size or head[:4] != b"OggS":
            raise ValueError("not Ogg")
        serial, segments = struct.unpack_from("<I", head, 14)[0], head[26]
        for size in file.read(segments):
            partial += file.read(size)
            if size < _MOST_SEGMENTS:
                packets.append(partial)
                partial = b""
        pages += 1
        if pages == 1:
            count = next((rest[2] for mark, rest in _CODECS.items() if packets[:1] and packets[0].startswith(mark)), 0)
            if not count:
                raise ValueError("neither Vorbis nor Opus")
    return packets[:count], pages, serial


def _lacing(packet: bytes) -> bytes:
    return bytes([255] * (len(packet) // 255) + [len(packet) % 255])


def _pages(packets: list[bytes], serial: int, count: int) -> bytes | None:
    """Return packets in exactly ``count`` pages after the first, ``None`` where that is impossible."""
    lacing, data = b"".join(map(_lacing, packets)), b"".join(packets)
    if not count <= len(lacing) <= count * _MOST_SEGMENTS:
        return None
    out, at, done = b"", 0, 0
    each = -(-len(lacing) // count)
    for number in range(count):
        rest = count - number - 1
        part = lacing[at : len(lacing) if not rest else min(at + each, len(lacing) - rest)]
        size = sum(part)
        continues = 0x01 if at and lacing[at - 1] == 255 else 0
        ends_packet = any(value < 255 for value in part)
        out += _page(continues, 0 if ends_packet else -1, serial, number + 1, part, data[done : done + size])
        at, done = at + len(part), done + size
    return out


def _page(kind: int, position: int, serial: int, number: int, lacing: bytes, data: bytes) -> bytes:
    page = _PAGE.pack(b"OggS", 0, kind, position, serial, number, 0, len(lacing)) + lacing + data
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C1_1DB7 if value >> 31 else value << 1) & 0xFFFF_FFFF
        table.append(value)
    return table


_CRC = _table()


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFF_FFFF) ^ _CRC[value >> 24 ^ byte]
    return value
