"""Repaint: a region of the source made anew, sample-exact, everything else untouched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.splice import Span, match_loudness, splice
from acestep_runtime.engines.base import Engine, EngineRequest
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import (
    MAX_SOURCE_S,
    SCOPES,
    Output,
    OutputBlock,
    OutputHeader,
    Source,
    Task,
    TaskEvent,
    finished_take,
    for_take,
    in_take,
    to_make,
    with_seeds,
)
from acestep_runtime.tasks.clip import Clip, pieces
from acestep_runtime.tasks.reference import heard_in
from acestep_runtime.tasks.region import Region, collect
from acestep_runtime.units import END, frames_to_seconds
from acestep_runtime.values import MIX, CancelToken, Music, Sampling

MODES = ("conservative", "balanced", "aggressive")


@dataclass(frozen=True)
class Repaint(Task):
    """Make ``start_s`` to ``end_s`` of ``source`` anew.

    A negative start puts new audio before the source, an end past the source extends it, ``None`` and −1 mean its end.
    """

    name = "repaint"
    rpc = "Repaint"
    kind = "audio"
    roles = (MIX,)

    source: Source
    music: Music = field(default_factory=Music)
    start_s: float = bounded(0.0, low=-MAX_SOURCE_S, high=MAX_SOURCE_S, unit="seconds")
    end_s: float | None = bounded(None, low=0, high=2 * MAX_SOURCE_S, unit="seconds", sentinels={END: "the end"})
    mode: str = bounded("balanced", choices=MODES)
    strength: float = bounded(0.5, low=0, high=1)
    context_s: float = bounded(30.0, low=0, high=600, unit="seconds")
    crossfade_ms: float = bounded(20.0, low=0, high=1000, unit="ms")
    match_loudness: bool = True
    scope: str = bounded("whole", choices=SCOPES)
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None

    def check_source(self, frames: int, rate_hz: int) -> None:
        """See `acestep_runtime.tasks.base.Task.check_source`."""
        self._span(frames, rate_hz)

    def _span(self, frames: int, rate_hz: int) -> Span:
        span = Span.resolve(self.start_s, self.end_s, frames, rate_hz)
        total_s = frames_to_seconds(span.total_frames, rate_hz)
        if total_s > MAX_SOURCE_S:
            raise InvalidValue(
                "end_s",
                self.end_s,
                f"a result of at most {MAX_SOURCE_S:g} seconds",
                message=f"The result would be {total_s:.0f} s long; allowed: at most {MAX_SOURCE_S:g} s.",
                remedy="Extend or prepend less.",
            )
        return span

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. One output, "mix": the whole result, or only what changed."""
        clip = Clip.open(self.source, self.output)
        context_s = min(self.context_s, engine.hears_s)
        region = Region.around(clip, self._span(clip.frames, clip.rate_hz), context_s, self.crossfade_ms)
        span, fades, whole = region.span, region.window.fades, self.scope == "whole"
        changed = Span(span.start - fades.before, span.stop + fades.after, clip.frames)
        frames, first = (changed.total_frames, -changed.prepended) if whole else (changed.frames, changed.start)
        before, after = changed.kept
        asked = EngineRequest(
            type(self), 0, 0, self.music, self.sampling, mode=self.mode, strength=self.strength,
            reference=heard_in(self.reference),
        )  # fmt: skip
        request = region.request(asked)
        output = with_seeds(self.output)
        for take, seed in to_make(output):
            yield OutputHeader(take, take, "mix", clip.rate_hz, clip.channels, output.encoding, frames, first)
            if whole:  # what stays as it is goes out before the engine begins
                yield from (OutputBlock(take, block) for block in clip.blocks(*before))
            facts: dict[str, Any] = {}
            roles: dict[str, Samples] = {}
            for progress in collect(engine, for_take(request, seed, output), cancel, roles, facts):
                yield in_take(progress, take, output.count)
            mended = self._mend(region, roles["mix"])
            yield from (OutputBlock(take, block) for block in pieces(mended))
            if whole:
                yield from (OutputBlock(take, block) for block in clip.blocks(*after))
            yield finished_take(take, seed, region.in_output_time(facts, first), output, engine)

    def _mend(self, region: Region, made: Samples) -> Samples:
        """Return the region as the engine made it, joined to the song by its crossfades: all that changes."""
        local, fades = region.window.span, region.window.fades
        replacement = region.from_engine(made, *region.window.wanted)
        if self.match_loudness:
            replacement = match_loudness(replacement, region.near, local, fades, region.clip.rate_hz)
        mended = splice(region.near, replacement, local, fades)
        start = local.start - fades.before + local.prepended
        return mended[start : start + len(replacement)]
