"""A patch in a song: what repaint's engine makes is joined to the source, and everything else stays bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acestep_runtime.audio.samples import Samples, split_blocks
from acestep_runtime.audio.splice import Span, match_loudness, splice
from acestep_runtime.engines.base import Block, Progress
from acestep_runtime.engines.metadata import TakeMetadata
from acestep_runtime.tasks.base import OutputBlock, OutputHeader, TaskEvent
from acestep_runtime.tasks.region import Region, collect
from acestep_runtime.tasks.source_audio import BLOCK_FRAMES
from acestep_runtime.values import MIX


@dataclass(frozen=True)
class Patch:
    """The delivery of a region made anew: with the ``whole`` song around it, or only the region and its crossfades."""

    region: Region
    whole: bool
    match_loudness: bool
    encoding: str
    engine_frames: int

    @property
    def changed(self) -> Span:
        """All that changes: the region with its crossfades."""
        span, fades = self.region.span, self.region.window.fades
        return Span(span.start - fades.before, span.stop + fades.after, span.source_frames)

    @property
    def start_frame(self) -> int:
        """The first frame of the output, in frames of the clip: negative where music is put before it."""
        return -self.changed.prepended if self.whole else self.changed.start

    def deliver(self, take: int, number: int, events: Iterator[Progress | Block]) -> Iterator[TaskEvent]:
        """See `Delivery.deliver`."""
        clip, changed = self.region.clip, self.changed
        before, after = changed.kept
        frames = changed.total_frames if self.whole else changed.frames
        yield OutputHeader(number, take, MIX, clip.rate_hz, clip.channels, self.encoding, frames, self.start_frame)
        if self.whole:  # what stays as it is goes out before the engine begins
            yield from (OutputBlock(number, block) for block in clip.blocks(*before))
        roles = yield from collect(events, self.engine_frames)
        yield from (OutputBlock(number, block) for block in split_blocks(self._mend(roles[MIX]), BLOCK_FRAMES))
        if self.whole:
            yield from (OutputBlock(number, block) for block in clip.blocks(*after))

    def in_output_time(self, metadata: TakeMetadata) -> TakeMetadata:
        """See `Delivery.in_output_time`."""
        return self.region.in_output_time(metadata, self.start_frame)

    def _mend(self, made: Samples) -> Samples:
        """Return the region as the engine made it, joined to the song by its crossfades: all that changes."""
        region = self.region
        local, fades = region.window.span, region.window.fades
        replacement = region.from_engine(made, *region.window.wanted)
        if self.match_loudness:
            replacement = match_loudness(replacement, region.near, local, fades, region.clip.rate_hz)
        mended = splice(region.near, replacement, local, fades)
        start = local.start - fades.before + local.prepended
        return mended[start : start + len(replacement)]
