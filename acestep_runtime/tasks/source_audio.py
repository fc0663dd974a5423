"""A source as a task sees it: at the output's rate and channel count, read where and when it is needed."""

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


def _copied(
    source: Source, start: int, stop: int, info: MediaInfo, rate_hz: int, channels: int, frames: int
) -> Samples:
    """Return frames ``start`` to ``stop`` of a file, converted, as ``[frames, channels]`` in a nameless file on disk."""
    stream = convert.StreamResampler(info.sample_rate, rate_hz, channels, frames)
    left = stop - start
    with tempfile.TemporaryFile() as file:
        for block in decode.blocks(source.path, start_frame=start, stop_frame=stop, name=source.shown):
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
    #: All samples, on disk, when they cannot be read piece by piece from the file itself.
    _whole: Samples | None

    @classmethod
    def open(cls, source: Source, output: Output) -> Clip:
        """Open a source for reading at the rate and channel count that ``output`` asks for."""
        info, start, stop = source.part()
        rate_hz = output.sample_rate or info.sample_rate
        channels = output.channels or info.channels
        frames = frames_to_frames(stop - start, info.sample_rate, rate_hz)
        copied = rate_hz != info.sample_rate or info.format in decode.NO_EXACT_SEEK
        whole = _copied(source, start, stop, info, rate_hz, channels, frames) if copied else None
        return cls(source, frames, rate_hz, channels, start, whole)

    def read(self, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` as ``[stop - start, C]``; what lies outside of the clip is silence."""
        inside = slice(min(max(start, 0), self.frames), min(max(stop, 0), self.frames))
        if self._whole is not None:
            held = self._whole[inside]
        elif inside.start < inside.stop:
            held = decode.read(
                self.source.path,
                start_frame=self._file_start + inside.start,
                stop_frame=self._file_start + inside.stop,
                name=self.source.shown,
            )
        else:
            held = np.zeros((0, self.channels), np.float32)
        held = convert.to_channels(held, self.channels)
        if len(held) == stop - start:
            return held
        return np.pad(held, ((inside.start - start, stop - inside.stop), (0, 0)))

    def blocks(self, start: int, stop: int) -> Iterator[Samples]:
        """Yield frames ``start`` to ``stop`` in pieces."""
        for at in range(start, stop, BLOCK_FRAMES):
            yield self.read(at, min(at + BLOCK_FRAMES, stop))

    def for_engine(self, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` as an engine wants them: ``[N, 2]`` at 48 kHz."""
        return convert.resample(convert.to_channels(self.read(start, stop), 2), self.rate_hz, ENGINE_RATE_HZ)

    def to_engine_frame(self, frame: int) -> int:
        """Return the engine frame nearest to a frame of the clip."""
        return frames_to_frames(frame, self.rate_hz, ENGINE_RATE_HZ)
