"""The random choices of a take: each has a generator of its own, of the take's seed or of the seed of a variation.

A choice is named by numbers, such as a bar and a player. A variation by ``amount`` takes that share of all choices from its own
seed. Which ones depends on that seed alone, so those of a small amount are among those of a greater one; at 1 it is all.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from acestep_runtime.values import TakeSeed, Variation

#: What choices are drawn from.
Seed: TypeAlias = int | TakeSeed

#: Separates the generator that orders the choices from those of the choices.
_ORDER = 0x7A17


def draw(seed: Seed, *choice: int) -> np.random.Generator:
    """Return the generator of a choice."""
    return np.random.default_rng([seed_of_choice(seed, *choice), *choice])


def seed_of_choice(seed: Seed, *choice: int) -> int:
    """Return the seed that a choice is drawn from: that of the last variation that it is part of, else the take's."""
    if isinstance(seed, int):
        return seed
    for variation in reversed(seed.variations):
        if np.random.default_rng([variation.seed, _ORDER, *choice]).random() < variation.amount:
            return variation.seed
    return seed.seed


def seeds_in(seed: Seed) -> tuple[int, ...]:
    """Return all seeds that choices may be drawn from, each once."""
    return (seed,) if isinstance(seed, int) else tuple({seed.seed: 0} | {step.seed: 0 for step in seed.variations})


def base_seed(seed: Seed) -> int:
    """Return the take's own seed, for choices that variations keep."""
    return seed if isinstance(seed, int) else seed.seed


def mix_into(seed: Seed, number: int) -> Seed:
    """Return a seed for other choices with the same names, such as those of a section: every seed in it xor ``number``."""
    if isinstance(seed, int):
        return seed ^ number
    return TakeSeed(seed.seed ^ number, tuple(Variation(step.amount, step.seed ^ number) for step in seed.variations))
