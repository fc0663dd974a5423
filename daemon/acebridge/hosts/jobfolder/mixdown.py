"""The mix that a request names as its source, written to a file, so that no script computes a sample."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from acebridge.atomic_files import replace
from acebridge.hosts.jobfolder.request import Mix, MixTrack, unreadable
from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.decode import MediaInfo
from acestep_runtime.audio.mixdown import Track, mix_down
from acestep_runtime.errors import InvalidValue
from acestep_runtime.temporary_files import temporary_path


def write_mix(mix: Mix, into: Path) -> Path:
    """Write the sum of the files of ``mix`` as float32 to ``into``, ``mix.frames`` long; return it.

    From every file, ``frames`` frames from its frame ``first`` on play from frame ``at`` of the mix on, its channels times its
    gains; a mono file sounds on both channels of a stereo mix. A single file that is whole and has no gain is returned as it
    is. The mix gets its name when it is whole, so a link of that name is replaced and not followed. Raises `InvalidValue` for
    files of different rates, and for a file that cannot be read or holds less than it has to; ``OSError`` for a full disk.
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
    unfinished = temporary_path(into)
    try:
        with unfinished.open("xb") as file:
            file.write(wav.header(mix.frames, channels, rates.pop(), "float32"))
            for block in mix_down(tracks, mix.frames, channels):
                file.write(wav.encode(block, "float32"))
            file.write(wav.trailer(mix.frames, channels, "float32"))
        replace(unfinished, into)
    finally:
        unfinished.unlink(missing_ok=True)
    return into


def _probe(file: Path) -> MediaInfo:
    """Return what the header of a file says."""
    try:
        file.open("rb").close()
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
