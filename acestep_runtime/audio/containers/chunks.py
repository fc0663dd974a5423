"""Containers whose header says how many bytes of samples follow: WAV in all its forms, W64, AIFF, CAF, AU and NIST.

Each becomes a header that states the bytes that are really there, and these bytes. Recorders and programs that write to a pipe
leave the size unknown (0 or the largest number), put chunks in any order, or are ended before they correct the header.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from acestep_runtime.audio.containers import mpeg
from acestep_runtime.audio.containers.parts import Layout, Part, Window

_MAX_CHUNKS = 1000
_MAX_PACKET_TABLE = 1 << 26
#: Sizes close to these mean that the length was unknown when the header was written (arecord, SoX, FFmpeg).
_UNKNOWN_SIZES, _NEAR = (0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF), 8192
_WRAP = 2**32
#: Format tags of WAV: the codec of the samples.
_EXTENSIBLE, _MPEG_TAGS = 0xFFFE, (0x50, 0x55)
#: Tags whose length does not follow from the bytes → frames in a block, where the header does not say.
_COMPRESSED = {0x02: 0, 0x11: 0, 0x31: 320, 0x38: 160, 0x40: 128}
#: First bytes of WAV files.
_FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
#: What a second of samples may hold too much without a word: padding.
_QUIET_S = 0.01


class _Chunk(NamedTuple):
    """A chunk: its name, where its body begins, and the size in its header."""

    name: bytes
    at: int
    size: int


class _Wave(NamedTuple):
    """What the chunks of a WAV file say. ``order`` is that of its bytes, as in ``struct``."""

    fmt: bytes
    fact: int
    data: _Chunk | None
    order: str
    #: Where the next file begins, if files were joined; otherwise the end.
    stop: int
    #: Bytes of samples in further data chunks.
    more: int = 0


def read_wave(window: Window) -> Layout | None:
    """Return the layout of WAV, RF64, BW64 or RIFX; files that were joined have several parts."""
    layouts: list[Layout] = []
    at = 0
    while window.read(at, 4) in _FORMS and window.read(at + 8, 4) == b"WAVE":
        wave = _scan_wave(window, at)
        if wave.data is None or len(wave.fmt) < 16:
            break
        layouts.append(_wave_layout(window, wave, b"RIFX" if wave.order == ">" else b"RIFF"))
        at = wave.stop
    return _join(layouts)


def _join(layouts: list[Layout]) -> Layout | None:
    """Return the layouts of files that follow one another as one."""
    if len(layouts) < 2:
        return layouts[0] if layouts else None
    parts = tuple(part for layout in layouts for part in layout.parts)
    faults = tuple(fault for layout in layouts for fault in layout.faults)
    cut = ("was cut off in the last of the files that were joined in it",) if layouts[-1].promise > 1 else ()
    return Layout(parts, 1.0, faults + cut)


def _scan_wave(window: Window, start: int) -> _Wave:
    form = window.read(start, 4)
    order = ">" if form == b"RIFX" else "<"
    fmt, fact, data, stop, more = b"", 0, None, window.size, 0
    riff_size = struct.unpack(order + "I", window.read(start + 4, 4).ljust(4, b"\0"))[0]
    for chunk in _chunks(window, start + 12, order):
        if chunk.name == b"fmt " and not fmt:
            fmt = window.read(chunk.at, min(chunk.size, 1024))
        elif chunk.name == b"fact":
            fact = struct.unpack(order + "I", window.read(chunk.at, 4).ljust(4, b"\0"))[0]
        elif chunk.name == b"data" and data is None:
            if form in (b"RF64", b"BW64") and chunk.size == 0xFFFF_FFFF:
                chunk = chunk._replace(size=0)
            data = chunk._replace(size=_true_size(window, chunk, riff_size, form))
            if data.size < 0 or data.at + data.size >= window.size:
                break  # nothing follows
        elif chunk.name == b"data":
            more += min(chunk.size, max(window.size - chunk.at, 0))
        elif chunk.name in _FORMS and data is not None:
            stop = chunk.at - 8
            break
    return _Wave(fmt, fact, data, order, stop, more)


def list_chunks(window: Window) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and size of the chunks of a WAV file that hold no samples; of files that were joined, of the first.

    What a recorder that was ended left behind its samples is not looked at.
    """
    form, wide, has_data = window.read(0, 4), 0, False
    (riff_size,) = struct.unpack("<I", window.read(4, 4).ljust(4, b"\0"))
    at = 12
    for _ in range(_MAX_CHUNKS):
        head = window.read(at, 8)
        if len(head) < 8:
            return
        name, size = struct.unpack("<4sI", head)
        if name == b"ds64":
            (wide,) = struct.unpack("<Q", window.read(at + 16, 8).ljust(8, b"\0"))
        elif name == b"data" and not has_data:
            has_data = True
            if form != b"RIFF" and size == _WRAP - 1:
                size = wide
            size = _true_size(window, _Chunk(name, at + 8, size), riff_size, form)
            if size < 0:
                return
        elif name in (b"RIFF", b"RF64", b"BW64"):
            return
        else:
            yield name, at + 8, size
        at = _after(window, at + 8, size, "<")


