"""Cover: the source's melody, beat and chords in another style."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from acestep_runtime.engines.base import Engine
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import Output, Source, Task, TaskEvent
from acestep_runtime.tasks.whole_source import perform_whole
from acestep_runtime.values import MIX, CancelToken, Music, Sampling


@dataclass(frozen=True)
class Cover(Task):
    """Re-voice ``source`` by the caption; ``strength`` 1 follows it closely, 0 ignores it."""

    name = "cover"
    rpc = "Cover"
    kind = "audio"
    roles = (MIX,)
    fade_s = 0.01

    source: Source
    music: Music = field(default_factory=Music)
    strength: float = bounded(1.0, low=0, high=1)
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. One output, "mix", as long as the source."""
        return perform_whole(
            type(self),
            self.source,
            self.output,
            engine,
            cancel,
            music=self.music,
            sampling=self.sampling,
            reference=self.reference,
            strength=self.strength,
        )
