"""Source audio at the output's rate and channel count, read on demand."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from acestep_runtime.audio import convert, decode
from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.units import ENGINE_RATE_HZ, frames_to_frames

#: Frames in a block of an output.
BLOCK_FRAMES = 1 << 16


def keep_on_disk(blocks: Iterable[Samples], frames: int, channels: int) -> Samples:
    """Return blocks that add up to ``[frames, channels]`` as one array in a temporary file: it takes no memory."""
    with tempfile.TemporaryFile() as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
        file.flush()
        return np.asarray(np.memmap(file, np.float32, mode="r", shape=(frames, channels)))


def _resample_blocks(blocks: Iterable[Samples], stream: convert.StreamResampler, frames: int) -> Iterator[Samples]:
    """Yield ``blocks``, which have ``frames`` frames together, resampled."""
    for block in blocks:
        frames -= len(block)
        yield stream.push(block, last=frames == 0)


def _decode(source: Source, start: int, stop: int, channels: int) -> Iterator[Samples]:
    """Yield frames ``start`` to ``stop`` of a file, with ``channels`` channels."""
    for block in decode.blocks(source.path, start_frame=start, stop_frame=stop, name=source.display_name):
        yield convert.to_channels(block, channels)


@dataclasses.dataclass(frozen=True)
class Clip:
    """The part of a file that a `Source` names: ``frames`` frames at ``rate_hz`` with ``channels`` channels.

    It begins at frame ``file_start`` of the file, at the rate of the file.
    """

    source: Source
    frames: int
    rate_hz: int
    channels: int
    file_start: int
    #: All samples, on disk, where the file cannot be read in parts.
    _whole: Samples | None

    @classmethod
    def open(cls, source: Source, output: Output) -> Clip:
        """Open a source for reading at the rate and channel count that ``output`` asks for."""
        info, start, stop = source.part(exact=True)
        rate_hz = output.sample_rate or info.sample_rate
        channels = output.channels or info.channels
        frames = frames_to_frames(stop - start, info.sample_rate, rate_hz)
        needs_copy = rate_hz != info.sample_rate or not info.reads_in_parts
        clip = cls(source, frames, rate_hz, channels, start, None)
        if not needs_copy:
            return clip
        stream = convert.StreamResampler(info.sample_rate, rate_hz, channels, frames)
        converted = _resample_blocks(_decode(source, start, stop, channels), stream, stop - start)
        return dataclasses.replace(clip, _whole=keep_on_disk(converted, frames, channels))

    def read(self, start: int, stop: int) -> Samples:
        """Return frames ``start`` to ``stop`` as ``[stop - start, C]``, silent outside the clip."""
        inside = slice(min(max(start, 0), self.frames), min(max(stop, 0), self.frames))
        if self._whole is not None:
            samples = self._whole[inside]
        elif inside.start < inside.stop:
            samples = decode.read(
                self.source.path,
                start_frame=self.file_start + inside.start,
                stop_frame=self.file_start + inside.stop,
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
        """Return frames ``start`` to ``stop`` in the engine's format: ``[N, 2]`` at 48 kHz.

        No more than the result is in memory, whatever the rate of the file: a small one may hold hours of silence.
        """
        if self.rate_hz == ENGINE_RATE_HZ or not 0 <= start < stop <= self.frames:
            return convert.resample(convert.to_channels(self.read(start, stop), 2), self.rate_hz, ENGINE_RATE_HZ)
        frames, at = frames_to_frames(stop - start, self.rate_hz, ENGINE_RATE_HZ), 0
        out = np.empty((frames, 2), np.float32)
        stream = convert.StreamResampler(self.rate_hz, ENGINE_RATE_HZ, 2, frames)
        blocks = (convert.to_channels(block, 2) for block in self._sequence(start, stop))
        for block in _resample_blocks(blocks, stream, stop - start):
            out[at : at + len(block)] = block
            at += len(block)
        return out

    def _sequence(self, start: int, stop: int) -> Iterator[Samples]:
        """Yield frames ``start`` to ``stop``, which are inside the clip, in blocks; the file is opened once."""
        if self._whole is not None:
            return split_blocks(self._whole[start:stop], BLOCK_FRAMES)
        return _decode(self.source, self.file_start + start, self.file_start + stop, self.channels)

    def from_engine_frame(self, frame: int) -> int:
        """Return the frame of the clip nearest to an engine frame."""
        return frames_to_frames(frame, ENGINE_RATE_HZ, self.rate_hz)

    def to_engine_frame(self, frame: int) -> int:
        """Return the engine frame nearest to a frame of the clip."""
        return frames_to_frames(frame, self.rate_hz, ENGINE_RATE_HZ)
