"""Repaint: regenerate a region of the source, sample-exact, everything else untouched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import MAX_SOURCE_S, SCOPES, Output, Source, Task, TaskEvent
from acestep_runtime.units import END, frames_to_seconds
from acestep_runtime.values import MIX, CancelToken, Music, Sampling

if TYPE_CHECKING:
    from acestep_runtime.audio.splice import Span
    from acestep_runtime.lyrics.reading import WordsToSing
    from acestep_runtime.tasks.region_input import RegionInput

MODES = ("conservative", "balanced", "aggressive")
#: What the loudness of the new audio follows: what was in the region, or what is on both sides of it.
LOUDNESS = ("region", "context")


@dataclass(frozen=True)
class Repaint(Task):
    """Regenerate ``start_s`` to ``end_s`` of ``source``.

    A negative start prepends new audio, an end past the source extends it, ``None`` and −1 mean its end.
    One output, "mix": the whole result, or only what changed.
    """

    name = "repaint"
    rpc = "Repaint"
    kind = "audio"
    roles = (MIX,)
    fits_source = True

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
    loudness_of: str = bounded("region", choices=LOUDNESS)

    def check_source(self, frames: int, rate_hz: int) -> None:
        """See `acestep_runtime.tasks.base.Task.check_source`."""
        self.span(frames, rate_hz)

    def span(self, frames: int, rate_hz: int) -> Span:
        """Return the region in a source of this length. Raises `InvalidValue` for one that makes too long a result."""
        from acestep_runtime.audio.splice import Span

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

    def engine_input(self, engine: Engine) -> RegionInput:
        """Return what an engine gets of the song: the seconds around the region, and the words."""
        from acestep_runtime.tasks.region_input import region_input

        return region_input(self.music.lyrics, self.source, self.start_s, self.end_s, self.context_s, engine)

    def words_to_sing(self, engine: Engine) -> WordsToSing:
        """See `acestep_runtime.tasks.base.Task.words_to_sing`."""
        return self.engine_input(engine).words

    def run(self, engine: Engine, cancel: CancelToken, done: int = 0) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.run`."""
        from acestep_runtime.tasks.patch import Patch
        from acestep_runtime.tasks.preview_input import with_preview
        from acestep_runtime.tasks.region import Region
        from acestep_runtime.tasks.source_audio import Clip
        from acestep_runtime.tasks.source_latents import read_source_latents
        from acestep_runtime.tasks.takes import engine_request, run_takes

        clip = Clip.open(self.source, self.output)
        context_s = self.engine_input(engine).context_s
        span, latents = self.span(clip.frames, clip.rate_hz), read_source_latents(clip, engine)
        region = Region.around(clip, span, context_s, self.crossfade_ms, latents)
        request = region.request(engine_request(self, engine))
        request = with_preview(request, self.output, engine, *region.engine_span, request.known[0])
        is_preview = request.preview is not None
        if request.preview is not None:
            region = region.first_part(clip.from_engine_frame(request.preview.stop - request.preview.start))
        loudness_of = self.loudness_of if self.match_loudness else None
        patch = Patch(region, self.scope == "whole", loudness_of, self.output.encoding, request.frames, is_preview)
        yield from run_takes(request, self.output, patch, engine, cancel, done)
