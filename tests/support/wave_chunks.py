"""WAV files with chunks beside their samples, made and read back with struct alone."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

RATE = 48_000


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def pcm16_file(samples: np.ndarray, *others: bytes, after: Sequence[bytes] = (), rate: int = RATE) -> bytes:
    """A file of 16 bits with chunks before and after its samples."""
    channels = samples.shape[1]
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16))
    data = chunk(b"data", np.rint(samples * 32767).astype("<i2").tobytes())
    body = b"WAVE" + b"".join(others) + fmt + data + b"".join(after)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bext(reference: int, description: bytes = b"take 7", originator: bytes = b"me", version: int = 1) -> bytes:
    texts = (
        description.ljust(256, b"\0") + originator.ljust(32, b"\0") + b"ref".ljust(32, b"\0") + b"2026-01-0112:00:00"
    )
    return texts + struct.pack("<QH", reference, version) + bytes(range(64)) + bytes(190) + b"A=PCM,F=48000\r\n"


def cue(*frames: int) -> bytes:
    points = (struct.pack("<II4sIII", n, at, b"data", 0, 0, at) for n, at in enumerate(frames, 1))
    return struct.pack("<I", len(frames)) + b"".join(points)


def labels(names: Mapping[int, bytes], regions: Mapping[int, int] | None = None) -> bytes:
    parts = [chunk(b"labl", struct.pack("<I", n) + name + b"\0") for n, name in names.items()]
    parts += [
        chunk(b"ltxt", struct.pack("<II4sHHHH", n, length, b"rgn ", 0, 0, 0, 0))
        for n, length in (regions or {}).items()
    ]
    return b"adtl" + b"".join(parts)


def smpl(rate: int, *loops: tuple[int, int]) -> bytes:
    head = struct.pack("<9I", 0, 0, round(1e9 / rate), 60, 0, 0, 0, len(loops), 0)
    return head + b"".join(struct.pack("<6I", n, 0, first, last, 0, 0) for n, (first, last) in enumerate(loops, 1))


def read_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """All chunks of a RIFF file, whose sizes have to add up."""
    assert data[:4] == b"RIFF"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    out, at = [], 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        out.append((name, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    assert at == len(data)
    return out


def info_of(data: bytes) -> dict[bytes, bytes]:
    (body,) = [body[4:] for name, body in read_chunks(data) if name == b"LIST" and body[:4] == b"INFO"]
    out, at = {}, 0
    while at < len(body):
        name, size = struct.unpack_from("<4sI", body, at)
        out[name] = body[at + 8 : at + 8 + size].rstrip(b"\0")
        at += 8 + size + size % 2
    return out
