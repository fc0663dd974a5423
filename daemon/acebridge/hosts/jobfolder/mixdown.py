"""The mix that a request names as its source, written to a file, so that no script computes a sample."""

from __future__ import annotations

import errno
import os
import shutil
from functools import partial
from pathlib import Path

from acebridge.atomic_files import replace
from acebridge.hosts.jobfolder.request import Mix, MixTrack, unreadable
from acebridge.regular_files import AT_ONCE
from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.decode import MediaInfo
from acestep_runtime.audio.mixdown import Track, mix_down
from acestep_runtime.errors import InvalidValue
from acestep_runtime.tasks.base import MAX_SOURCE_S
from acestep_runtime.temporary_files import temporary_file

#: As much as the daemon takes in one file, unless it is set otherwise.
MAX_MIX_BYTES = 2 * 2**30
#: What a mix leaves free on the disk.
_SPARE_BYTES = 16 * 2**20
_SHORTER = "Choose fewer bars."


def write_mix(mix: Mix, into: Path) -> Path:
    """Write the sum of the files of ``mix`` as float32 to ``into``, ``mix.frames`` long; return it.

    From every file, ``frames`` frames from its frame ``first`` on play from frame ``at`` of the mix on, its channels times its
    gains; a mono file sounds on both channels of a stereo mix. A single file that is whole and has no gain is returned as it
    is. The mix gets its name when it is whole, so a link of that name is replaced and not followed. Raises `InvalidValue` for
    files of different rates, for a mix that is longer than a source may be, and for a file that cannot be read or holds less
    than it has to; ``OSError`` for a full disk.
    """
    infos = {file: _probe(file) for file in dict.fromkeys(track.file for track in mix.tracks)}
    rates, widest = {info.sample_rate for info in infos.values()}, max(info.channels for info in infos.values())
    channels = mix.channels or widest
    if len(rates) > 1 or widest > channels:
        described = ", ".join(f"{info.sample_rate} Hz with {info.channels} channels" for info in infos.values())
        raise InvalidValue("mix", described, "files of one rate with one or two channels")
    tracks = [_track(track, infos[track.file], channels) for track in mix.tracks]
    first = mix.tracks[0]
    is_whole = tracks[0].frames == mix.frames == infos[first.file].frames and widest == channels
    if len(tracks) == 1 and is_whole and (first.at, first.left, first.right) == (0, 1.0, 1.0):
        return first.file
    (rate,) = rates
    _check_room(mix.frames, channels, rate, into.parent)
    with temporary_file(into) as unfinished:
        with unfinished.open("xb") as file:
            file.write(wav.header(mix.frames, channels, rate, "float32"))
            for block in mix_down(tracks, mix.frames, channels):
                file.write(wav.encode(block, "float32"))
            file.write(wav.trailer(mix.frames, channels, "float32"))
        replace(unfinished, into)
    return into


def _check_room(frames: int, channels: int, rate: int, folder: Path) -> None:
    """Raise `InvalidValue` for a mix that the daemon would not take, and ``OSError`` for one that the disk has no room for."""
    length_s, size = frames / rate, frames * channels * wav.encoding_of("float32").sample_bytes
    if length_s > MAX_SOURCE_S:
        message = f"The mix would be {length_s:.0f} s long; allowed: at most {MAX_SOURCE_S:g} s."
        raise InvalidValue("mix", length_s, f"at most {MAX_SOURCE_S:g} s", message=message, remedy=_SHORTER)
    if size > MAX_MIX_BYTES:
        message = f"The mix would hold {size / 2**20:.0f} MiB; allowed: at most {MAX_MIX_BYTES / 2**20:.0f} MiB."
        raise InvalidValue("mix", size, f"at most {MAX_MIX_BYTES} bytes", message=message, remedy=_SHORTER)
    if size + _SPARE_BYTES > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _probe(file: Path) -> MediaInfo:
    """Return what the header of a file says."""
    try:
        os.close(os.open(file, os.O_RDONLY | AT_ONCE))
    except OSError as error:
        raise unreadable("mix.file", file, error) from error
    return decode.measure(file, field="mix.file")


def _track(track: MixTrack, info: MediaInfo, channels: int) -> Track:
    """Return the samples of a file for a mix with ``channels`` channels. Raises `InvalidValue` when the file is too short."""
    needed = track.first + (track.frames or 0)
    if needed > info.frames:
        raise InvalidValue(
            "mix.frames",
            needed,
            f"at most {info.frames} frames",
            message=f"The audio file {track.file} holds {info.frames} frames; the mix needs {needed}.",
            remedy="It changed since the action was run: run the action again.",
        )
    frames = info.frames - track.first if track.frames is None else track.frames
    open_blocks = partial(
        decode.blocks, track.file, start_frame=track.first, stop_frame=track.first + frames, field="mix.file"
    )
    return Track(open_blocks, frames, track.at, (track.left, track.right)[:channels])
