"""Source audio at the output's rate and channel count, read on demand."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator

import numpy as np

from acestep_runtime.audio import convert, decode
from acestep_runtime.audio.decode import MediaInfo
from acestep_runtime.audio.samples import Samples
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_frames

#: Frames in a block of an output.
BLOCK_FRAMES = 1 << 16


def _convert_to_file(
    source: Source, start: int, stop: int, info: MediaInfo, rate_hz: int, channels: int, frames: int
) -> Samples:
    """Return frames ``start`` to ``stop`` of a file, converted, as ``[frames, channels]`` in a temporary file."""
    stream = convert.StreamResampler(info.sample_rate, rate_hz, channels, frames)
    left = stop - start
    with tempfile.TemporaryFile() as file:
        for block in decode.blocks(source.path, start_frame=start, stop_frame=stop, name=source.display_name):
            left -= len(block)
            file.write(stream.push(convert.to_channels(block, channels), last=left == 0).tobytes())
        file.flush()
        return np.asarray(np.memmap(file, np.float32, mode="r", shape=(frames, channels)))


@dataclasses.dataclass(frozen=True)
class Clip:
    """The part of a file that a `Source` names: ``frames`` frames at ``rate_hz`` with ``channels`` channels."""

    source: Source
    frames: int
    rate_hz: int
    channels: int
    _file_start: int
    #: All samples, on disk, where the file cannot be read in parts.
    _whole: Samples | None

    @classmethod
    def open(cls, source: Source, output: Output) -> Clip:
        """Open a source for reading at the rate and channel count that ``output`` asks for."""
        info, start, stop = source.part()
        rate_hz = output.sample_rate or info.sample_rate
        channels = output.channels or info.channels
        frames = frames_to_frames(stop - start, info.sample_rate, rate_hz)
        needs_copy = rate_hz != info.sample_rate or info.format in decode.NO_EXACT_SEEK
        whole = _convert_to_file(source, start, stop, info, rate_hz, channels, frames) if needs_copy else None
        return cls(source, frames, rate_hz, channels, start, whole)

    def read(self, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` as ``[stop - start, C]``, silent outside the clip."""
        inside = slice(min(max(start, 0), self.frames), min(max(stop, 0), self.frames))
        if self._whole is not None:
            samples = self._whole[inside]
        elif inside.start < inside.stop:
            samples = decode.read(
                self.source.path,
                start_frame=self._file_start + inside.start,
                stop_frame=self._file_start + inside.stop,
                name=self.source.display_name,
            )
        else:
            samples = np.zeros((0, self.channels), np.float32)
        samples = convert.to_channels(samples, self.channels)
        if len(samples) == stop - start:
            return samples
        return np.pad(samples, ((inside.start - start, stop - inside.stop), (0, 0)))

    def blocks(self, start: int, stop: int) -> Iterator[Samples]:
        """Yield frames ``start`` to ``stop`` in blocks."""
        for at in range(start, stop, BLOCK_FRAMES):
            yield self.read(at, min(at + BLOCK_FRAMES, stop))

    def for_engine(self, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` in the engine's format: ``[N, 2]`` at 48 kHz."""
        return convert.resample(convert.to_channels(self.read(start, stop), 2), self.rate_hz, ENGINE_RATE_HZ)

    def to_engine_frame(self, frame: int) -> int:
        """Return the engine frame nearest to a frame of the clip."""
        return frames_to_frames(frame, self.rate_hz, ENGINE_RATE_HZ)
