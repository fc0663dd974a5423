"""Reading audio files. Conversion is in `acestep_runtime.audio.convert`, writing in `acestep_runtime.audio.wav`.

How long a file is does not come from its header, but from what is there: see `acestep_runtime.audio.containers`. What
libsndfile does not read, such as AAC and video files, is converted first: see `acestep_runtime.audio.media`.

Letters: N and M frames, C channels (1 or 2). Samples are float32 with full scale ±1: an integer sample of b bits is
divided by 2^(b−1), which float32 holds exactly up to 24 bits.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from acestep_runtime import units
from acestep_runtime.audio import decoders, media
from acestep_runtime.audio.containers import Layout, Part, find_mpeg, read_layout
from acestep_runtime.audio.convert import to_channels
from acestep_runtime.audio.samples import Samples
from acestep_runtime.errors import InvalidValue, UnreadableAudio, printable
from acestep_runtime.temporary_folder import Folder

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 384_000
#: Longer files are refused. This also catches headers with a wrong or unknown length.
MAX_DURATION_S = 24 * 3600
READABLE = "WAV, FLAC, AIFF, OGG, Opus, MP3, CAF or W64, mono or stereo, 8 to 384 kHz"
#: What may be missing at the end without a word: less than anybody hears, and what headers are wrong by.
MISSING_S = 0.01

#: Errors of the system that say nothing of a file: too many are open, no memory, a disk that fails. They stay as they are.
_NOT_THE_FILE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}

#: For a file with more than two channels. The command and the Python API, which can mix it down, add that.
STEREO_REMEDY = "Export it in stereo, or only two of its channels."
_Refuse = Callable[[str, str], NoReturn]
_BLOCK_FRAMES = 1 << 16
_MAX_PARTS = 4096
#: The largest sample, 240 dB above full scale: whole numbers that nobody has scaled are below it, and float32 holds the power
#: of a song of it.
_LOUDEST = 1e12
#: Samples that float32, with its 24 significant bits, may not hold.
_WIDE_SUBTYPES = {"PCM_32", "DOUBLE", "ALAC_32"}


@dataclass(frozen=True)
class MediaInfo:
    """What a file holds. ``format`` and ``subtype`` are libsndfile's names, such as WAV and PCM_24.

    ``frames`` are those in the file; with ``is_estimate``, those that the header of a media file promises.
    ``header_duration_s`` is the length that the header promises, where more than `MISSING_S` of it is missing. ``faults`` are
    other faults, each the rest of a sentence that begins with the file's name. ``reads_in_parts`` says whether a part costs
    only that part. ``channel_mask`` names the speakers as an extensible WAV header does; 0 is unknown.
    """

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    header_duration_s: float | None = None
    faults: tuple[str, ...] = ()
    reads_in_parts: bool = True
    is_estimate: bool = False
    channel_mask: int = 0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return units.frames_to_seconds(self.frames, self.sample_rate)


def probe(
    file: str | os.PathLike[str] | BinaryIO,
    *,
    field: str = "source",
    name: str | None = None,
    any_channels: bool = False,
) -> MediaInfo:
    """Return what a file holds, without decoding it, and check that `read` accepts it.

    A file that is open is not opened again by its name. ``name`` replaces the base name of a path in messages; ``field`` is the
    field that errors name. With ``any_channels`` it may have more than two. Raises `UnreadableAudio` for a file that is
    missing, not audio, empty, longer than a day, not mono or stereo, or at an odd rate; ``OSError`` where the system has no
    descriptor to open it with, or its disk fails.
    """
    path = file if isinstance(file, (str, os.PathLike)) else _path_to(file)
    refuse = _refuser(path, field, name)
    with _open_file(path, refuse) as opened:
        kind = media.kind_of(opened)
        if kind is not None:
            info: MediaInfo = _probed.get(opened, lambda: _estimate(path, kind, refuse))
            _check(info, refuse, any_channels)
            return info
    return measure(path, field=field, name=name, any_channels=any_channels)


def measure(
    path: str | os.PathLike[str], *, field: str = "source", name: str | None = None, any_channels: bool = False
) -> MediaInfo:
    """Return what `probe` returns, but never an estimate: media files are decoded once."""
    refuse = _refuser(path, field, name)
    with _open_contents(path, refuse, any_channels) as contents:
        return contents.info


def read(
    path: str | os.PathLike[str],
    *,
    start_frame: int = 0,
    stop_frame: int | None = None,
    field: str = "source",
    name: str | None = None,
) -> Samples:
    """Decode frames ``start_frame`` to ``stop_frame`` (default: the end) of a file; returns ``[N, C]``. See `blocks`."""
    info = measure(path, field=field, name=name)
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
    any_channels: bool = False,
) -> Generator[Samples, None, None]:
    """Decode frames ``start_frame`` to ``stop_frame`` (default: the end) of a file in blocks ``[n, C]``, at least one.

    Only the requested part is decoded, except in formats without exact seeking: there, decoding starts at the beginning.
    Raises `UnreadableAudio` where `probe` would, at the first frame that holds a NaN or more than any sound, and for a file
    that is damaged in the middle. (Truncated files do not count as such: their true length is known up front, and `probe`
    reports it.) Raises `InvalidValue` unless 0 ≤ start ≤ stop ≤ length.
    """
    refuse = _refuser(path, field, name)
    with _open_contents(path, refuse, any_channels) as contents:
        info = contents.info
        stop = info.frames if stop_frame is None else stop_frame
        if not 0 <= start_frame <= stop <= info.frames:
            raise InvalidValue("start_frame, stop_frame", (start_frame, stop), f"0 to {info.frames}, in this order")
        if start_frame == stop:
            yield np.zeros((0, info.channels), np.float32)
        at = start_frame
        for part, first, last in _overlaps(contents.parts, start_frame, stop):
            end = at + last - first
            for block in decoders.blocks(contents.path, part, first, last, block_frames):
                _check_samples(block, at, info.sample_rate, refuse)
                yield to_channels(block, info.channels)
                at += len(block)
            if at < end:
                refuse(
                    f"cannot be read beyond about {at / info.sample_rate:.1f} s, though it is {info.duration_s:.1f} s long",
                    "Copy or export it again.",
                )


def is_rounded(path: str | os.PathLike[str], start_frame: int, stop_frame: int) -> bool:
    """Return whether float32 cannot hold a sample in this part of a file, which is of 32 or 64 bits."""
    with _open_contents(path, _refuser(path, "source", None), any_channels=True) as contents:
        if contents.info.subtype not in _WIDE_SUBTYPES:
            return False
        for part, first, last in _overlaps(contents.parts, start_frame, stop_frame):
            for block in decoders.blocks(contents.path, part, first, last, _BLOCK_FRAMES, np.float64):
                if not np.array_equal(block, block.astype(np.float32)):
                    return True
    return False


def _overlaps(parts: tuple[Part, ...], start: int, stop: int) -> Iterator[tuple[Part, int, int]]:
    """Yield the parts that hold frames ``start`` to ``stop`` of all of them, with the first and last-plus-one frame in each."""
    before = 0
    for part in parts:
        frames = part.frames or 0
        first, last = max(start - before, 0), min(stop - before, frames)
        if first < last:
            yield part, first, last
        before += frames


def _check_samples(block: Samples, at: int, rate_hz: int, refuse: _Refuse) -> None:
    if block.max(initial=0.0) <= _LOUDEST and block.min(initial=0.0) >= -_LOUDEST:  # neither holds for a NaN
        return
    row = int(np.argmin((np.abs(block) <= _LOUDEST).all(axis=1)))
    what = "far above full scale" if np.isfinite(block[row]).all() else "that is not a number"
    refuse(
        f"holds a sample {what} at frame {at + row} ({(at + row) / rate_hz:.3f} s)",
        "Render it again, without the plug-in that broke it.",
    )


# ---- opening and checking ----


@dataclass(frozen=True)
class _Contents:
    """What a file holds, and the parts that are read, of the file at ``path``. All parts know their frames."""

    path: str | os.PathLike[str]
    parts: tuple[Part, ...]
    info: MediaInfo
    #: That of a converted file.
    folder: Folder | None = None


class _Cache:
    """What was found out about the last files, by their identity: a long MP3 is not counted again for each part."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, threading.Lock()
        self._known: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def get(self, file: BinaryIO, find: Callable[[], Any]) -> Any:
        """Return what is known of a file, or what ``find`` returns."""
        state = os.fstat(file.fileno())
        key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = find()
        with self._lock:
            self._known[key] = found
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return found