def _chunks(window: Window, at: int, order: str) -> Iterator[_Chunk]:
    """Yield the chunks from an offset on; of ``data`` in RF64 and BW64 with the size that ``ds64`` says.

    A receiver of ``data`` with another size than its header says goes on itself.
    """
    wide = 0
    for _ in range(_MAX_CHUNKS):
        head = window.read(at, 8)
        if len(head) < 8:
            return
        size: int = struct.unpack(order + "I", head[4:])[0]
        if head[:4] == b"ds64":  # EBU Tech 3306: RIFF size, data size, …
            (wide,) = struct.unpack("<Q", window.read(at + 16, 8).ljust(8, b"\0"))
        elif head[:4] == b"data" and size == _WRAP - 1 and 0 < wide < 2**63:
            size = wide
        yield _Chunk(head[:4], at + 8, size)
        at = _after(window, at + 8, size, order)


def _after(window: Window, at: int, size: int, order: str) -> int:
    """Return where the chunk behind a body begins: at an even offset, but not everybody pads."""
    stop = at + size
    if size % 2 and window.read(stop, 1) != b"\0" and _is_chunk(window, stop):
        (next_size,) = struct.unpack(order + "I", window.read(stop + 4, 4).ljust(4, b"\xff"))
        if stop + 8 + next_size <= window.size:
            return stop
    return stop + size % 2


def _true_size(window: Window, chunk: _Chunk, riff_size: int, form: bytes) -> int:
    """Return the size of a data chunk, −1 if its header does not know it."""
    available = window.size - chunk.at
    if chunk.size > available and any(abs(chunk.size - size) <= _NEAR for size in _UNKNOWN_SIZES):
        return -1
    if chunk.size == 0 and available and (riff_size in (0, 0xFFFF_FFFF) or not _is_chunk(window, chunk.at)):
        return -1
    if form == b"RIFF" and available > chunk.size:  # 32 bits hold the size of a longer file modulo 2^32
        return chunk.size + (available - chunk.size) // _WRAP * _WRAP
    return chunk.size


def _is_chunk(window: Window, at: int) -> bool:
    """Return whether a chunk begins here, or the end of the file is."""
    head = window.read(at, 8)
    return not head or (len(head) == 8 and head[:4].isascii() and head[:4].decode("ascii").isprintable())


def _wave_layout(window: Window, wave: _Wave, form: bytes) -> Layout:
    assert wave.data is not None
    tag, _, _, byte_rate, block_bytes, _ = struct.unpack(wave.order + "HHIIHH", wave.fmt[:16])
    mask = 0
    if tag == _EXTENSIBLE and len(wave.fmt) >= 26:
        mask, tag = struct.unpack(wave.order + "IH", wave.fmt[20:26])
    available = wave.stop - wave.data.at
    promised = available if wave.data.size < 0 else wave.data.size
    real = min(promised, available)
    if real < promised and block_bytes:
        real -= real % block_bytes  # of half a block, decoders make what they like
    if tag in _MPEG_TAGS:
        return mpeg.read_frames(window, wave.data.at, wave.data.at + real) or Layout(())
    fact = struct.pack(wave.order + "4sII", b"fact", 4, wave.fact) if wave.fact else b""
    fmt = struct.pack(wave.order + "4sI", b"fmt ", len(wave.fmt)) + wave.fmt + bytes(len(wave.fmt) % 2)
    head = _wave_head(form, fmt + fact, real, wave.order)
    frames = _fact_frames(wave, tag, block_bytes, real) if real == promised else None
    faults: tuple[str, ...] = ()
    if real == promised < available:
        faults = _faults_after(window, wave.data.at + real, wave.stop, byte_rate)
    if wave.more / max(byte_rate, 1) > _QUIET_S:
        faults += (f"holds {wave.more / max(byte_rate, 1):.2f} s in a second data chunk, which were left out",)
    samples = range(wave.data.at, wave.data.at + real)
    return Layout((Part((head, samples), frames),), promised / max(real, 1), faults, channel_mask=mask)


