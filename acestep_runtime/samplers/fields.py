"""Velocity fields: the transformer's velocity of noisy latents, guided away from its velocity without a condition."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from acestep_runtime.dit.velocity import CrossAttentionKV, VelocityModel
from acestep_runtime.guidance import Guidance, between
from acestep_runtime.samplers.steps import VelocityFn, VelocitySmoother


@dataclass(frozen=True)
class GuidanceConfig:
    """How velocities are guided away from ``null``, and at which noise levels.

    ``memoryless`` is a method without momentum, for correctors.
    """

    null: CrossAttentionKV
    method: Guidance
    memoryless: Guidance
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class GuidedVelocity:
    """The velocity field of one step, guided and smoothed. ``context`` is ``[B, T, 2C]``."""

    velocity: VelocityModel
    context: Tensor
    condition: CrossAttentionKV
    guidance: GuidanceConfig | None = None
    smoother: VelocitySmoother = field(default_factory=VelocitySmoother)

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Return the velocity ``[B, T, C]`` at a noise level."""
        return self.smoother(self._velocity(x, t, None if self.guidance is None else self.guidance.method), x)

    @property
    def memoryless(self) -> VelocityFn:
        """The velocity field of a corrector: guidance without momentum."""
        memoryless = None if self.guidance is None else self.guidance.memoryless
        return lambda x, t: self.smoother.corrector_velocity(self._velocity(x, t, memoryless), x)

    def _velocity(self, x: Tensor, t: float, method: Guidance | None) -> Tensor:
        levels = torch.full((len(x),), t)
        guidance = self.guidance
        if guidance is None or method is None or not between(t, guidance.start, guidance.end):
            return self.velocity(x, levels, self.context, self.condition).to(x)
        both = self.velocity(x, levels, self.context, self.condition, guidance.null).to(x)
        cond, uncond = both.chunk(2)
        return method(cond, uncond, x, t)
