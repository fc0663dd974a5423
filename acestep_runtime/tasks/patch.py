"""A patch in a song: the engine's audio is joined to the source; everything else stays bit-identical."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acestep_runtime.audio.match import match_loudness
from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.audio.sides import keep_sides
from acestep_runtime.audio.splice import Span, splice
from acestep_runtime.engines.base import Block, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.take_latents import TakeLatents
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, OutputLatents, TaskEvent
from acestep_runtime.tasks.region import Region, collect_roles
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES
from acestep_runtime.values import MIX


@dataclass(frozen=True)
class Patch:
    """The delivery of a regenerated region: with the ``whole`` song around it, or only the region and its crossfades.

    It is made as loud as what ``loudness_of`` names, "region" or "context"; ``None`` leaves the engine's audio alone. Of a
    preview, nothing follows the region, which is the part that is decoded.
    """

    region: Region
    whole: bool
    loudness_of: str | None
    encoding: str
    engine_frames: int
    is_preview: bool = False

    @property
    def extent(self) -> Span:
        """The frames that change: the region with its crossfades."""
        span, fades = self.region.span, self.region.window.fades
        return Span(span.start - fades.before, span.stop + fades.after, span.source_frames)

    @property
    def start_frame(self) -> int:
        """The first frame of the output, in frames of the clip: negative for prepended music."""
        return -self.extent.prefix_frames if self.whole else self.extent.start

    @property
    def frames(self) -> int:
        """The length of the output, in frames of the clip."""
        if not self.whole:
            return self.extent.frames
        _, (after, stop) = self.extent.outside
        return self.extent.total_frames - (stop - after if self.is_preview else 0)

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        clip, (before, after) = self.region.clip, self.extent.outside
        yield OutputHeader(number, take, MIX, clip.rate_hz, clip.channels, self.encoding, self.frames, self.start_frame)
        if self.whole:  # unchanged audio is returned before the engine begins
            yield from (OutputBlock(number, block) for block in clip.blocks(*before))
        roles = yield from collect_roles(events, self.engine_frames)
        made = self.region.from_engine(roles[MIX].samples, *self.region.window.target)
        joined = self._join_region(made)
        latents = self._join_latents(roles[MIX].latents, is_as_made=self._is_inside(made, joined))
        if latents is not None or roles[MIX].full is not None:
            yield OutputLatents(number, latents, roles[MIX].full)
        yield from (OutputBlock(number, block) for block in split_blocks(joined, BLOCK_FRAMES))
        if self.whole and not self.is_preview:
            yield from (OutputBlock(number, block) for block in clip.blocks(*after))

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        frames = None if self.whole and not self.is_preview else self.frames
        return self.region.in_output_time(metadata, self.start_frame, frames)

    def _is_inside(self, made: Samples, joined: Samples) -> bool:
        """Return whether the region is what the engine made of it, to the bit."""
        fades = self.region.window.fades
        inside = slice(fades.before, len(made) - fades.after)
        return np.array_equal(made[inside], joined[inside])

    def _join_latents(self, made: TakeLatents | None, *, is_as_made: bool) -> TakeLatents | None:
        """Return the latents of the output: those of the song outside, the new ones in a region that is as made."""
        clip, extent, span = self.region.clip, self.extent, self.region.span
        made_span = (span.start, span.stop if is_as_made else span.start)
        start = self.start_frame
        before, after = (0, max(0, extent.start)), (min(extent.stop, clip.frames), clip.frames)
        own_spans = (before, *(() if self.is_preview else (after,))) if self.whole else ()
        return self.region.join_latents(made, made_span, own_spans, (start, start + self.frames))

    def _join_region(self, made: Samples) -> Samples:
        """Return the engine's audio of the region and its crossfades joined to the song: the frames of `extent`."""
        region = self.region
        local, fades = region.window.span, region.window.fades
        replacement = keep_sides(made, region.surroundings)
        if self.loudness_of is not None:
            rate_hz = region.clip.rate_hz
            replacement = match_loudness(replacement, region.surroundings, local, fades, rate_hz, to=self.loudness_of)
        result = splice(region.surroundings, replacement, local, fades)
        start = local.start - fades.before + local.prefix_frames
        return result[start : start + len(replacement)]
