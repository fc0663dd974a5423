"""Noise schedules: the levels of the steps, from 1 (noise) to 0 (music)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch

from acestep_runtime.errors import InvalidValue

#: Turbo models were distilled for eight steps at these shifts. They take others, and other numbers of steps, too.
TURBO_STEPS, TURBO_SHIFTS = 8, (1.0, 2.0, 3.0)


def shift_level(t: float, shift: float) -> float:
    """Return a noise level, raised by a shift above 1 (Esser et al., Scaling Rectified Flow Transformers, 2024)."""
    return shift * t / (shift * t + (1 - t))  # this form keeps 1 and 0 exact


def linear(steps: int, shift: float = 1.0) -> list[float]:
    """Return ``steps`` + 1 levels, evenly spaced before the shift, from 1 to 0.

    Rounded as the public ACE-Step 1.5 code rounds them, in float32: transformers tell levels apart that are so close.
    """
    even = torch.linspace(1, 0, steps + 1)
    return [1.0, *(shift * even / (1 + (shift - 1) * even))[1:].tolist()]


#: All levels that turbo models were distilled for.
TURBO_LEVELS = sorted({t for shift in TURBO_SHIFTS for t in linear(TURBO_STEPS, shift)[:-1]}, reverse=True)


def sde_levels(levels: Sequence[float], shift: float) -> list[float]:
    """Return the levels that stochastic steps of a base model add noise to: ``levels`` but the first, without shift.

    So does the public ACE-Step 1.5 code; on turbo models these steps end at the levels themselves.
    """
    return [shift_level(level, 1 / shift) for level in levels[1:]]


def custom(timesteps: Sequence[float], *, is_turbo: bool = False) -> list[float]:
    """Return the user's levels; for a turbo model each becomes the nearest of `TURBO_LEVELS`.

    A final 0 is optional. Raises `InvalidValue` unless the levels decrease.
    """
    levels = [float(t) for t in timesteps]
    levels = levels[:-1] if levels and levels[-1] == 0 else levels
    if is_turbo:
        levels = list(dict.fromkeys(min(TURBO_LEVELS, key=lambda level: abs(level - t)) for t in levels))
    is_decreasing = all(later < earlier for earlier, later in itertools.pairwise(levels))
    if not levels or not is_decreasing or not 0 < levels[-1] <= levels[0] <= 1:
        raise InvalidValue(
            "sampling.timesteps", list(timesteps), "levels that fall from at most 1 to 0, at least one above 0"
        )
    return [*levels, 0.0]
