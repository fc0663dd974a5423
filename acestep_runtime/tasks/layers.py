"""Layers over a region of a song: the engine's audio is cut to the region, with silence outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.engines.base import Block, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, OutputLatents, TaskEvent
from acestep_runtime.tasks.region import Region, collect_roles
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES


@dataclass(frozen=True)
class Layers:
    """The delivery of layers: each role in the region, with ``before`` and ``after`` frames of silence around it."""

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
        clip, frames = self.region.clip, self.before + self.region.span.frames + self.after
        roles = yield from collect_roles(events, self.engine_frames)
        for output, (name, role) in enumerate(roles.items(), number):
            layer = self.region.from_engine(role.samples, *self.region.window.region)
            yield OutputHeader(output, take, name, clip.rate_hz, clip.channels, self.encoding, frames, self.start_frame)
            span, start = self.region.span, self.start_frame
            latents = self.region.join_latents(role.latents, (span.start, span.stop), (), (start, start + frames))
            if latents is not None:
                yield OutputLatents(output, latents)
            silence_before, silence_after = (_silence(n, clip.channels) for n in (self.before, self.after))
            for block in (*silence_before, *split_blocks(layer, BLOCK_FRAMES), *silence_after):
                yield OutputBlock(output, block)

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        frames = self.before + self.region.span.frames + self.after
        return self.region.in_output_time(metadata, self.start_frame, frames)


def _silence(frames: int, channels: int) -> Iterator[Samples]:
    return (np.zeros((min(BLOCK_FRAMES, frames - at), channels), np.float32) for at in range(0, frames, BLOCK_FRAMES))
