"""Complete: an accompaniment of chosen tracks around the source."""

from __future__ import annotations

from dataclasses import dataclass, field

from acestep_runtime.tasks.base import Output, Source
from acestep_runtime.tasks.whole_source import WholeSourceTask
from acestep_runtime.values import MIX, Music, Sampling, Thinking


@dataclass(frozen=True)
class Complete(WholeSourceTask):
    """Accompany ``source`` with ``tracks``. "mix" is the source with all tracks.

    The draft engine also returns each track; the neural engine generates all tracks at once.
    """

    name = "complete"
    rpc = "Complete"
    kind = "audio"
    roles = (MIX,)
    is_accompaniment = True
    fits_source = True
    needs_base_model = True
    can_plan = True
    fade_s = 0.01

    music: Music = field(default_factory=Music)
    tracks: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
    reference: Source | None = None
    thinking: Thinking = field(default_factory=Thinking)
