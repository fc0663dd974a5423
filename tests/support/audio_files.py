"""Audio files as encoders, recorders and radio stations write them, made byte by byte."""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
import soundfile as sf

Samples = npt.NDArray[np.float32]

_MP3_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


def encode(samples: Samples, rate_hz: int, kind: str, subtype: str | None = None, **how: object) -> bytes:
    """Return the bytes of a file that libsndfile writes."""
    file = io.BytesIO()
    sf.write(file, samples, rate_hz, format=kind, subtype=subtype, **how)
    return file.getvalue()


def tune(seconds: float, rate_hz: int, channels: int = 2) -> Samples:
    """Return notes that fade, another in each channel: what a codec keeps, and no two moments of which are equal."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    fade = 0.4 * np.exp(-2 * (t % 0.5))
    notes = [fade * np.sin(2 * np.pi * (220 + 55 * channel + 10 * t) * t) for channel in range(channels)]
    return np.stack(notes, axis=1).astype(np.float32)


def mp3_frames(data: bytes) -> list[bytes]:
    """Return the frames of MP3 at 44.1 kHz; the first holds the Info frame."""
    at, frames = 0, []
    while at + 4 <= len(data):
        size = 144_000 * _MP3_KBITS[data[at + 2] >> 4] // 44_100 + (data[at + 2] >> 1 & 1)
        frames.append(data[at : at + size])
        at += size
    return frames


def id3(size: int) -> bytes:
    """Return an ID3v2 tag with ``size`` bytes of content that looks like the beginning of frames."""
    return (
        b"ID3\3\0\0"
        + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
        + b"\xff\xfb" * (size // 2)
    )


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """Return a chunk of RIFF, whose header may state another size."""
    return name + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def riff(body: bytes, form: bytes = b"RIFF", size: int | None = None) -> bytes:
    """Return a WAV file of chunks, whose header may state another size."""
    return form + struct.pack("<I", len(body) + 4 if size is None else size) + b"WAVE" + body


def fmt(channels: int = 2, rate_hz: int = 48_000) -> bytes:
    """Return the fmt chunk of 16-bit PCM."""
    block = 2 * channels
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * block, block, 16))


def pcm16(samples: Samples) -> bytes:
    """Return samples as 16-bit PCM, little endian."""
    return np.rint(samples * 32767).astype("<i2").tobytes()
