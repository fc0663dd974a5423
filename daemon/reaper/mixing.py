"""Adding up what a script has read from several tracks, so that no script computes a sample."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from acestep_runtime import wav
from acestep_runtime.errors import InvalidValue
from daemon.reaper.request import Mix

_BLOCK_FRAMES = 1 << 16


def mixed(mix: Mix, into: Path) -> Path:
    """Write the sum of the files of ``mix`` as float32 to ``into``, ``mix.frames`` long; return it.

    Every file counts from its frame ``at`` on, its channels times its gains; a mono file sounds on both channels when another
    is stereo. A lone file that is whole and has no gain is its own sum. Raises `InvalidValue` for files of different rates,
    ``OSError`` for one that cannot be read or a full disk.
    """
    first = mix.tracks[0]
    if len(mix.tracks) == 1 and (first.at, first.left, first.right) == (0, 1.0, 1.0):
        return first.file
    import numpy as np
    import soundfile

    with ExitStack() as stack:
        try:
            files = [stack.enter_context(soundfile.SoundFile(track.file)) for track in mix.tracks]
        except soundfile.LibsndfileError as error:
            raise OSError(0, str(error), str(into.parent)) from error
        rates, channels = {file.samplerate for file in files}, max(file.channels for file in files)
        if len(rates) > 1 or channels > 2:
            found = ", ".join(f"{file.samplerate} Hz with {file.channels} channels" for file in files)
            raise InvalidValue("mix", found, "files of one rate with one or two channels")
        out = stack.enter_context(into.open("wb"))
        out.write(wav.header(mix.frames, channels, files[0].samplerate, "float32"))
        for start in range(0, mix.frames, _BLOCK_FRAMES):
            stop = min(mix.frames, start + _BLOCK_FRAMES)
            total = np.zeros((stop - start, channels), np.float32)
            for track, file in zip(mix.tracks, files, strict=True):
                begin, end = max(start, track.at), min(stop, track.at + file.frames)
                if begin < end:
                    file.seek(begin - track.at)
                    gains = np.array([track.left, track.right][:channels], np.float32)
                    total[begin - start : end - start] += gains * file.read(end - begin, "float32", always_2d=True)
            out.write(total.tobytes())
        out.write(wav.trailer(mix.frames, channels, "float32"))
    return into
