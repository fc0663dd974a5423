"""Complete: an accompaniment of chosen tracks around the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine
from acestep_runtime.tasks.base import Output, Source, Task, TaskEvent
from acestep_runtime.tasks.whole_source import perform_whole
from acestep_runtime.values import MIX, CancelToken, Music, Sampling, Thinking


@dataclass(frozen=True)
class Complete(Task):
    """Accompany ``source`` with ``tracks``."""

    name = "complete"
    rpc = "Complete"
    kind = "audio"
    roles = (MIX,)
    plays_along = True
    needs_base_model = True
    can_plan = True
    fade_s = 0.01

    source: Source
    music: Music = field(default_factory=Music)
    tracks: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None
    thinking: Thinking = field(default_factory=Thinking)

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. "mix" is the source with all tracks.

        The draft engine also gives each track, which grow beside it; the neural engine plays all at once. All outputs are as
        long as the source.
        """
        return perform_whole(
            type(self),
            self.source,
            self.output,
            engine,
            cancel,
            music=self.music,
            sampling=self.sampling,
            reference=self.reference,
            thinking=self.thinking,
            tracks=self.tracks,
        )
