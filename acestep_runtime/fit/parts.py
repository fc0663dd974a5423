"""The parts of the fit, and which of them counts for which task. No measurement.

Each part is 0 (ruined) to 1 (no fault). One that cannot be measured, or does not count for a task, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Weight of each part: the exponent of its factor. Faults that ruin a result count in full.
WEIGHTS: Mapping[str, float] = {
    "silence": 1.0,
    "leakage": 1.0,
    "containment": 1.0,
    "tempo": 1.0,
    "timing": 1.0,
    "key": 1.0,
    "tuning": 1.0,
    "chords": 0.5,
    "start": 0.5,
    "density": 0.5,
    "loudness": 0.5,
    "seams": 0.5,
}

_PLAYED = frozenset(
    {"silence", "timing", "tempo", "tuning", "key", "chords", "start", "density", "loudness", "leakage"}
)

#: The one table: parts by task. A stem is in the source, sample by sample, so its key and chords need no measurement, and
#: it may rest as long as its instrument does. A repaint is heard in place: its edges count.
PARTS: Mapping[str, frozenset[str]] = {
    "lego": _PLAYED,
    "complete": _PLAYED,
    "extract": frozenset({"silence", "timing", "tempo", "tuning", "loudness", "leakage", "containment"}),
    "repaint": _PLAYED | {"seams"},
    "cover": _PLAYED - {"start"},
}

#: Tasks whose result is to have a source to fit.
TASKS = tuple(PARTS)


def fit_value(parts: Mapping[str, float]) -> float:
    """Return the product of the parts, each to the power of its weight (`WEIGHTS`), 0 to 1."""
    return float(np.prod([max(0.0, value) ** WEIGHTS[name] for name, value in parts.items()]))


def ramp(value: float, low: float, high: float) -> float:
    """Return how far ``value`` is from ``low`` (0) to ``high`` (1), limited to 0 to 1."""
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
