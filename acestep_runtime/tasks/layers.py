"""Layers over a region of a song: what lego's engine makes is cut to the region, and silent outside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.engines.base import Block, Engine, Progress
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, TaskEvent
from acestep_runtime.tasks.region import Region, collect
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES, Clip, pieces
from acestep_runtime.tasks.takes import request_of, run_takes
from acestep_runtime.values import CancelToken

if TYPE_CHECKING:
    from acestep_runtime.tasks.lego import Lego


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
        roles = yield from collect(events, self.engine_frames)
        for output, (role, made) in enumerate(roles.items(), number):
            layer = self.region.from_engine(made, *self.region.window.region)
            yield OutputHeader(output, take, role, clip.rate_hz, clip.channels, self.encoding, frames, self.start_frame)
            silence_before, silence_after = (_silence(n, clip.channels) for n in (self.before, self.after))
            for block in (*silence_before, *pieces(layer), *silence_after):
                yield OutputBlock(output, block)

    def in_output_time(self, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Delivery.in_output_time`."""
        return self.region.in_output_time(metadata, self.start_frame)


def run_layers(task: Lego, engine: Engine, cancel: CancelToken, done: int) -> Iterator[TaskEvent]:
    """Play new tracks to a region of the source."""
    clip = Clip.open(task.source, task.output)
    span = task.span(clip.frames, clip.rate_hz)
    region = Region.around(clip, span, min(task.context_s, engine.context_limit_s))
    request = region.request(request_of(task))
    before, after = (span.start, clip.frames - span.stop) if task.scope == "whole" else (0, 0)
    layers = Layers(region, before, after, task.output.encoding, request.frames)
    yield from run_takes(request, task.output, layers, engine, cancel, done)


def _silence(frames: int, channels: int) -> Iterator[Samples]:
    return (np.zeros((min(BLOCK_FRAMES, frames - at), channels), np.float32) for at in range(0, frames, BLOCK_FRAMES))
