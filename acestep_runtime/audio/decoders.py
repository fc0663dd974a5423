"""libsndfile: opening a part of a file, and reading frames of it. The parts are from `acestep_runtime.audio.containers`."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.containers import Part, View

MAX_CHANNELS = 32
#: Formats whose decoders cannot go to an exact frame, and codecs without a state that goes on from block to block.
_INEXACT_FORMATS = {"MP3", "OGG", "PAF", "SDS"}
_EXACT_SUBTYPES = re.compile("PCM_|FLOAT|DOUBLE|ULAW|ALAW|IMA_ADPCM|MS_ADPCM|ALAC_")
#: What libsndfile writes into its log about a header that promises more bytes than there are.
_PROMISED_BYTES = (
    re.compile(r"BODY *: (?P<promised>\d+) \(should be (?P<real>\d+)\)"),
    re.compile(r"Data length (?P<promised>\d+) should be (?P<real>\d+)"),
    re.compile(r"truncated\.\s+(?P<real>\d+) <--> (?P<promised>\d+)"),
)
_TRUNCATED = "Seems to be a truncated file"
#: Frames in the log: for some formats those that the header promises, for others those that it has counted.
_FRAMES = re.compile(r"(?:Frames +: |Cols : )(\d+)")
_PROMISE_FRAMES, _COUNT_FRAMES = {"AVR", "MPC2K", "MAT5"}, {"SDS"}


class DecoderError(Exception):
    """libsndfile does not read this."""


@dataclass(frozen=True)
class Format:
    """What libsndfile says of a part. ``promise`` is as in `Layout`, for containers that libsndfile alone knows."""

    rate_hz: int
    channels: int
    name: str
    subtype: str
    seeks_exactly: bool
    promise: float = 1.0
    faults: tuple[str, ...] = ()


def inspect(path: str | os.PathLike[str], part: Part) -> tuple[Part, Format]:
    """Return a part with its number of frames, and its format. Raises `DecoderError`."""
    with _open(path, part) as decoder:
        frames = max(decoder.frames - part.skip_frames, 0)
        if part.frames is not None:
            frames = part.frames if part.size_bytes else min(part.frames, frames)
        frames, promise, faults = (frames, 1.0, ()) if part.pieces else _read_log(decoder, frames)
        format_ = Format(
            decoder.samplerate,
            decoder.channels,
            decoder.format,
            decoder.subtype,
            _seeks_exactly(decoder),
            promise,
            faults,
        )
    return dataclasses.replace(part, frames=frames), format_


def blocks(
    path: str | os.PathLike[str], part: Part, start: int, stop: int, block_frames: int, dtype: type = np.float32
) -> Iterator[npt.NDArray[Any]]:
    """Yield frames ``start`` to ``stop`` of a part in blocks; fewer where the decoder ends or fails earlier.

    ``dtype`` is float32 or float64, of full scale ±1.
    """
    with _open(path, part) as decoder:
        at, start, stop = 0, start + part.skip_frames, stop + part.skip_frames
        total = max(stop, part.skip_frames + (part.frames or 0))
        if _seeks_exactly(decoder) and start:
            decoder.seek(start)
            at, total = start, stop
        while at < stop:
            # Without exact seeking all is read, in the same blocks whichever part is asked for.
            out = np.empty((min(block_frames, total - at), decoder.channels), dtype)
            count = _fill(decoder, out)
            block = out[max(start - at, 0) : min(stop - at, count)]
            if len(block):
                yield block
            if count < len(out):
                return
            at += count


def _seeks_exactly(decoder: Any) -> bool:
    exact_codec = _EXACT_SUBTYPES.match(decoder.subtype) is not None
    return bool(decoder.can_seek and exact_codec and decoder.format not in _INEXACT_FORMATS)


def _fill(decoder: Any, out: npt.NDArray[Any]) -> int:
    """Decode into ``out`` and return the number of frames; a decoder error counts as the end."""
    import soundfile

    try:
        return len(decoder.read(out=out))
    except soundfile.SoundFileError:
        return 0


@functools.cache
def _decoder_class() -> Any:
    """Return soundfile's class, without the seeking that it does after each block, for some decoders cannot seek."""
    import soundfile

    class Decoder(soundfile.SoundFile):  # type: ignore[misc]
        @property
        def can_seek(self) -> bool:
            return bool(super().seekable())

        def seekable(self) -> bool:
            return False

    return Decoder


@contextmanager
def _open(path: str | os.PathLike[str], part: Part) -> Iterator[Any]:
    """Open a part; one without pieces is the file as it is. Raises `DecoderError`."""
    import soundfile

    with Path(path).open("rb", buffering=0) as file:
        try:
            if part.pieces:
                decoder = _decoder_class()(View(file, part.pieces, part.size_bytes))
            else:
                # Names need not be text on POSIX, and soundfile encodes those that are as text.
                decoder = _decoder_class()(path if os.name == "nt" else os.fsencode(path))
        except (soundfile.SoundFileError, TypeError) as error:  # soundfile needs a rate for names that end in .raw
            raise DecoderError from error
        with decoder:
            yield decoder


def _read_log(decoder: Any, frames: int) -> tuple[int, float, tuple[str, ...]]:
    """Return the frames, the promise and the faults of a container that is read by libsndfile alone."""
    log: str = decoder.extra_info
    for pattern in _PROMISED_BYTES:
        if found := pattern.search(log):
            return frames, max(int(found["promised"]) / max(int(found["real"]), 1), 1.0), ()
    counts = [int(count) for count in _FRAMES.findall(log)]
    if counts and decoder.format in _PROMISE_FRAMES:
        return frames, max(counts[-1] / max(frames, 1), 1.0), ()
    if counts and decoder.format in _COUNT_FRAMES and counts[-1] < frames:
        return counts[-1], frames / max(counts[-1], 1), ()
    return frames, 1.0, ("was cut off: it ends after {duration_s:.3f} s",) if _TRUNCATED in log else ()
