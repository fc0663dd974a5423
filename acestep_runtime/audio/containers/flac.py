"""FLAC: its header promises a length, or 0 where it was written to a pipe; the last frame says what is there. Source: RFC 9639.

Files that were joined are parts. The last frame whose checksum agrees is where the music ends.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from acestep_runtime.audio.containers import mpeg
from acestep_runtime.audio.containers.parts import Layout, Part, Window

_MAGIC = b"fLaC\0\0\0\x22"  # the mark and the header of STREAMINFO
_INFO_BYTES = 34
_MAX_METADATA = 1000
_SCAN_BYTES = 1 << 22
#: The longest frame that is looked for, where the header does not say.
_LONGEST_FRAME = 1 << 20
#: Tags at the end, and ends that a frame may have.
_SLACK_BYTES, _TRIES = 1 << 16, 4


class _Info(NamedTuple):
    """STREAMINFO: the longest block in samples, the longest frame in bytes (0: unknown), and the total (0: unknown)."""

    largest_block: int
    largest_frame: int
    total: int


def read_flac(window: Window) -> Layout | None:
    """Return the layout of a FLAC file, after an ID3 tag if there is one."""
    starts = _find_starts(window)
    if not starts:
        return None
    stops = [*starts[1:], _end_of_music(window)]
    parts, promise, before = [], 1.0, 0
    for start, stop in zip(starts, stops, strict=True):
        info, first_frame = _read_header(window, start, stop)
        total = _count(window, info, first_frame, stop)
        head = bytearray(window.read(start, first_frame - start))
        # 36 bits of STREAMINFO, behind the mark and 13 bytes.
        head[21:26] = ((head[21] & 0xF0) << 32 | total).to_bytes(5, "big")
        parts.append(Part((bytes(head), range(first_frame, stop)), total))
        before += total
        promise = 1 + max(info.total - total, 0) / max(before, 1)
    return Layout(tuple(parts), promise)


def has_flac_after_tag(window: Window) -> bool:
    """Return whether a file that begins with an ID3 tag is FLAC."""
    size = mpeg.tag_bytes(window, 0, window.size)
    return window.read(size, 4) == _MAGIC[:4]


def _find_starts(window: Window) -> list[int]:
    starts, at = [], 0
    while at < window.size:
        chunk = window.read(at, _SCAN_BYTES)
        place = chunk.find(_MAGIC)
        while place >= 0:
            if at + place + 42 <= window.size:
                starts.append(at + place)
            place = chunk.find(_MAGIC, place + 1)
        at += max(len(chunk) - len(_MAGIC) + 1, 1)
    return starts


def _end_of_music(window: Window) -> int:
    has_tag = window.size > 128 and window.read(window.size - 128, 3) == b"TAG"
    return window.size - 128 if has_tag else window.size


def _read_header(window: Window, start: int, stop: int) -> tuple[_Info, int]:
    """Return STREAMINFO and where the first frame is."""
    body = window.read(start + 8, _INFO_BYTES)
    (largest,) = struct.unpack(">H", body[2:4])
    info = _Info(largest, int.from_bytes(body[7:10], "big"), int.from_bytes(body[13:18], "big") & (1 << 36) - 1)
    at = start + 4
    for _ in range(_MAX_METADATA):
        head = window.read(at, 4)
        if len(head) < 4:
            break
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    return info, min(at, stop)


def _count(window: Window, info: _Info, start: int, stop: int) -> int:
    """Return the samples to the end of the last frame that is whole."""
    reach = 2 * (info.largest_frame or _LONGEST_FRAME) + _SLACK_BYTES
    first = max(start, stop - reach)
    data = window.read(first, stop - first)
    ends, at = [len(data)], len(data)
    while (at := max(data.rfind(b"\xff\xf8", 0, at), data.rfind(b"\xff\xf9", 0, at))) >= 0:
        frame = _parse_frame(data[at : at + 16], info)
        if frame is not None:
            # What looks like a header may be sound: a frame is one whose checksum agrees.
            if any(_crc16(data[at:end]) == 0 for end in ends[-_TRIES:]):
                return sum(frame)
            ends.append(at)
        at += 1
    return info.total if first > start else 0


#: Code in a frame's header → its samples.
_LENGTHS = {
    1: 192,
    **{code: 576 << code - 2 for code in range(2, 6)},
    **{code: 256 << code - 8 for code in range(8, 16)},
}


def _parse_frame(head: bytes, info: _Info) -> tuple[int, int] | None:
    """Return the first sample and the length of a frame, ``None`` if this is none."""
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] & 1:
        return None
    number, at = _read_number(head, 4)
    if number < 0:
        return None
    code = head[2] >> 4
    if code in (6, 7):
        length = int.from_bytes(head[at : at + code - 5], "big") + 1
        at += code - 5
    else:
        length = _LENGTHS[code]
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if at >= len(head) or _crc8(head[:at]) != head[at] or length > info.largest_block:
        return None
    return (number if head[1] & 1 else number * info.largest_block), length


def _read_number(head: bytes, at: int) -> tuple[int, int]:
    """Return the number that is coded as UTF-8 does it, and the offset behind it; −1 if it is none."""
    first = head[at]
    more = 0 if first < 0x80 else 8 - (first ^ 0xFF).bit_length() - 1
    if first >= 0x80 and (more < 1 or more > 6 or at + more >= len(head)):
        return -1, at
    number = first if more == 0 else first & (0x3F >> more)
    for byte in head[at + 1 : at + 1 + more]:
        if byte & 0xC0 != 0x80:
            return -1, at
        number = number << 6 | byte & 0x3F
    return number, at + 1 + more


def _table(polynomial: int, bits: int) -> list[int]:
    """Return the checksums of all bytes."""
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 & 1 else 0)
        table.append(value & (1 << bits) - 1)
    return table


_CRC8, _CRC16 = _table(0x107, 8), _table(0x18005, 16)


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _crc16(data: bytes) -> int:
    """Return the checksum of a frame: 0 with the one at its end."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _CRC16[value >> 8 ^ byte]
    return value
