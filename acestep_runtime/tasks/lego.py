"""Lego: new tracks that play along with the source, each on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.splice import Span
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
from acestep_runtime.tasks.clip import BLOCK_FRAMES, Clip, pieces
from acestep_runtime.tasks.reference import heard_in
from acestep_runtime.tasks.region import Region, collect
from acestep_runtime.units import END, frames_to_seconds
from acestep_runtime.values import CancelToken, Music, Sampling, Thinking


@dataclass(frozen=True)
class Lego(Task):
    """Play ``tracks`` to ``source`` from ``start_s`` to ``end_s`` (``None`` and −1: its end)."""

    name = "lego"
    rpc = "Lego"
    kind = "audio"
    plays_along = True
    needs_base_model = True
    can_plan = True
    fade_s = 0.01

    source: Source
    music: Music = field(default_factory=Music)
    tracks: tuple[str, ...] = ()
    start_s: float = bounded(0.0, low=0, high=MAX_SOURCE_S, unit="seconds")
    end_s: float | None = bounded(None, low=0, high=MAX_SOURCE_S, unit="seconds", sentinels={END: "the end"})
    context_s: float = bounded(30.0, low=0, high=600, unit="seconds")
    scope: str = bounded("whole", choices=SCOPES)
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None
    thinking: Thinking = field(default_factory=Thinking)

    def check_source(self, frames: int, rate_hz: int) -> None:
        """See `acestep_runtime.tasks.base.Task.check_source`."""
        self._span(frames, rate_hz)

    def _span(self, frames: int, rate_hz: int) -> Span:
        span = Span.resolve(self.start_s, self.end_s, frames, rate_hz)
        if span.appended or span.start >= frames:
            raise InvalidValue(
                "end_s",
                self.end_s,
                f"at most {frames_to_seconds(frames, rate_hz):g} s, the end of the source",
                remedy="A layer plays with the source, so it cannot go on after it.",
            )
        return span

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. One output for each track, silent outside the region."""
        clip = Clip.open(self.source, self.output)
        span = self._span(clip.frames, clip.rate_hz)
        region = Region.around(clip, span, min(self.context_s, engine.hears_s))
        whole = self.scope == "whole"
        before, after = (span.start, clip.frames - span.stop) if whole else (0, 0)
        request = region.request(
            EngineRequest(
                type(self),
                0,
                0,
                self.music,
                self.sampling,
                tracks=self.tracks,
                reference=heard_in(self.reference),
                thinking=self.thinking,
            )
        )
        output = with_seeds(self.output)
        number = 0
        for take, seed in to_make(output):
            facts: dict[str, Any] = {}
            roles: dict[str, Samples] = {}
            for progress in collect(engine, for_take(request, seed, output), cancel, roles, facts):
                yield in_take(progress, take, output.count)
            for role, made in roles.items():
                layer = region.from_engine(made, *region.window.region)
                yield OutputHeader(
                    number,
                    take,
                    role,
                    clip.rate_hz,
                    clip.channels,
                    output.encoding,
                    before + span.frames + after,
                    span.start - before,
                )
                for block in (*_silence(before, clip.channels), *pieces(layer), *_silence(after, clip.channels)):
                    yield OutputBlock(number, block)
                number += 1
            yield finished_take(take, seed, region.in_output_time(facts, span.start - before), output, engine)


def _silence(frames: int, channels: int) -> Iterator[Samples]:
    return (np.zeros((min(BLOCK_FRAMES, frames - at), channels), np.float32) for at in range(0, frames, BLOCK_FRAMES))
