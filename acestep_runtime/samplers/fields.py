"""Velocity fields: the transformer's velocity of noisy latents, with guidance."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from acestep_runtime.dit.velocity import CrossAttentionKV, VelocityModel
from acestep_runtime.guidance import Guidance, in_guidance_interval
from acestep_runtime.samplers.steps import VelocityFn, VelocitySmoother


@dataclass(frozen=True)
class GuidanceConfig:
    """The guidance of a run: the unconditional branch ``null``, the method, and the interval of noise levels.

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
        """The velocity field for correctors: guidance without momentum."""
        memoryless = None if self.guidance is None else self.guidance.memoryless
        return lambda x, t: self.smoother.corrector_velocity(self._velocity(x, t, memoryless), x)

    def _velocity(self, x: Tensor, t: float, method: Guidance | None) -> Tensor:
        cond, uncond = self.predict(x, t)
        return cond if uncond is None or method is None else method(cond, uncond, x, t)

    def predict(self, x: Tensor, t: float) -> tuple[Tensor, Tensor | None]:
        """Return the conditional velocity, and the unconditional one where guidance is on."""
        levels, guidance = torch.full((len(x),), t), self.guidance
        if guidance is None or not in_guidance_interval(t, guidance.start, guidance.end):
            return self.velocity(x, levels, self.context, self.condition).to(x), None
        cond, uncond = self.velocity(x, levels, self.context, self.condition, guidance.null).to(x).chunk(2)
        return cond, uncond
