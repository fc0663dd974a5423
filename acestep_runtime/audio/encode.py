"""Writing FLAC, AIFF, Ogg and MP3 files with libsndfile. WAV has a writer of its own: `acestep_runtime.audio.wav`.

No encoder moves the music: a decoder that knows the format returns as many frames as went in, and the first where it was.

Letters: N frames, C channels (1 or 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.dither import Dither
from acestep_runtime.audio.samples import Samples
from acestep_runtime.temporary_files import replace_file
from acestep_runtime.units import gain_to_db

_MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
_VORBIS_RATES_HZ = tuple(range(8000, 192_001))
#: libsndfile's encoders of lossy formats need short blocks.
_BLOCK_FRAMES = 1 << 14


@dataclass(frozen=True)
class FileFormat:
    """A format by libsndfile's names. ``bits`` are those that its integers may have, the usual ones first; none where it is
    lossy. ``rates_hz`` are those that it holds; none are all.
    """

    kind: str
    subtype: str
    bits: tuple[int, ...] = ()
    rates_hz: tuple[int, ...] = ()

    @property
    def is_lossy(self) -> bool:
        """Whether samples change beyond rounding."""
        return not self.bits

    def rate_for(self, rate_hz: int) -> int:
        """Return the rate that a file gets: the same one, else the next higher one that the format holds, else its highest."""
        if not self.rates_hz or rate_hz in self.rates_hz:
            return rate_hz
        return min((rate for rate in self.rates_hz if rate >= rate_hz), default=self.rates_hz[-1])


#: Ending of a file name → format. Integers where that is the custom of the format.
FORMATS = {
    ".flac": FileFormat("FLAC", "PCM_", (24, 16)),
    ".aiff": FileFormat("AIFF", "PCM_", (24, 16)),
    ".aif": FileFormat("AIFF", "PCM_", (24, 16)),
    ".ogg": FileFormat("OGG", "VORBIS", rates_hz=_VORBIS_RATES_HZ),
    ".opus": FileFormat("OGG", "OPUS", rates_hz=_OPUS_RATES_HZ),
    ".mp3": FileFormat("MP3", "MPEG_LAYER_III", rates_hz=_MP3_RATES_HZ),
}


class Peaks:
    """Counts the samples beyond full scale of one file, and limits them to it: these formats hold no more."""

    def __init__(self) -> None:
        self.clipped, self._peak = 0, 0.0

    def limit(self, samples: Samples) -> Samples:
        """Return ``[N, C]`` within full scale."""
        if not samples.size:
            return samples
        levels = np.abs(samples)
        self._peak = max(self._peak, float(levels.max()))
        self.clipped += int(np.count_nonzero(levels > 1))
        return np.clip(samples, -1, 1)

    def sentence(self, name: str) -> str:
        """Return what to say of a file of this name; nothing where all was within full scale."""
        if not self.clipped:
            return ""
        count = "1 sample" if self.clipped == 1 else f"{self.clipped} samples"
        return f"{name} is clipped ({count}): the music exceeds full scale by up to {gain_to_db(self._peak):.1f} dB."


def write_file(
    path: Path, blocks: Iterable[Samples], channels: int, rate_hz: int, format_: FileFormat, bits: int = 0
) -> Peaks:
    """Write blocks ``[n, channels]`` at a rate that the format holds, atomically; return how far they exceeded full scale.

    Integers have ``bits``, by default the usual ones, and are dithered. Raises ``OSError`` as the file system does.
    """
    peaks = Peaks()
    with replace_file(path) as raw:
        encode_file(raw, map(peaks.limit, blocks), channels, rate_hz, format_, bits)
    return peaks


def encode_file(
    raw: BinaryIO, blocks: Iterable[Samples], channels: int, rate_hz: int, format_: FileFormat, bits: int = 0
) -> None:
    """Encode blocks ``[n, channels]`` within full scale into an open file, see `write_file`."""
    import soundfile

    depth = 0 if format_.is_lossy else bits or format_.bits[0]
    subtype = f"{format_.subtype}{depth}" if depth else format_.subtype
    dither = Dither(depth)
    sink = _Sink(raw)
    try:
        with soundfile.SoundFile(sink, "w", rate_hz, channels, format=format_.kind, subtype=subtype) as file:
            for block in _short(blocks):
                file.write(_to_words(dither.add(block), depth) if depth else block)
    finally:
        if sink.error is not None:
            raise sink.error


class _Sink:
    """An open file that keeps the first error of a write: libsndfile writes from C, where an exception is lost."""

    def __init__(self, raw: BinaryIO) -> None:
        self.error: OSError | None = None
        self.seek, self.tell, self.read, self._raw = raw.seek, raw.tell, raw.read, raw

    def write(self, data: bytes) -> int:
        """Write ``data``; return how many bytes were written."""
        try:
            return self._raw.write(data)
        except OSError as error:
            self.error = self.error or error
            return 0


def _to_words(samples: Samples, bits: int) -> npt.NDArray[np.int32]:
    """Return samples as integers of 32 bits whose upper ``bits`` are rounded, which libsndfile takes as they are."""
    full = 2 ** (bits - 1)
    steps: npt.NDArray[np.int32] = np.rint(samples * np.float32(full)).clip(-full, full - 1).astype(np.int32)
    return np.left_shift(steps, 32 - bits)


def _short(blocks: Iterable[Samples]) -> Iterator[Samples]:
    for block in blocks:
        for at in range(0, len(block), _BLOCK_FRAMES):
            yield block[at : at + _BLOCK_FRAMES]
