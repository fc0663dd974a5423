"""Levels of the result against the source: silence, a late start, density, loudness, seams. No rhythm, no pitch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.onsets import Floats
from acestep_runtime.fit.features import LEVEL_S, SILENT_DB, Features
from acestep_runtime.fit.parts import ramp
from acestep_runtime.units import ENGINE_RATE_HZ

#: What is this far below its own loud passages rests.
_REST_DB = -40.0
#: Shorter gaps are no rests.
_GAP_S = 1.0
#: Share of the time in which a part of a song sounds: next to none, enough. Voices rest between phrases.
_SOUNDING = (0.02, 0.25)
#: Roles that may come in late.
_LATE_ROLES = frozenset({"vocals", "backing_vocals", "fx"})
#: Start after that of the source, in bars: fine, and too late; longer for those that may come in late.
_LATE_BARS, _LATER_BARS = (1.25, 6.0), (8.0, 16.0)
#: Onsets per second over those of the source: next to nothing, few, many, far too many.
_FEW, _MANY = (0.01, 0.06), (3.5, 8.0)
_FEWEST_ONSETS = 8
#: Loudness above that of the source in LU: what ruins it and what is fine, on both sides.
_LAYER_LU = (-38.0, -26.0, 4.0, 14.0)
_STEM_LU = (-60.0, -45.0, 1.5, 6.0)
_WHOLE_LU = (-14.0, -5.0, 5.0, 12.0)
_LOUDNESS_LU = {"lego": _LAYER_LU, "complete": _LAYER_LU, "extract": _STEM_LU, "repaint": _WHOLE_LU, "cover": _WHOLE_LU}
#: Sides of a seam that are compared, and how much more than the source's own change nobody minds, and what is too much.
_SEAM_S, _SEAM_DB = 0.2, (6.0, 18.0)
#: Step from sample to sample at a seam over the usual greatest step nearby: fine, a click.
_CLICK = (1.5, 6.0)


@dataclass(frozen=True)
class Levels:
    """``sounding`` is the share of the time with sound; ``start_s`` is how much later than the source it starts; ``density``
    is its onsets over those of the source (``None`` where the source has too few), ``loudness_lu`` its loudness above
    that of the source."""

    sounding: float
    start_s: float
    density: float | None
    loudness_lu: float


def measure_levels(source: Features, result: Features, *, is_beside: bool = False) -> Levels:
    """Return the levels of a recording; ``result`` is not silent. ``source`` is the source in the same span or, where the
    result ``is_beside`` the source, all of that: then it has no start and no density of the source to compare."""
    from scipy.ndimage import maximum_filter1d

    ours, theirs = (_sounds(features.levels_db) for features in (result, source))
    begins = _first(ours)
    expected = 0 if is_beside else len(source.onsets)
    later = begins - (_first(theirs) if theirs.any() and not is_beside else 0)
    return Levels(
        sounding=float(maximum_filter1d(ours, round(_GAP_S / LEVEL_S)).mean()) if len(ours) else 0.0,
        start_s=LEVEL_S * max(0, later),
        density=_density(source, result) if expected >= _FEWEST_ONSETS else None,
        loudness_lu=result.loudness_lufs - source.loudness_lufs,
    )


def _density(source: Features, result: Features) -> float:
    """Return the onsets of a result in each second over those of its source."""
    return len(result.onsets) / result.duration_s * source.duration_s / len(source.onsets)


def level_parts(
    levels: Levels, task: str, tracks: tuple[str, ...], bar_s: float, *, source_sounds: bool
) -> dict[str, float]:
    """Return the parts of the fit: silence, start, density, loudness. Without a source that sounds only the first two."""
    late = _LATER_BARS if tracks and _LATE_ROLES.issuperset(tracks) else _LATE_BARS
    parts = {
        "silence": ramp(levels.sounding, *_SOUNDING),
        "start": 1 - 0.9 * ramp(levels.start_s / bar_s, *late),
    }
    if source_sounds:
        low, least, most, high = _LOUDNESS_LU[task]
        parts["loudness"] = ramp(levels.loudness_lu, low, least) * (1 - ramp(levels.loudness_lu, most, high))
        if levels.density is not None:
            parts["density"] = ramp(levels.density, *_FEW) * (1 - ramp(levels.density, *_MANY))
    return parts


def _sounds(levels_db: Floats) -> npt.NDArray[np.bool_]:
    loud_db = float(np.quantile(levels_db, 0.95)) if len(levels_db) else SILENT_DB
    return np.asarray(levels_db > max(SILENT_DB, loud_db + _REST_DB))


def _first(sounds: npt.NDArray[np.bool_]) -> int:
    return int(sounds.argmax()) if sounds.any() else len(sounds)


def measure_seams(source: Samples, result: Samples, span: tuple[int, int], edges: tuple[int, ...]) -> float | None:
    """Return how well new audio in ``span`` joins the source at ``edges`` (frames of 48 kHz), 0 to 1; ``None`` without an edge.

    A seam is bad where the level jumps far more than in the source there. Where the result has been joined with the source, a
    sample that is far from the next one is bad too.
    """
    reach = round(_SEAM_S * ENGINE_RATE_HZ)
    found = []
    for edge in edges:
        if not reach <= edge <= len(result) - reach:
            continue
        outside = slice(edge - reach, edge) if edge == span[0] else slice(edge, edge + reach)
        whole = slice(edge - reach, edge + reach)
        is_joined = bool(np.allclose(result[outside], source[outside], atol=1e-4))
        new = result[whole].copy()
        new[:reach] = source[whole][:reach] if edge == span[0] else new[:reach]
        new[reach:] = source[whole][reach:] if edge == span[1] else new[reach:]
        value = 1 - ramp(abs(_jump_db(new)) - abs(_jump_db(source[whole])), *_SEAM_DB)
        found.append(value * (_smoothness(result[whole]) if is_joined else 1.0))
    return min(found, default=None)


def _smoothness(samples: Samples) -> float:
    """Return 1 where the step in the middle of ``samples`` is usual, 0 for a click."""
    steps, middle = np.abs(np.diff(samples, axis=0)).max(axis=1), len(samples) // 2
    usual = max(1e-4, float(np.quantile(steps, 0.999)))
    return 1 - ramp(float(steps[middle - 2 : middle + 1].max()) / usual, *_CLICK)


def _jump_db(samples: Samples) -> float:
    half = len(samples) // 2
    # The variance: an offset of the waveform is not heard.
    before, after = (
        float(np.var(part, axis=0, dtype=np.float64).mean()) + 1e-7 for part in (samples[:half], samples[half:])
    )
    return float(10 * np.log10(after / before))
