"""The demo's claims, measured on its files. A claim that does not hold is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acebridge.errors import AceBridgeError
from acestep_runtime.audio.samples import Samples

#: How far the sum of the stems may be from the mix, full scale = 1.
STEM_TOLERANCE = 1e-6
_REMEDY = "This is a fault in AceBridge: please report it."


class ClaimFailed(AceBridgeError):
    """A claim of the demo does not hold."""


@dataclass(frozen=True)
class RegionCheck:
    """``identical_frames`` outside a region are bit-identical; inside it ``changed_share`` (0–1) of the samples differ."""

    identical_frames: int
    region_frames: int
    changed_share: float


def check_region(before: Samples, after: Samples, start: int, stop: int) -> RegionCheck:
    """Compare ``[N, C]`` with ``[N, C]`` outside and inside of frames ``start`` to ``stop``.

    Raises `ClaimFailed` unless every sample outside is bit-identical and the inside is not the same.
    """
    if before.shape != after.shape:
        raise ClaimFailed(f"The repainted song has the shape {after.shape}, the song {before.shape}.", remedy=_REMEDY)
    differs = before.view(np.uint32) != after.view(np.uint32)
    outside = int(differs[:start].sum() + differs[stop:].sum())
    if outside:
        raise ClaimFailed(f"{outside} samples outside the repainted region have changed.", remedy=_REMEDY)
    changed_share = float(differs[start:stop].mean())
    if not changed_share:
        raise ClaimFailed("The repainted region is the same as before.", remedy=_REMEDY)
    return RegionCheck(len(before) - (stop - start), stop - start, changed_share)


def check_stem_sum(mix: Samples, stems: Sequence[Samples]) -> float:
    """Return the largest difference between ``mix`` ``[N, C]`` and the sum of ``stems``, summed in double precision.

    Raises `ClaimFailed` above `STEM_TOLERANCE`.
    """
    total = np.zeros(mix.shape, np.float64)
    for stem in stems:
        if stem.shape != mix.shape:
            raise ClaimFailed(f"A stem has the shape {stem.shape}, the song {mix.shape}.", remedy=_REMEDY)
        total += stem
    error = float(np.abs(total - mix).max())
    if not error <= STEM_TOLERANCE:
        raise ClaimFailed(
            f"The stems differ from the song by up to {error:.2g}; allowed: {STEM_TOLERANCE:g}.", remedy=_REMEDY
        )
    return error
