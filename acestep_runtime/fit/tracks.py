"""The fit of a take of several tracks, from the fit of each: `join_fits`. No measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from acestep_runtime.fit.measure import Fit

#: A track counts with this at least: one that is silent lowers a take of many, and does not decide it alone.
_LEAST = 0.02


def join_fits(fits: Mapping[str, Fit]) -> Fit:
    """Return the fit of a take, from those of its tracks by name, one or more.

    Its value is the geometric mean of theirs, so that one bad track among three lowers it clearly; each part is that of the
    track that has the least of it. Its notes name the track, the worst track first; fault, remedy and figures are those of that
    track. A song may lack an instrument: beside stems that sound, a silent one does not count, and its note stays.
    """
    by_value = dict(sorted(fits.items(), key=lambda item: item[1].value))
    count = {
        name: fit for name, fit in by_value.items() if fit.facts.task != "extract" or fit.fault != "silence"
    } or by_value
    names = sorted(set().union(*(fit.parts for fit in count.values())))
    worst = next((fit for fit in count.values() if fit.fault), next(iter(count.values())))
    return replace(
        worst,
        value=float(np.exp(np.mean([np.log(max(_LEAST, fit.value)) for fit in count.values()]))),
        parts={name: min(fit.parts[name] for fit in count.values() if name in fit.parts) for name in names},
        notes=tuple(f"{track}: {note}" for track, fit in by_value.items() for note in fit.notes),
        facts=replace(worst.facts, tracks=tuple(fits)),
    )
