"""DCW, differential correction in the wavelet domain: keeps the latents near the path that a model was trained on.

Source: arXiv 2604.16044 and the public ACE-Step 1.5 code. After a step from level t, with x the latents after it and y the
clean latents that its first velocity points at, the difference d = x − y is split over time by one level of Haar's wavelet:

    frames 2k, 2k + 1:   m = (d₀ + d₁) / 2        the low band, their mean
                         h = (d₀ − d₁) / 2        the high band, half their difference
    x₀ ← x₀ + low·m + high·h        x₁ ← x₁ + low·m − high·h

Where the number of frames is odd, the missing frame has d = 0. A step that ends at level 0 has x = y: nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Mode → the strengths of the low and the high band at level t, from the strength and that of the high band of ``double``.
BANDS: dict[str, Callable[[float, float, float], tuple[float, float]]] = {
    "low": lambda t, strength, _high: (t * strength, 0.0),
    "high": lambda t, strength, _high: (0.0, (1 - t) * strength),
    "double": lambda t, strength, high: (t * strength, (1 - t) * high),
    "pix": lambda _t, strength, _high: (strength, strength),
}
#: Strengths where nobody says them.
USUAL_STRENGTH, USUAL_HIGH_STRENGTH = 0.05, 0.02

#: Changes latents between a step and its callback: ``(x, clean latents, level before the step) → x``.
Correction = Callable[[Tensor, Tensor, float], Tensor]


def make_correction(
    mode: str, strength: float | None = None, high_strength: float | None = None, *, is_turbo: bool = False
) -> Correction | None:
    """Return the correction of a mode: one of `BANDS`, "off", or "auto" and "", which are ``double`` on turbo models alone."""
    if mode in ("", "auto"):
        mode = "double" if is_turbo else "off"
    if mode == "off":
        return None
    low = USUAL_STRENGTH if strength is None else strength
    high = USUAL_HIGH_STRENGTH if high_strength is None else high_strength
    bands = BANDS[mode]
    return lambda x, clean, t: correct(x, clean, *bands(t, low, high))


def correct(x: Tensor, clean: Tensor, low: float, high: float) -> Tensor:
    """Return latents ``[B, T, C]``, moved away from ``clean`` by ``low`` in the low band and ``high`` in the high band."""
    difference = (x - clean).float()
    even, odd = difference[:, ::2], torch.zeros_like(difference[:, ::2])
    odd[:, : x.shape[1] // 2] = difference[:, 1::2]
    mean, half = (even + odd) / 2, (even - odd) / 2
    pairs = torch.stack((low * mean + high * half, low * mean - high * half), 2)
    return (x + pairs.flatten(1, 2)[:, : x.shape[1]]).to(x)
