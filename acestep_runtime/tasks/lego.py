"""Lego: new tracks that play along with the source, each on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acestep_runtime.engines.base import Engine
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import MAX_SOURCE_S, SCOPES, Output, Source, Task, TaskEvent
from acestep_runtime.units import END, frames_to_seconds
from acestep_runtime.values import MAX_TEXT, CancelToken, Music, Sampling, Thinking

if TYPE_CHECKING:
    from acestep_runtime.audio.splice import Span
    from acestep_runtime.lyrics.reading import WordsToSing
    from acestep_runtime.tasks.region_input import RegionInput


@dataclass(frozen=True)
class Lego(Task):
    """Play ``tracks`` to ``source`` from ``start_s`` to ``end_s`` (``None`` and −1: its end).

    One output for each track, silent outside the region. ``music.caption`` describes the track, ``song_caption``
    the song, for checkpoints trained for layers.
    """

    name = "lego"
    rpc = "Lego"
    kind = "audio"
    is_accompaniment = True
    fits_source = True
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
    song_caption: str = bounded("", max_len=MAX_TEXT)

    def check_source(self, frames: int, rate_hz: int) -> None:
        """See `acestep_runtime.tasks.base.Task.check_source`."""
        self.span(frames, rate_hz)

    def span(self, frames: int, rate_hz: int) -> Span:
        """Return the region in a source of this length. Raises `InvalidValue` for one that reaches outside."""
        from acestep_runtime.audio.splice import Span

        span = Span.resolve(self.start_s, self.end_s, frames, rate_hz)
        if span.suffix_frames or span.start >= frames:
            raise InvalidValue(
                "end_s",
                self.end_s,
                f"at most {frames_to_seconds(frames, rate_hz):g} s, the end of the source",
                remedy="A layer plays with the source, so it cannot go on after it.",
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
        from acestep_runtime.tasks.layers import Layers
        from acestep_runtime.tasks.preview_input import with_preview
        from acestep_runtime.tasks.region import Region
        from acestep_runtime.tasks.source_audio import Clip
        from acestep_runtime.tasks.source_latents import read_source_latents
        from acestep_runtime.tasks.takes import engine_request, run_takes

        clip = Clip.open(self.source, self.output)
        span = self.span(clip.frames, clip.rate_hz)
        context_s, latents = self.engine_input(engine).context_s, read_source_latents(clip, engine)
        region = Region.around(clip, span, context_s, latents=latents)
        request = region.request(engine_request(self, engine))
        request = with_preview(request, self.output, engine, *region.engine_span)
        before, after = (span.start, clip.frames - span.stop) if self.scope == "whole" else (0, 0)
        layers = Layers(region, before, after, self.output.encoding, request.frames)
        yield from run_takes(request, self.output, layers, engine, cancel, done)