_native, _probed, _converted = _Cache(32), _Cache(32), _Cache(2)


def _path_to(file: BinaryIO) -> str:
    """Return a path by which this process and its children open a file that is open, wherever its name leads by now."""
    if sys.platform == "linux":
        return f"/proc/{os.getpid()}/fd/{file.fileno()}"
    return file.name if os.name == "nt" else f"/dev/fd/{file.fileno()}"


def _refuser(path: str | os.PathLike[str], field: str, name: str | None) -> _Refuse:
    """Return a function that raises `UnreadableAudio` with a sentence about the file, and what to do."""
    display_name = printable(Path(path).name if name is None else name) or "The source"

    def refuse(what: str, remedy: str) -> NoReturn:
        raise UnreadableAudio(field, display_name, READABLE, remedy=remedy, message=f"{display_name} {what}.")

    return refuse


@contextmanager
def _open_file(path: str | os.PathLike[str], refuse: _Refuse) -> Iterator[BinaryIO]:
    """Open a file that has a beginning and an end; a pipe has none, and opening one would wait."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            refuse("is not a file", "Name an audio file.")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        refuse("does not exist", "Check the path.")
    except PermissionError:
        refuse("may not be read", "Check the permissions of the file.")
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in _NOT_THE_FILE:
            raise
        refuse(f"cannot be opened ({getattr(error, 'strerror', None) or error})", "Check the path.")
    with os.fdopen(descriptor, "rb") as file:
        yield file


@contextmanager
def _open_contents(path: str | os.PathLike[str], refuse: _Refuse, any_channels: bool) -> Iterator[_Contents]:
    """Find out what a file holds, and check it. Media files are converted."""
    with _open_file(path, refuse) as file:
        kind = media.kind_of(file)
        if kind is None:
            # What is known of a file may be from when it had another name.
            contents = dataclasses.replace(_native.get(file, lambda: _inspect(path, file, refuse)), path=path)
        else:
            contents = _converted.get(file, lambda: _convert(path, kind, refuse))
    _check(contents.info, refuse, any_channels)
    yield contents


def _inspect(path: str | os.PathLike[str], file: BinaryIO, refuse: _Refuse) -> _Contents:
    """Find out what a file holds that libsndfile reads. Decodes nothing."""
    layout = read_layout(file)
    contents = _try_layout(path, layout or Layout((Part(()),)), refuse)
    if contents is None and layout is None and (found := find_mpeg(file)) is not None:
        contents = _try_layout(path, found, refuse)
    if contents is None and Path(path).suffix.lower() == ".raw":
        refuse("is raw audio without a header", f"Save it as {READABLE}.")
    if contents is None:
        refuse("is not audio, is damaged, or is of a kind that AceBridge does not read", f"Use {READABLE}.")
    return contents


def _try_layout(path: str | os.PathLike[str], layout: Layout, refuse: _Refuse) -> _Contents | None:
    """Return what a file of this layout holds, ``None`` if the decoder does not read it."""
    with suppress(decoders.DecoderError):
        return _contents(path, layout, refuse)
    return None


def _contents(path: str | os.PathLike[str], layout: Layout, refuse: _Refuse) -> _Contents:
    """Ask the decoder about each part of a layout. Raises `decoders.DecoderError` if it reads none."""
    if len(layout.parts) > _MAX_PARTS:
        refuse(f"was joined of more than {_MAX_PARTS} pieces", "Save it again as one piece of audio.")
    parts: list[Part] = []
    found: list[decoders.Format] = []
    faults = layout.faults
    for part in layout.parts:
        try:
            known, format_ = decoders.inspect(path, part)
        except decoders.DecoderError:
            if not found:
                raise
            faults = (*faults, "holds a part that cannot be read, which was left out")
            continue
        parts.append(known)
        found.append(format_)
    if not found:
        raise decoders.DecoderError
    frames, first = sum(part.frames or 0 for part in parts), found[0]
    if len({each.rate_hz for each in found}) > 1:
        rates = " and ".join(dict.fromkeys(f"{each.rate_hz} Hz" for each in found))
        refuse(f"was joined of audio at {rates}", "Convert the pieces to one rate before they are joined.")
    duration_s, promise_s = frames / first.rate_hz, frames * max(layout.promise, first.promise) / first.rate_hz
    info = MediaInfo(
        first.rate_hz,
        max(each.channels for each in found),
        frames,
        layout.format or first.name,
        first.subtype,
        promise_s if MISSING_S < promise_s - duration_s < MAX_DURATION_S else None,
        tuple(dict.fromkeys(fault.format(duration_s=duration_s) for fault in (*faults, *first.faults))),
        all(each.seeks_exactly for each in found),
        channel_mask=layout.channel_mask,
    )
    if len({each.channels for each in found}) > 1 and info.channels > 2:
        refuse(
            "was joined of audio with different channels", "Give the pieces the same channels before they are joined."
        )
    return _Contents(path, tuple(parts), info)


def _convert(path: str | os.PathLike[str], kind: media.Kind, refuse: _Refuse) -> _Contents:
    """Decode a media file into a WAV file that lives as long as what is returned."""
    folder = Folder()
    file = folder.path / "converted.au"
    try:
        faults = media.convert(path, kind, file)
    except media.ConversionError as error:
        refuse(error.what, error.remedy)
    with file.open("rb") as converted:
        contents = _inspect(file, converted, refuse)
    info = dataclasses.replace(contents.info, format=kind.name, subtype="", faults=faults)
    return dataclasses.replace(contents, info=info, folder=folder)


def _estimate(path: str | os.PathLike[str], kind: media.Kind, refuse: _Refuse) -> MediaInfo:
    """Return what the header of a media file says."""
    try:
        header = media.read_header(path, kind)
    except media.ConversionError as error:
        refuse(error.what, error.remedy)
    frames = round(header.duration_s * header.rate_hz)
    return MediaInfo(header.rate_hz, header.channels, frames, kind.name, "", is_estimate=True)


def _check(info: MediaInfo, refuse: _Refuse, any_channels: bool) -> None:
    most = decoders.MAX_CHANNELS if any_channels else 2
    if not 1 <= info.channels <= most:
        refuse(f"has {info.channels} channels", STEREO_REMEDY)
    if not MIN_RATE_HZ <= info.sample_rate <= MAX_RATE_HZ:
        refuse(f"has a sample rate of {info.sample_rate} Hz", "Convert it to a rate from 8 to 384 kHz.")
    if info.frames <= 0:
        refuse("holds no audio (0 frames)", "Choose a file with sound in it.")
    if info.duration_s > MAX_DURATION_S:
        refuse("is longer than 24 hours or does not say how long it is", "Save it again as WAV, in shorter pieces.")
