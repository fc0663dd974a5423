"""More than two channels as stereo, as Recommendation ITU-R BS.775 mixes them down.

    left  = L + √½·C + √½·Ls + √½·Lb + ½·S        right = R + √½·C + √½·Rs + √½·Rb + ½·S

S is one surround channel in the middle; the channel for low frequencies is left out, as the recommendation has it. Nothing is
turned down: the sum may exceed full scale, which float32 holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from acestep_runtime.audio import decode, wav
from acestep_runtime.audio.decode import MediaInfo
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.tags.positions import TimeLine
from acestep_runtime.audio.tags.result import Maker, SourceTags
from acestep_runtime.errors import UnreadableAudio, printable

_HALF_POWER = 0.5**0.5
#: Speaker → its gains in the left and right channel.
_GAINS = {
    "L": (1.0, 0.0), "R": (0.0, 1.0), "C": (_HALF_POWER, _HALF_POWER), "LFE": (0.0, 0.0), "S": (0.5, 0.5),
    "Ls": (_HALF_POWER, 0.0), "Rs": (0.0, _HALF_POWER), "Lb": (_HALF_POWER, 0.0), "Rb": (0.0, _HALF_POWER),
    "Lc": (1.0, 0.0), "Rc": (0.0, 1.0),
}  # fmt: skip
#: Channels → their speakers in the order of WAV, FLAC, AIFF, CAF and of what is converted.
_ORDER = {
    3: "L R C", 4: "L R Ls Rs", 5: "L R C Ls Rs", 6: "L R C LFE Ls Rs", 7: "L R C LFE S Ls Rs", 8: "L R C LFE Lb Rb Ls Rs",
}  # fmt: skip
#: The order of Vorbis and Opus (RFC 7845).
_OGG_ORDER = {
    3: "L C R", 4: "L R Ls Rs", 5: "L C R Ls Rs", 6: "L C R Ls Rs LFE", 7: "L C R Ls Rs S LFE", 8: "L C R Ls Rs Lb Rb LFE",
}  # fmt: skip
#: Speakers of the bits of an extensible WAV header, from the lowest.
_MASK_ORDER = ("L", "R", "C", "LFE", "Lb", "Rb", "Lc", "Rc", "S", "Ls", "Rs")


def write_stereo(path: str | os.PathLike[str], into: Path, *, field: str = "source") -> None:
    """Write a file as a WAV file with float32 samples and at most two channels, block by block.

    Raises `UnreadableAudio` for what `decode.probe` refuses, and for more than eight channels, of which nobody says where they
    belong.
    """
    info = decode.measure(path, field=field, any_channels=True)
    gains = _gains(path, info, field)

    def blocks() -> Iterator[Samples]:
        for block in decode.blocks(path, field=field, any_channels=True):
            yield block if gains is None else (block @ gains).astype(np.float32)

    line = TimeLine(info.sample_rate, info.frames, 0, info.sample_rate, 0, info.frames)
    more = SourceTags.read(path).chunks_for(line, "float32", Maker()).data
    wav.write_blocks(into, blocks(), info.frames, min(info.channels, 2), info.sample_rate, more=more)


def _gains(path: str | os.PathLike[str], info: MediaInfo, field: str) -> Samples | None:
    """Return the gains ``[C, 2]``, ``None`` for mono and stereo."""
    if info.channels <= 2:
        return None
    order = (_OGG_ORDER if info.format == "OGG" else _ORDER).get(info.channels, "").split()
    named = [name for bit, name in enumerate(_MASK_ORDER) if info.channel_mask >> bit & 1]
    if len(named) == info.channels and info.channel_mask >> len(_MASK_ORDER) == 0:
        order = named
    if not order:
        name = printable(Path(path).name)
        raise UnreadableAudio(
            field, name, "at most 8 channels", remedy="Export it in stereo.",
            message=f"{name} has {info.channels} channels, of which nobody knows where they belong.",
        )  # fmt: skip
    return np.array([_GAINS[speaker] for speaker in order], np.float32)
