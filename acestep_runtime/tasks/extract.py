"""Extract: tracks out of a mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from acestep_runtime.engines.base import Engine
from acestep_runtime.tasks.base import Output, Source, TaskEvent, check_tracks
from acestep_runtime.tasks.whole_source import perform_whole
from acestep_runtime.values import TRACKS, CancelToken, Music, Sampling


@dataclass(frozen=True)
class Extract:
    """Take ``tracks`` out of ``source``; what is in none of them comes as "other"."""

    name: ClassVar[str] = "extract"

    source: Source
    tracks: tuple[str, ...] = TRACKS
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)

    def validate(self) -> None:
        """See `acestep_runtime.tasks.base.Task.validate`."""
        check_tracks(self.tracks)
        self.source.part()

    def perform(self, engine: Engine, cancel: CancelToken) -> Iterator[TaskEvent]:
        """See `acestep_runtime.tasks.base.Task.perform`. One output for each track, each as long as the source."""
        return perform_whole(
            self.name,
            self.source,
            self.output,
            engine,
            cancel,
            music=Music(),
            sampling=self.sampling,
            tracks=self.tracks,
        )
