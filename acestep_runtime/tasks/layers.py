"""Layers over a region of a song: the engine's audio is cut to the region, with silence outside, and passed on as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio import convert
from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.previews import merge
from acestep_runtime.take_latents import TakeLatents
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, OutputLatents, TaskEvent
from acestep_runtime.tasks.region import Frames, Region
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES
from acestep_runtime.units import ENGINE_RATE_HZ, seconds_to_frames


@dataclass
class _Layer:
    """A growing layer: frames ``span`` of the window are its own. ``left`` engine frames are still to come."""

    output: int
    resampler: convert.StreamResampler
    span: Frames
    left: int
    latents: TakeLatents | None
    after: int
    _position: int = 0

    def push(self, samples: Samples) -> Samples:
        """Take the next samples of the window, return those of the region among what they become."""
        self.left -= len(samples)
        made = self.resampler.push(samples, last=self.left == 0)
        first, stop = (max(0, edge - self._position) for edge in self.span)
        self._position += len(made)
        return made[first:stop]


@dataclass(frozen=True)
class Layers:
    """The delivery of layers: each role in the region, with ``before`` and ``after`` frames of silence around it.

    A preview ends with its last bar, without silence after it.
    """

    region: Region
    before: int
    after: int
    encoding: str
    engine_frames: int

    @property
    def start_frame(self) -> int:
        """The first frame of the outputs, in frames of the clip."""
        return self.region.span.start - self.before

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        layers: dict[str, _Layer] = {}
        full = []
        for event in events:
            if isinstance(event, Progress):
                yield event
                continue
            if event.role not in layers:
                layers[event.role] = layer = self._begin(number + len(layers), event)
                yield self._header(layer, take, event.role)
                if layer.latents is not None:
                    yield OutputLatents(layer.output, layer.latents)
                full += [] if event.full is None else [event.full]
                yield from self._silence(layer.output, self.before)
            layer = layers[event.role]
            yield OutputBlock(layer.output, layer.push(convert.to_channels(event.samples, self.region.clip.channels)))
            if layer.left == 0:
                yield from self._silence(layer.output, layer.after)
        if full:
            first = next(iter(layers.values()))
            yield OutputLatents(first.output, first.latents, merge(full))

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        frames = self.before + self.region.span.frames + self.after
        if "preview" in metadata:
            frames = self.before + seconds_to_frames(metadata["preview"]["duration_s"], self.region.clip.rate_hz)
        return self.region.in_output_time(metadata, self.start_frame, frames)

    def _begin(self, output: int, block: Block) -> _Layer:
        region, clip, after = self.region, self.region.clip, self.after
        first, stop = region.window.region
        if block.preview is not None:
            stop, after = first + clip.from_engine_frame(block.preview.stop - block.preview.start), 0
        start, frames = self.start_frame, self.before + stop - first + after
        span = region.span.start, region.span.start + stop - first
        latents = region.join_latents(block.latents, span, (), (start, start + frames))
        resampler = convert.StreamResampler(ENGINE_RATE_HZ, clip.rate_hz, clip.channels, region.window.frames)
        return _Layer(output, resampler, (first, stop), self.engine_frames, latents, after)

    def _header(self, layer: _Layer, take: int, role: str) -> OutputHeader:
        clip, (first, stop) = self.region.clip, layer.span
        frames = self.before + stop - first + layer.after
        return OutputHeader(
            layer.output, take, role, clip.rate_hz, clip.channels, self.encoding, frames, self.start_frame
        )

    def _silence(self, output: int, frames: int) -> Iterator[OutputBlock]:
        for at in range(0, frames, BLOCK_FRAMES):
            silence = np.zeros((min(BLOCK_FRAMES, frames - at), self.region.clip.channels), np.float32)
            yield OutputBlock(output, silence)
