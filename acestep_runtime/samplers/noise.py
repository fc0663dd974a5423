"""The noise of takes, with their variations. Like `loop.draw_noise`, which has it for plain seeds, it draws on the CPU.

    variation of noise x by v towards seed s:   x ← cos(v·π/2)·x + sin(v·π/2)·noise(s)

The variance stays 1. At v = 0 the noise is that of the take itself, at 1 that of ``s``, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from acestep_runtime.samplers.loop import draw_noise
from acestep_runtime.values import TakeSeed


def draw_take_noise(take_seeds: Sequence[TakeSeed], frames: int, channels: int) -> Tensor:
    """Draw the noise ``[B, T, C]`` of takes."""
    draw = partial(_draw_one, frames=frames, channels=channels)
    return torch.cat([_mix(mix_weights(each), draw) for each in take_seeds])


def _draw_one(seed: int, *, frames: int, channels: int) -> Tensor:
    return draw_noise([seed], frames, channels)


class NoiseStream:
    """The noise that a stochastic sampler adds at its steps, for a batch of takes: varied as their first noise is."""

    def __init__(self, take_seeds: Sequence[TakeSeed], salt: int) -> None:
        """Begin; ``salt`` separates the generators from those of the first noise."""
        self._weights = [mix_weights(each) for each in take_seeds]
        self._generators = [
            {seed: torch.Generator().manual_seed(seed ^ salt) for seed in weights} for weights in self._weights
        ]

    def draw(self, like: Tensor) -> Tensor:
        """Return the next noise, as ``like`` ``[B, T, C]``."""
        rows = [
            _mix(weights, partial(_next_noise, generators, like))
            for weights, generators in zip(self._weights, self._generators, strict=True)
        ]
        return torch.cat(rows).to(like)


def _next_noise(generators: Mapping[int, torch.Generator], like: Tensor, seed: int) -> Tensor:
    return torch.randn(like[:1].shape, generator=generators[seed])


def mix_weights(take_seed: TakeSeed) -> dict[int, float]:
    """Return the weight of each seed's noise in that of a take; their squares add up to 1.

    A seed may come twice, so that its noises add up: the weights are scaled to keep the variance.
    """
    weights = {take_seed.seed: 1.0}
    for step in take_seed.variations:
        if step.amount == 1:
            weights = {step.seed: 1.0}
        elif step.amount > 0:
            angle = step.amount * math.pi / 2
            weights = {seed: weight * math.cos(angle) for seed, weight in weights.items()}
            weights[step.seed] = weights.get(step.seed, 0.0) + math.sin(angle)
    norm = math.hypot(*weights.values())
    return {seed: weight / norm for seed, weight in weights.items()}


def _mix(weights: Mapping[int, float], draw: Callable[[int], Tensor]) -> Tensor:
    first, *others = (weight * draw(seed) for seed, weight in weights.items())
    return sum(others, first)
