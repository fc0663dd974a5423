"""A patch in a song: the engine's audio is joined to the source; everything else stays bit-identical."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acestep_runtime.audio.match import match_loudness
from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.audio.sides import keep_sides
from acestep_runtime.audio.splice import Span, splice
from acestep_runtime.engines.base import Block, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, TaskEvent
from acestep_runtime.tasks.region import Region, collect_roles
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES
from acestep_runtime.values import MIX


@dataclass(frozen=True)
class Patch:
    """The delivery of a regenerated region: with the ``whole`` song around it, or only the region and its crossfades.

    It is made as loud as what ``loudness_of`` names, "region" or "context"; ``None`` leaves the engine's audio alone.
    """

    region: Region
    whole: bool
    loudness_of: str | None
    encoding: str
    engine_frames: int

    @property
    def extent(self) -> Span:
        """The frames that change: the region with its crossfades."""
        span, fades = self.region.span, self.region.window.fades
        return Span(span.start - fades.before, span.stop + fades.after, span.source_frames)

    @property
    def start_frame(self) -> int:
        """The first frame of the output, in frames of the clip: negative for prepended music."""
        return -self.extent.prefix_frames if self.whole else self.extent.start

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        clip, extent = self.region.clip, self.extent
        before, after = extent.outside
        frames = extent.total_frames if self.whole else extent.frames
        yield OutputHeader(number, take, MIX, clip.rate_hz, clip.channels, self.encoding, frames, self.start_frame)
        if self.whole:  # unchanged audio is returned before the engine begins
            yield from (OutputBlock(number, block) for block in clip.blocks(*before))
        roles = yield from collect_roles(events, self.engine_frames)
        yield from (OutputBlock(number, block) for block in split_blocks(self._join_region(roles[MIX]), BLOCK_FRAMES))
        if self.whole:
            yield from (OutputBlock(number, block) for block in clip.blocks(*after))

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        frames = None if self.whole else self.extent.frames
        return self.region.in_output_time(metadata, self.start_frame, frames)

    def _join_region(self, samples: Samples) -> Samples:
        """Return the engine's audio joined to the song by crossfades: the frames of `extent`."""
        region = self.region
        local, fades = region.window.span, region.window.fades
        replacement = keep_sides(region.from_engine(samples, *region.window.target), region.surroundings)
        if self.loudness_of is not None:
            rate_hz = region.clip.rate_hz
            replacement = match_loudness(replacement, region.surroundings, local, fades, rate_hz, to=self.loudness_of)
        result = splice(region.surroundings, replacement, local, fades)
        start = local.start - fades.before + local.prefix_frames
        return result[start : start + len(replacement)]
