"""Cover: the source's melody, beat and chords in another style."""

from __future__ import annotations

from dataclasses import dataclass, field

from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import bounded
from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.whole_source import WholeSourceTask
from acestep_runtime.values import MIX, Morph, Music, Sampling


@dataclass(frozen=True)
class Cover(WholeSourceTask):
    """Re-voice ``source`` by the caption; ``strength`` 1 follows it closely, 0 ignores it. One output, "mix".

    With ``morph`` it keeps the arrangement, and changes words or style.
    """

    name = "cover"
    rpc = "Cover"
    kind = "audio"
    roles = (MIX,)
    fits_source = True
    fade_s = 0.01

    music: Music = field(default_factory=Music)
    strength: float = bounded(1.0, low=0, high=1)
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None
    morph: Morph = field(default_factory=Morph)

    def __post_init__(self) -> None:
        if self.morph.mode and self.morph.source_music(self.music) == self.music:
            raise InvalidValue(
                "morph.mode",
                self.morph.mode,
                "what has words or a style to change",
                message="The morph would change nothing: the source has no other words or caption than the new music.",
                remedy="Say those of the source, or other new ones; `acebridge understand` describes a file.",
            )

    @property
    def chooses_base_model(self) -> bool:
        """See `acestep_runtime.tasks.base.Task`."""
        return bool(self.morph.mode) and not self.sampling.model
