"""Extract: tracks out of a mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.audio import convert
from acestep_runtime.engines.base import Engine
from acestep_runtime.tasks.base import Output, OutputBlock, OutputHeader, Source, Task, TaskEvent
from acestep_runtime.tasks.clip import Clip
from acestep_runtime.tasks.whole_source import perform_whole
from acestep_runtime.units import ENGINE_RATE_HZ
from acestep_runtime.values import OTHER, TRACKS, CancelToken, Music, Sampling


@dataclass(frozen=True)
class Extract(Task):
    """Take ``tracks`` out of ``source``; what is in none of them comes as "other"."""

    name = "extract"
    rpc = "Extract"
    kind = "audio"
    roles = (OTHER,)
    needs_base_model = True

    source: Source
    tracks: tuple[str, ...] = TRACKS
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. One output for each track, each as long as the source.

        What no engine hears, for it lies above the band of 48 kHz or is lost on the way there, goes to the last output.
        """
        events = perform_whole(
            type(self),
            self.source,
            self.output,
            engine,
            cancel,
            music=Music(),
            sampling=self.sampling,
            tracks=self.tracks,
        )
        clip = Clip.open(self.source, self.output)
        return events if clip.rate_hz == ENGINE_RATE_HZ else self._with_unheard(events, clip)

    def _with_unheard(self, events: Iterator[TaskEvent], clip: Clip) -> Iterator[TaskEvent]:
        heard = convert.to_channels(clip.for_engine(0, clip.frames), clip.channels)
        unheard = clip.read(0, clip.frames) - convert.resample(heard, ENGINE_RATE_HZ, clip.rate_hz, clip.frames)
        del heard
        last = OTHER if len(self.tracks) < len(TRACKS) else self.tracks[-1]
        places: dict[int, int] = {}
        for event in events:
            if isinstance(event, OutputHeader) and event.role == last:
                places[event.output] = 0
            elif isinstance(event, OutputBlock) and event.output in places:
                start = places[event.output]
                places[event.output] = stop = start + len(event.samples)
                event = OutputBlock(event.output, event.samples + unheard[start:stop])
            yield event
