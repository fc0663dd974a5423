"""The one file that a task starts from, where a DAW keeps each channel in a file of its own, as Ardour does."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acebridge.paths import data_folder
from acebridge.private_files import FILE_MODE, make_private_folder
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from acestep_runtime.audio.samples import Samples

#: Files that are kept: a DAW user goes back and forth between a few clips.
_KEEP = 8


class Channel(NamedTuple):
    """A channel of a file, counted from 0."""

    file: Path
    channel: int


def sources_folder() -> Path:
    """Return the folder of the files that are made here, in the data folder."""
    return data_folder() / "osc" / "sources"


def source_file(channels: Sequence[Channel], folder: Path) -> Path:
    """Return a file that holds exactly these channels in this order: the DAW's own, or one in ``folder``.

    The samples are those of the DAW's files, bit for bit. Raises `InvalidValue` for channels that no file can be made of,
    and ``UnreadableAudio`` or ``OSError`` for a file that cannot be read.
    """
    from acestep_runtime.audio import decode

    if not 1 <= len(channels) <= 2:
        raise InvalidValue("channels", len(channels), "1 or 2", remedy="Select a region on a mono or stereo track.")
    first = decode.measure(channels[0].file)
    if [*channels] == [Channel(channels[0].file, number) for number in range(first.channels)]:
        return channels[0].file
    infos = [decode.measure(channel.file) for channel in channels]
    if len({(info.frames, info.sample_rate) for info in infos}) > 1:
        raise InvalidValue("channels", "of different lengths or rates", "files that are alike")
    path = folder / _name(channels)
    if not path.exists():
        _write(path, channels, infos[0].frames, infos[0].sample_rate)
    path.touch()
    _remove_old(folder)
    return path


def _name(channels: Sequence[Channel]) -> str:
    """Return a name that changes with the files."""
    digest = hashlib.sha256()
    for file, channel in channels:
        about = file.stat()
        digest.update(f"{file}\0{channel}\0{about.st_size}\0{about.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    stem = re.sub(r"%[LR12]$", "", channels[0].file.stem)[:80]
    return f"{stem}-{digest.hexdigest()[:16]}.wav"


def _write(path: Path, channels: Sequence[Channel], frames: int, rate_hz: int) -> None:
    import numpy as np

    from acestep_runtime.audio import decode, wav

    def blocks() -> Iterator[Samples]:
        # Block by block, so that an hour of audio takes no more memory than a second.
        readers = [decode.blocks(channel.file) for channel in channels]
        for parts in zip(*readers, strict=True):
            yield np.stack([part[:, channel.channel] for part, channel in zip(parts, channels, strict=True)], axis=1)

    make_private_folder(path.parent)
    wav.write_blocks(path, blocks(), frames, len(channels), rate_hz)
    path.chmod(FILE_MODE)


def _remove_old(folder: Path) -> None:
    files = sorted(folder.glob("*.wav"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in files[_KEEP:]:
        with contextlib.suppress(OSError):  # somebody reads it
            file.unlink()
