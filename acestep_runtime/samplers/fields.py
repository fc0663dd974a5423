"""Velocity fields: what the transformer says of noisy latents, guided away from what it would say without a condition."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from acestep_runtime.dit.velocity import CrossAttentionKV, VelocityModel
from acestep_runtime.guidance import Guidance, between
from acestep_runtime.samplers.steps import Field, Steady


@dataclass(frozen=True)
class Guiding:
    """Against what, how, and at which noise levels velocities are guided; ``plain`` keeps no memory of earlier steps."""

    null: CrossAttentionKV
    method: Guidance
    plain: Guidance
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Guided:
    """The field of one step: ``context [B, T, 2C]`` and the keys of a condition, guided, and kept steady."""

    velocity: VelocityModel
    context: Tensor
    keys: CrossAttentionKV
    guiding: Guiding | None = None
    steady: Steady = field(default_factory=Steady)

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Return the velocity ``[B, T, C]`` at a noise level."""
        return self.steady(self._velocity(x, t, None if self.guiding is None else self.guiding.method), x)

    @property
    def plain(self) -> Field:
        """The field of a corrector: with a guidance that keeps no memory."""
        plain = None if self.guiding is None else self.guiding.plain
        return lambda x, t: self.steady.corrected(self._velocity(x, t, plain), x)

    def _velocity(self, x: Tensor, t: float, method: Guidance | None) -> Tensor:
        levels = torch.full((len(x),), t)
        guiding = self.guiding
        if guiding is None or method is None or not between(t, guiding.start, guiding.end):
            return self.velocity(x, levels, self.context, self.keys).to(x)
        both = self.velocity(x, levels, self.context, self.keys, guiding.null).to(x)
        cond, uncond = both.chunk(2)
        return method(cond, uncond, x, t)
