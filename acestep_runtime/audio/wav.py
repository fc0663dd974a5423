"""Writing WAV data, exactly and reproducibly.

Why not libsndfile: it adds a PEAK chunk with the time of writing to float files, so that two equal results
differ as files. Here equal samples give equal bytes, and the header is known before the first sample: a
result can be sent or stored while it is generated.

    RIFF | fmt | fact (float only) | other chunks | data … | pad byte when the data length is odd

Files whose RIFF size does not fit 32 bits become RF64 with a ds64 chunk (EBU Tech 3306). Letters: N frames, C channels.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acestep_runtime.errors import InvalidValue
from acestep_runtime.temporary_files import replace_file

if TYPE_CHECKING:  # a header needs no numpy
    import numpy as np
    import numpy.typing as npt

    from acestep_runtime.audio.samples import Samples

_PCM, _IEEE_FLOAT = 1, 3
_MAX_32 = 0xFFFFFFFF
_BLOCK_FRAMES = 1 << 16


class Encoding(NamedTuple):
    """How one sample is stored: little endian, ``sample_bytes`` wide, ``format_tag`` as in the fmt chunk."""

    sample_bytes: int
    format_tag: int
    encode: Callable[[Samples], bytes]


def _to_integers(samples: Samples, bits: int) -> npt.NDArray[np.int32]:
    import numpy as np

    full = 2 ** (bits - 1)
    # Scaling by a power of two and rounding to at most 24 bits are exact in float32.
    scaled: Samples = np.rint(samples * np.float32(full))
    return scaled.clip(-full, full - 1).astype("<i4")


def _encode_pcm24(samples: Samples) -> bytes:
    return _to_integers(samples, 24).reshape(-1, 1).view("u1")[:, :3].tobytes()


ENCODINGS = {
    "float32": Encoding(4, _IEEE_FLOAT, lambda x: x.astype("<f4").tobytes()),
    "pcm24": Encoding(3, _PCM, _encode_pcm24),
    "pcm16": Encoding(2, _PCM, lambda x: _to_integers(x, 16).astype("<i2").tobytes()),
}


def encoding_of(name: str) -> Encoding:
    """Return the row of `ENCODINGS` with this name; raises `InvalidValue` for any other name."""
    if name not in ENCODINGS:
        raise InvalidValue("encoding", name, ", ".join(ENCODINGS))
    return ENCODINGS[name]


def encode(samples: Samples, encoding: str) -> bytes:
    """Return finite samples ``[N, C]`` as the bytes of a data chunk.

    Integers are x·2^(b−1), rounded half to even and clipped, so that samples read from a file of b bits or fewer come
    back as the same integers. float32 keeps every bit.
    """
    return encoding_of(encoding).encode(samples)


def header(frames: int, channels: int, rate_hz: int, encoding: str, more: bytes = b"") -> bytes:
    """Return all bytes that precede the samples of a file with ``frames`` frames.

    ``more`` are further chunks, as `acestep_runtime.audio.tags.riff.pack` makes them.
    """
    kind = encoding_of(encoding)
    frame_bytes = kind.sample_bytes * channels
    data_bytes = frames * frame_bytes
    floating = kind.format_tag == _IEEE_FLOAT
    # A fmt chunk that is not PCM ends with the size of its extension (0) and needs a fact chunk with the frame count.
    fmt = struct.pack(
        "<HHIIHH", kind.format_tag, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, kind.sample_bytes * 8
    )
    fmt += b"\0\0" if floating else b""
    chunks = _chunk(b"fmt ", fmt)
    chunks += _chunk(b"fact", struct.pack("<I", min(frames, _MAX_32))) if floating else b""
    chunks += more
    tail_bytes = data_bytes + data_bytes % 2
    riff_bytes = len(b"WAVE") + len(chunks) + len(b"data____") + tail_bytes
    if riff_bytes <= _MAX_32:
        return struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + chunks + struct.pack("<4sI", b"data", data_bytes)
    ds64_bytes = 8 + 28
    ds64 = _chunk(b"ds64", struct.pack("<QQQI", riff_bytes + ds64_bytes, data_bytes, frames, 0))
    return struct.pack("<4sI4s", b"RF64", _MAX_32, b"WAVE") + ds64 + chunks + struct.pack("<4sI", b"data", _MAX_32)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body


def data_offset(frames: int, channels: int, rate_hz: int, encoding: str, more: bytes = b"") -> int:
    """Return where in the file the samples begin."""
    return len(header(frames, channels, rate_hz, encoding, more))


def trailer(frames: int, channels: int, encoding: str) -> bytes:
    """Return the bytes that follow the samples: RIFF chunks have even lengths, so an odd one gets a zero byte."""
    return b"\0" * (frames * channels * encoding_of(encoding).sample_bytes % 2)


def write(path: str | os.PathLike[str], samples: Samples, rate_hz: int, encoding: str = "float32") -> None:
    """Write ``[N, C]`` to a file, atomically: the file is there whole or, on any error, as it was before."""
    write_blocks(path, [samples], len(samples), samples.shape[1], rate_hz, encoding)


def write_blocks(
    path: str | os.PathLike[str],
    blocks: Iterable[Samples],
    frames: int,
    channels: int,
    rate_hz: int,
    encoding: str = "float32",
    more: bytes = b"",
) -> None:
    """Write contiguous blocks ``[n, channels]`` that add up to ``frames``, as `write` does, without joining them.

    ``more`` are further chunks, as in `header`.

    Raises ``ValueError`` when they do not add up, and ``OSError`` as the file system does.
    """
    written = 0
    with replace_file(Path(path)) as file:
        file.write(header(frames, channels, rate_hz, encoding, more))
        for block in blocks:
            if block.shape[1] != channels:
                raise ValueError(f"a block has {block.shape[1]} channels, not {channels}")
            written += len(block)
            for at in range(0, len(block), _BLOCK_FRAMES):
                file.write(encode(block[at : at + _BLOCK_FRAMES], encoding))
        if written != frames:
            raise ValueError(f"the blocks hold {written} frames, not {frames}")
        file.write(trailer(frames, channels, encoding))
