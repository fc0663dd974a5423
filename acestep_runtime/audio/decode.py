"""Reading audio files. Conversion is in `acestep_runtime.audio.convert`, writing in `acestep_runtime.audio.wav`.

Letters: N and M frames, C channels (1 or 2). Samples are float32 with full scale ±1: an integer sample of b bits is
divided by 2^(b−1), which float32 holds exactly up to 24 bits.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from acestep_runtime import units
from acestep_runtime.audio.samples import Samples
from acestep_runtime.errors import InvalidValue, UnreadableAudio, printable

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 384_000
#: Longer files are refused. This also catches headers with a wrong or unknown length.
MAX_DURATION_S = 24 * 3600
READABLE = "WAV, FLAC, AIFF, OGG, Opus, MP3, CAF or W64, mono or stereo, 8 to 384 kHz"

#: Errors of the system that say nothing of a file: too many are open, no memory, a disk that fails. They stay as they are.
_NOT_THE_FILE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}

_Refuse = Callable[[str, str], NoReturn]
_BLOCK_FRAMES = 1 << 16
#: Formats whose decoders cannot seek to an exact sample.
NO_EXACT_SEEK = {"MP3", "OGG"}


@dataclass(frozen=True)
class MediaInfo:
    """The header of a file. ``format`` and ``subtype`` are libsndfile's names, such as WAV and PCM_24.

    ``frames`` are those in the file. ``header_duration_s`` is the longer length in the header of a truncated WAV or AIFF file.
    """

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    header_duration_s: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return units.frames_to_seconds(self.frames, self.sample_rate)


def probe(file: str | os.PathLike[str] | BinaryIO, *, field: str = "source", name: str | None = None) -> MediaInfo:
    """Read the header of a file and check that `read` accepts it. A file that is open is not opened again by its name.

    ``name`` replaces the base name of a path in messages; ``field`` is the field that errors name. Raises
    `UnreadableAudio` for a file that is missing, not audio, empty, longer than a day, not mono or stereo, or at an odd rate;
    ``OSError`` where the system has no descriptor to open it with, or its disk fails.
    """
    with (
        _open_audio(file, field, name) as (_, info, _),
        Path(file).open("rb") if isinstance(file, (str, os.PathLike)) else nullcontext(file) as opened,
    ):
        return dataclasses.replace(info, header_duration_s=_header_duration_s(opened, info))


#: Format → struct format of its chunk sizes, and the chunk with the samples.
_CHUNK_FORMATS = {"WAV": ("<I", b"data"), "WAVEX": ("<I", b"data"), "RF64": ("<I", b"data"), "AIFF": (">I", b"SSND")}
#: Sizes from here on (and 0) mean that the length was unknown when the header was written.
_UNKNOWN_BYTES = 0x7FFF_F000
_MAX_CHUNKS = 1000


def _header_duration_s(file: BinaryIO, info: MediaInfo) -> float | None:
    """Return the length in the header of a file that ends earlier, else ``None``."""
    if info.format not in _CHUNK_FORMATS:
        return None
    packing, data_chunk = _CHUNK_FORMATS[info.format]
    end, wide = file.seek(0, os.SEEK_END), 0
    packing = ">I" if _read_at(file, 0, 4) == b"RIFX" else packing
    at = len(b"RIFF____WAVE")
    for _ in range(_MAX_CHUNKS):
        head = _read_at(file, at, 8).ljust(8, b"\0")
        (size,) = struct.unpack(packing, head[4:])
        if head[:4] == data_chunk:
            size, available = wide or (size if size < _UNKNOWN_BYTES else 0), end - at - 8
            header_s = info.duration_s * size / max(available, 1)
            return header_s if header_s - info.duration_s >= 1 / info.sample_rate else None
        if head[:4] == b"ds64":  # EBU Tech 3306: RIFF size, data size, …
            (wide,) = struct.unpack("<Q", _read_at(file, at + 16, 8).ljust(8, b"\0"))
        at += 8 + size + size % 2
    return None


def _read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def read(
    path: str | os.PathLike[str],
    *,
    start_frame: int = 0,
    stop_frame: int | None = None,
    field: str = "source",
    name: str | None = None,
) -> Samples:
    """Decode frames ``start_frame`` to ``stop_frame`` (default: the end) of a file; returns ``[N, C]``. See `blocks`."""
    info = probe(path, field=field, name=name)
    stop = info.frames if stop_frame is None else stop_frame
    out = np.empty((max(0, min(stop, info.frames) - start_frame), info.channels), np.float32)
    at = 0
    for block in blocks(path, start_frame=start_frame, stop_frame=stop, field=field, name=name):
        out[at : at + len(block)] = block
        at += len(block)
    return out


def blocks(
    path: str | os.PathLike[str],
    *,
    start_frame: int = 0,
    stop_frame: int | None = None,
    block_frames: int = _BLOCK_FRAMES,
    field: str = "source",
    name: str | None = None,
) -> Generator[Samples, None, None]:
    """Decode frames ``start_frame`` to ``stop_frame`` (default: the end) of a file in blocks ``[n, C]``, at least one.

    Only the requested part is decoded, except in formats without exact seeking: there, decoding starts at the beginning.
    Raises `UnreadableAudio` where `probe` would, at the first frame that holds a NaN or an infinity, and for
    a file that ends before its header says. (Truncated WAV, AIFF and OGG files do not count as such: their true
    length is known up front, and `probe` reports it.) Raises `InvalidValue` unless 0 ≤ start ≤ stop ≤ length.
    """
    with _open_audio(path, field, name) as (file, info, refuse):
        stop = info.frames if stop_frame is None else stop_frame
        if not 0 <= start_frame <= stop <= info.frames:
            raise InvalidValue("start_frame, stop_frame", (start_frame, stop), f"0 to {info.frames}, in this order")
        at = 0 if info.format in NO_EXACT_SEEK else start_frame
        if at:
            file.seek(at)
        if start_frame == stop:
            yield np.zeros((0, info.channels), np.float32)
        while at < stop:
            end = min(start_frame if at < start_frame else stop, at + block_frames)
            out = np.empty((end - at, info.channels), np.float32)
            if _fill(file, out) < len(out):
                end_s = units.frames_to_seconds(at, info.sample_rate)
                refuse(
                    f"cannot be read beyond about {end_s:.1f} s, though its header promises {info.duration_s:.1f} s",
                    "Copy or export it again.",
                )
            if at >= start_frame:
                if not np.isfinite(out).all():
                    frame = at + int(np.argmin(np.isfinite(out).all(axis=1)))
                    at_s = units.frames_to_seconds(frame, info.sample_rate)
                    refuse(
                        f"holds a sample that is not a number at frame {frame} ({at_s:.3f} s)",
                        "Render it again, without the plug-in that broke it.",
                    )
                yield out
            at = end


def _fill(file: Any, out: Samples) -> int:
    """Decode into ``out`` and return the number of frames; a decoder error counts as the end."""
    import soundfile

    try:
        return len(file.read(out=out))
    except soundfile.SoundFileError:
        return 0


@contextmanager
def _open_audio(
    source: str | os.PathLike[str] | BinaryIO, field: str, name: str | None
) -> Iterator[tuple[Any, MediaInfo, _Refuse]]:
    """Open and check a file; yields what decodes it, its info, and a function that raises `UnreadableAudio`."""
    import soundfile

    opened, path = (None, Path(source)) if isinstance(source, (str, os.PathLike)) else (source, Path())
    display_name = printable(path.name if name is None else name) or "The source"

    def refuse(what: str, remedy: str) -> NoReturn:
        raise UnreadableAudio(field, display_name, READABLE, remedy=remedy, message=f"{display_name} {what}.")

    try:
        if not stat.S_ISREG((path.stat() if opened is None else os.fstat(opened.fileno())).st_mode):
            refuse("is not a file", "Name an audio file.")
        if opened is None:
            path.open("rb").close()
    except FileNotFoundError:
        refuse("does not exist", "Check the path.")
    except PermissionError:
        refuse("may not be read", "Check the permissions of the file.")
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in _NOT_THE_FILE:
            raise
        refuse(f"cannot be opened ({getattr(error, 'strerror', None) or error})", "Check the path.")
    try:
        file = soundfile.SoundFile(_decoder_source(source), closefd=False)
    except TypeError:  # soundfile needs a rate and a format for names that end in .raw
        refuse("is raw audio without a header", f"Save it as {READABLE}.")
    except soundfile.SoundFileError:
        refuse("is not audio, is damaged, or is of a kind that AceBridge does not read", f"Use {READABLE}.")
    with file:
        info = MediaInfo(file.samplerate, file.channels, file.frames, file.format, file.subtype)
        _check(info, refuse)
        yield file, info, refuse


def _decoder_source(source: str | os.PathLike[str] | BinaryIO) -> str | os.PathLike[str] | bytes | BinaryIO | int:
    """Return a file as libsndfile takes it, at its start."""
    if isinstance(source, (str, os.PathLike)):
        # Names need not be text on POSIX, and soundfile encodes those that are as text.
        return source if os.name == "nt" else os.fsencode(source)
    source.seek(0)
    return source if os.name == "nt" else source.fileno()


def _check(info: MediaInfo, refuse: _Refuse) -> None:
    if info.channels not in (1, 2):
        refuse(f"has {info.channels} channels", "Mix it down to stereo or mono, or export two of its channels.")
    if not MIN_RATE_HZ <= info.sample_rate <= MAX_RATE_HZ:
        refuse(f"has a sample rate of {info.sample_rate} Hz", "Convert it to a rate from 8 to 384 kHz.")
    if info.frames <= 0:
        refuse("holds no audio (0 frames)", "Choose a file with sound in it.")
    if info.duration_s > MAX_DURATION_S:
        refuse("is longer than 24 hours or does not say how long it is", "Save it again as WAV, in shorter pieces.")