def _wave_head(form: bytes, chunks: bytes, data_bytes: int, order: str) -> bytes:
    riff_bytes = 4 + len(chunks) + 8 + data_bytes
    if riff_bytes < _WRAP:
        head = struct.pack(order + "4sI4s", form, riff_bytes, b"WAVE") + chunks
        return head + struct.pack(order + "4sI", b"data", data_bytes)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, riff_bytes + 36, data_bytes, 0, 0)
    return struct.pack("<4sI4s", b"RF64", _WRAP - 1, b"WAVE") + ds64 + chunks + struct.pack("<4sI", b"data", _WRAP - 1)


def _fact_frames(wave: _Wave, tag: int, block_bytes: int, data_bytes: int) -> int | None:
    """Return the frames of compressed samples: the last block holds more than were written. ``None`` if the header errs."""
    if tag not in _COMPRESSED or not block_bytes:
        return None
    in_block = _COMPRESSED[tag] or struct.unpack(wave.order + "H", wave.fmt[18:20].ljust(2, b"\0"))[0]
    full = math.ceil(data_bytes / block_bytes) * in_block
    return wave.fact if full - 2 * in_block < wave.fact <= full else None


def _faults_after(window: Window, at: int, stop: int, byte_rate: int) -> tuple[str, ...]:
    """Return what is wrong with bytes after the samples that are no chunk: a recorder was ended before it wrote the size."""
    rest_s = (stop - at) / max(byte_rate, 1)
    follows = _is_chunk(window, at) or _is_chunk(window, at + at % 2)  # not everybody pads
    if rest_s <= _QUIET_S or follows or not any(window.read(at, 1 << 16)):
        return ()
    return (f"holds {rest_s:.2f} s more than its header says, which were left out",)


_W64_CHUNK = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # what follows the name in the id of each chunk


def read_w64(window: Window) -> Layout | None:
    """Return the layout of Sony Wave64."""
    fmt, fact, data, at = b"", 0, None, 40
    for _ in range(_MAX_CHUNKS):
        head = window.read(at, 24)
        if len(head) < 24 or head[4:16] != _W64_CHUNK:
            break
        (size,) = struct.unpack("<Q", head[16:])
        if head[:4] == b"fmt ":
            fmt = window.read(at + 24, min(size - 24, 1024))
        elif head[:4] == b"fact":
            fact = struct.unpack("<I", window.read(at + 24, 4).ljust(4, b"\0"))[0]
        elif head[:4] == b"data":
            data = _Chunk(b"data", at + 24, size - 24 if 24 < size < 2**62 else -1)
            break
        at += (max(size, 24) + 7) // 8 * 8
    if data is None or len(fmt) < 16:
        return None
    layout = _wave_layout(window, _Wave(fmt, fact, data, "<", window.size), b"RIFF")
    return dataclasses.replace(layout, faults=(), format="W64")  # its chunks are padded


#: Compression type of AIFC → bytes of a sample; the others have as many as their bits take, or a length of their own.
_AIFC_BYTES = {b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1, b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8,
               b"in24": 3, b"in32": 4, b"NONE": 0, b"twos": 0, b"sowt": 0, b"raw ": 0}  # fmt: skip
#: Bytes of a packet of one channel, for codecs that need whole ones.
_AIFC_PACKET_BYTES = {b"ima4": 34, b"GSM ": 33}


def read_aiff(window: Window) -> Layout | None:
    """Return the layout of AIFF or AIFC; files that were joined have several parts."""
    layouts: list[Layout] = []
    at = 0
    while window.read(at, 4) == b"FORM" and window.read(at + 8, 4) in (b"AIFF", b"AIFC"):
        layout, at = _read_aiff_at(window, at)
        if layout is None:
            break
        layouts.append(layout)
    return _join(layouts)


