"""Adding up what tracks play, from the files that a script names or has read, so that no script computes a sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from acebridge.hosts.jobfolder.request import Mix, MixTrack
from acestep_runtime.audio import wav
from acestep_runtime.errors import InvalidValue

_BLOCK_FRAMES = 1 << 16


def mixed(mix: Mix, into: Path) -> Path:
    """Write the sum of the files of ``mix`` as float32 to ``into``, ``mix.frames`` long; return it.

    Of every file ``frames`` from its frame ``first`` on count from frame ``at`` of the mix on, its channels times its gains; a
    mono file sounds on both channels of a stereo mix. A lone file that is whole and has no gain is its own sum. Raises
    `InvalidValue` for files of different rates, and for one that cannot be read or holds less than it has to; ``OSError`` for
    a full disk.
    """
    import numpy as np

    found = _infos(mix)
    rates, widest = {info.samplerate for info in found.values()}, max(info.channels for info in found.values())
    channels = mix.channels or widest
    if len(rates) > 1 or widest > channels or widest > 2:
        described = ", ".join(f"{info.samplerate} Hz with {info.channels} channels" for info in found.values())
        raise InvalidValue("mix", described, "files of one rate with one or two channels")
    lengths = [_frames(track, found[track.file].frames) for track in mix.tracks]
    lone = mix.tracks[0]
    is_whole = lengths[0] == mix.frames == found[lone.file].frames and widest == channels
    if len(mix.tracks) == 1 and is_whole and (lone.at, lone.left, lone.right) == (0, 1.0, 1.0):
        return lone.file

    with ExitStack() as stack:
        out = stack.enter_context(into.open("wb"))
        out.write(wav.header(mix.frames, channels, rates.pop(), "float32"))
        files: dict[int, Any] = {}  # those that sound: a mix may be of more files than can be open at once
        for start in range(0, mix.frames, _BLOCK_FRAMES):
            stop = min(mix.frames, start + _BLOCK_FRAMES)
            total = np.zeros((stop - start, channels), np.float32)
            for number, (track, length) in enumerate(zip(mix.tracks, lengths, strict=True)):
                begin, end = max(start, track.at), min(stop, track.at + length)
                if begin >= end:
                    continue
                if number not in files:
                    files[number] = stack.enter_context(_opened(track))
                gains = np.array([track.left, track.right][:channels], np.float32)
                total[begin - start : end - start] += gains * _read(files[number], track, end - begin)
                if end == track.at + length:
                    files.pop(number).close()
            out.write(total.tobytes())
        out.write(wav.trailer(mix.frames, channels, "float32"))
    return into


def _infos(mix: Mix) -> dict[Path, Any]:
    """Return what the header of each file says."""
    import soundfile

    found = {}
    for file in dict.fromkeys(track.file for track in mix.tracks):
        with _readable(file):
            file.open("rb").close()  # says better than libsndfile why it cannot be read
            found[file] = soundfile.info(file)
    return found


def _frames(track: MixTrack, holds: int) -> int:
    """Return how many frames of a file that ``holds`` so many count. Raises `InvalidValue` when it holds less."""
    if track.first + (track.frames or 0) > holds:
        raise _too_short(track, f"{holds} frames")
    return holds - track.first if track.frames is None else track.frames


def _too_short(track: MixTrack, holds: str) -> InvalidValue:
    needed = track.first + (track.frames or 0)
    return InvalidValue(
        "mix.frames", needed, f"at most {holds}",
        message=f"The audio file {track.file} holds {holds}; the mix needs {needed}.",
        remedy="It changed since the action was run: run the action again.",
    )  # fmt: skip


def _opened(track: MixTrack) -> Any:
    import soundfile

    with _readable(track.file):
        file = soundfile.SoundFile(track.file)
        file.seek(track.first)
    return file


def _read(file: Any, track: MixTrack, frames: int) -> Any:
    """Return the next frames ``[N, C]`` of a file."""
    with _readable(track.file):
        samples = file.read(frames, "float32", always_2d=True)
    if len(samples) < frames:  # there is less in it than its header says
        raise _too_short(track, f"fewer frames than it says, {file.frames}")
    return samples


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Say which audio file it is that cannot be read."""
    import soundfile

    try:
        yield
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidValue(
            "mix.file", str(file), "an audio file",
            message=f"The audio file {file} cannot be read: {reason.rstrip('.')}.", remedy="Check that it is still there.",
        ) from error  # fmt: skip
