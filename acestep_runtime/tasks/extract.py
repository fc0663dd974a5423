"""Extract: tracks out of a mix."""

from __future__ import annotations

from dataclasses import dataclass, field

from acestep_runtime.tasks.base import Output
from acestep_runtime.tasks.whole_source import WholeSourceTask
from acestep_runtime.values import OTHER, TRACKS, Sampling


@dataclass(frozen=True)
class Extract(WholeSourceTask):
    """Separate ``tracks`` from ``source``, one output for each; the remainder is "other".

    All outputs add up to the source.
    """

    name = "extract"
    rpc = "Extract"
    kind = "audio"
    roles = (OTHER,)
    fits_source = True
    needs_base_model = True

    tracks: tuple[str, ...] = TRACKS
    sampling: Sampling = field(default_factory=Sampling)
    output: Output = field(default_factory=Output)
