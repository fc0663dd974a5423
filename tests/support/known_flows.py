"""Flows from noise to data whose velocity is known in closed form: the independent truth for samplers.

Data of one frame ``x0`` come from a mixture of normal distributions with means ``m_k``, weights ``p_k`` and a standard
deviation ``s_k`` for each channel; at level t ``x = (1 − t)·x0 + t·noise``. Given component k, x is normal with mean
``(1 − t)·m_k`` and variance ``c_k = (1 − t)²·s_k² + t²``, so

    E[noise − x0 | x, k] = (t − (1 − t)·s_k²)·(x − (1 − t)·m_k) / c_k − m_k

and the velocity is the mean of these over the posterior of k. (Lipman et al., Flow Matching for Generative Modeling, 2023.)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from acestep_runtime.samplers import loop
from acestep_runtime.samplers.fields import GuidedVelocity
from acestep_runtime.samplers.steps import VelocityFn, make_steps


class KnownField(GuidedVelocity):
    """A field with a known velocity, which counts how often it is asked."""

    calls: int
    _known: VelocityFn

    def __init__(self, velocity: VelocityFn) -> None:
        object.__setattr__(self, "_known", velocity)
        object.__setattr__(self, "calls", 0)

    def __call__(self, x: Tensor, t: float) -> Tensor:
        object.__setattr__(self, "calls", self.calls + 1)
        return self._known(x, t)

    @property
    def memoryless(self) -> VelocityFn:
        return self


def follow(sampler: str, levels: Sequence[float], x: Tensor, field: GuidedVelocity) -> Tensor:
    """Return where a sampler leads from ``x`` ``[B, T, C]`` down all levels."""
    steps = make_steps(sampler, len(levels) - 1)
    for x in loop.denoise(x, levels, steps, [field] * len(steps), lambda x, _t: torch.zeros_like(x)):  # noqa: B007
        pass
    return x


@dataclass(frozen=True)
class Mixture:
    """``means`` and ``deviations`` are ``[K, C]``, ``weights`` ``[K]``; all in float64."""

    means: Tensor
    deviations: Tensor
    weights: Tensor

    def velocity(self, x: Tensor, t: float) -> Tensor:
        """Return the velocity at latents ``[B, T, C]``."""
        variance = (1 - t) ** 2 * self.deviations.square() + t**2
        offset = x[..., None, :] - (1 - t) * self.means
        density = self.weights.log() - (offset.square() / variance + variance.log()).sum(-1) / 2
        share = density.softmax(-1)[..., None]
        each = (t - (1 - t) * self.deviations.square()) * offset / variance - self.means
        return (share * each).sum(-2)

    def only(self, components: Sequence[int]) -> Mixture:
        """Return the mixture of some components."""
        chosen = list(components)
        return Mixture(self.means[chosen], self.deviations[chosen], self.weights[chosen] / self.weights[chosen].sum())

    def guide(self, components: Sequence[int], strength: float) -> VelocityFn:
        """Return the velocity towards some components, guided by a strength away from all of them: plain guidance."""
        wanted = self.only(components)

        def velocity(x: Tensor, t: float) -> Tensor:
            free = self.velocity(x, t)
            return free + strength * (wanted.velocity(x, t) - free)

        return velocity


def make_mixture(components: int = 8, channels: int = 16, seed: int = 1) -> Mixture:
    """Return a mixture whose channels have deviations from 0.5 down to 0.02, as few of many directions of latents vary much."""
    draw = torch.Generator().manual_seed(seed)
    means = torch.randn(components, channels, generator=draw, dtype=torch.float64)
    scale = torch.logspace(math.log10(0.5), math.log10(0.02), channels, dtype=torch.float64)
    deviations = scale * (0.5 + torch.rand(components, channels, generator=draw, dtype=torch.float64))
    return Mixture(means, deviations, torch.full((components,), 1 / components, dtype=torch.float64))


def solve(velocity: VelocityFn, x: Tensor, levels: Sequence[float]) -> Tensor:
    """Return where the flow leads, by the classical method of Runge and Kutta: four velocities a step, fourth order."""
    for t, t_next in itertools.pairwise(levels):
        h = t_next - t
        first = velocity(x, t)
        second = velocity(x + h / 2 * first, t + h / 2)
        third = velocity(x + h / 2 * second, t + h / 2)
        x = x + h / 6 * (first + 2 * second + 2 * third + velocity(x + h * third, t_next))
    return x
