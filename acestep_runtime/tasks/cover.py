"""Cover: the source's melody, beat and chords in another style."""

from __future__ import annotations

from dataclasses import dataclass, field

from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.whole_source import WholeSourceTask
from acestep_runtime.values import MIX, Music, Sampling


@dataclass(frozen=True)
class Cover(WholeSourceTask):
    """Re-voice ``source`` by the caption; ``strength`` 1 follows it closely, 0 ignores it. One output, "mix"."""

    name = "cover"
    rpc = "Cover"
    kind = "audio"
    roles = (MIX,)
    fade_s = 0.01

    music: Music = field(default_factory=Music)
    strength: float = bounded(1.0, low=0, high=1)
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None