def _read_aiff_at(window: Window, start: int) -> tuple[Layout | None, int]:
    """Return the layout of the file that begins here, and where it ends."""
    kind, common, samples, version, stop = window.read(start + 8, 4), b"", None, b"", window.size
    for chunk in _chunks(window, start + 12, ">"):
        if chunk.name == b"COMM":
            common = window.read(chunk.at, min(chunk.size, 1024))
        elif chunk.name == b"FVER":
            version = window.read(chunk.at - 8, 12)
        elif chunk.name == b"FORM" and samples is not None:
            stop = chunk.at - 8
            break
        elif chunk.name == b"SSND":
            offset = int.from_bytes(window.read(chunk.at, 4), "big")
            unknown = chunk.size <= 8 or chunk.size >= _UNKNOWN_SIZES[0] - _NEAR
            samples = _Chunk(chunk.name, chunk.at + 8 + offset, -1 if unknown else chunk.size - 8 - offset)
            if unknown:
                break
    if len(common) < 18 or samples is None:
        return None, stop
    channels, frames, bits = struct.unpack(">HIH", common[:8])
    codec = common[18:22] if kind == b"AIFC" else b"NONE"
    frame_bytes = channels * (_AIFC_BYTES.get(codec, 0) or math.ceil(bits / 8)) if codec in _AIFC_BYTES else 0
    available = max(stop - samples.at, 0)
    promised = available if samples.size < 0 else samples.size
    real = min(promised, available)
    if frame_bytes:
        held = real // frame_bytes
        frames = min(frames or held, held) if real == promised else held
        promised, real = (promised if real < promised else frames * frame_bytes), frames * frame_bytes
        common = common[:2] + struct.pack(">I", frames) + common[6:]
    elif real < promised:
        real -= real % (channels * _AIFC_PACKET_BYTES.get(codec, 1))
    head = version + _chunk(b"COMM", common) + struct.pack(">4sIII", b"SSND", real + 8, 0, 0)
    head = struct.pack(">4sI4s", b"FORM", 4 + len(head) + real, kind) + head
    return Layout((Part((head, range(samples.at, samples.at + real))),), promised / max(real, 1)), stop


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">4sI", name, len(body)) + body + bytes(len(body) % 2)


def read_caf(window: Window) -> Layout | None:
    """Return the layout of a Core Audio file."""
    at, description, packets = 8, b"", b""
    for _ in range(_MAX_CHUNKS):
        head = window.read(at, 12)
        if len(head) < 12:
            return None
        name, size = struct.unpack(">4sq", head)
        if name == b"data":
            break
        if size < 0:
            return None
        if name == b"desc":
            description = window.read(at + 12, 32)
        elif name == b"pakt":
            packets = window.read(at + 12, min(size, _MAX_PACKET_TABLE))
        at += 12 + size
    else:
        return None
    available = window.size - at - 12
    real = available if size < 0 else min(size, available)
    head = window.read(0, at) + struct.pack(">4sq", b"data", real)
    pieces = (head, range(at + 12, at + 12 + real), range(at + 12 + real, window.size))
    if size <= real:
        return Layout((Part(pieces),))
    frames, promise = _count_packets(description, packets, real - 4)
    return Layout((Part(pieces, frames),), promise or size / max(real, 1))


def _count_packets(description: bytes, table: bytes, size: int) -> tuple[int | None, float]:
    """Return the frames of the packets that are whole in ``size`` bytes, and the promise of all; ``None`` without a table."""
    frames_in_packet = int.from_bytes(description[20:24], "big")
    if len(table) < 24 or not frames_in_packet:
        return None, 0.0
    promised = int.from_bytes(table[8:16], "big")
    count = length = 0
    for byte in table[24:]:  # seven bits in each byte, the highest bit says that more follow
        length = length << 7 | byte & 0x7F
        if not byte & 0x80:
            size, length = size - length, 0
            if size < 0:
                break
            count += 1
    frames = count * frames_in_packet
    return frames, promised / max(frames, 1)


def read_au(window: Window) -> Layout | None:
    """Return the layout of an AU file of either byte order."""
    order = "<" if window.read(0, 4) == b"dns." else ">"
    head = window.read(0, 24)
    if len(head) < 24:
        return None
    start, size = struct.unpack(order + "II", head[4:12])
    available = max(window.size - start, 0)
    real = available if size in (0, 0xFFFF_FFFF) else min(size, available)
    header = head[:8] + struct.pack(order + "I", real) + window.read(12, start - 12)
    promise = size / max(real, 1) if real and real < size < 0xFFFF_FFFF else 1.0
    return Layout((Part((header, range(start, start + real))),), promise)


def read_nist(window: Window) -> Layout | None:
    """Return the layout of a NIST SPHERE file, whose header is text."""
    lines = window.read(0, 1024).decode("ascii", "replace").splitlines()
    values = {words[0]: words[2] for line in lines if len(words := line.split()) == 3 and words[2].isdecimal()}
    if len(lines) < 2 or not lines[1].strip().isdecimal():
        return None
    available = max(window.size - int(lines[1]), 0)
    size = math.prod(int(values.get(name, 0)) for name in ("sample_count", "channel_count", "sample_n_bytes"))
    return Layout((Part((range(window.size),)),), max(size / max(available, 1), 1.0))
