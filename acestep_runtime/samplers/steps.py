"""Sampler steps: from latents at one noise level to the next.

A velocity field is a function ``(x, t) → v`` with v = noise − music, so that x falls by v · (t − t').
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

VelocityFn = Callable[[Tensor, float], Tensor]
#: How many velocities a step may look at: its own, and those of the steps before it.
HISTORY = 3


#: One step: latents ``[B, T, C]`` at one level → those at the next. The arguments are the velocities at the start of this step
#: and of those before it, the newest first; the velocity field of a corrector; the latents; both levels; and a function that
#: samples noise of the latents' shape.
Step = Callable[[Sequence[Tensor], VelocityFn, Tensor, float, float, VelocityFn], Tensor]


def euler(
    velocities: Sequence[Tensor], _corrector: VelocityFn, x: Tensor, t: float, t_next: float, _sample_noise: VelocityFn
) -> Tensor:
    """Follow the velocity at the start of the step."""
    return x - velocities[0] * (t - t_next)


def heun(
    velocities: Sequence[Tensor], corrector: VelocityFn, x: Tensor, t: float, t_next: float, _sample_noise: VelocityFn
) -> Tensor:
    """Follow the mean of the velocities at both ends of the step."""
    prediction = x - velocities[0] * (t - t_next)
    return x - (velocities[0] + corrector(prediction, t_next)) / 2 * (t - t_next)


def sde(
    velocities: Sequence[Tensor], _corrector: VelocityFn, x: Tensor, t: float, t_next: float, sample_noise: VelocityFn
) -> Tensor:
    """Jump to the clean latents, then add new noise to reach the next level."""
    music = x - velocities[0] * t
    return music if t_next == 0 else t_next * sample_noise(x, t_next) + (1 - t_next) * music


#: Weights of the velocities of an Adams–Bashforth step, the newest first, by how many there are (steps of equal length).
_ADAMS_BASHFORTH = {1: (1.0,), 2: (1.5, -0.5), 3: (23 / 12, -16 / 12, 5 / 12)}


def ab3(
    velocities: Sequence[Tensor], _corrector: VelocityFn, x: Tensor, t: float, t_next: float, _sample_noise: VelocityFn
) -> Tensor:
    """Follow the velocities of up to three steps, extrapolated: Adams–Bashforth of third order.

    Source: Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, III.1; ``dpm3m`` in the public acestep.cpp.
    """
    weights = _ADAMS_BASHFORTH[len(velocities)]
    first, *others = (weight * each for weight, each in zip(weights, velocities, strict=True))
    return x - sum(others, first) * (t - t_next)


STEPS: dict[str, Step] = {"euler": euler, "heun": heun, "sde": sde, "ab3": ab3}
#: Samplers whose last step is Euler's: it ends at the clean latents that the model itself predicts.
_END_WITH_EULER = {"ab3"}


def make_steps(sampler: str, count: int, *, is_turbo: bool = False) -> list[Step]:
    """Return ``count`` steps of a sampler by its name in `STEPS`. The last one of a turbo model, or of ``ab3``, is Euler's."""
    steps = [STEPS[sampler]] * count
    return [*steps[:-1], euler] if is_turbo or sampler in _END_WITH_EULER else steps


class VelocitySmoother:
    """Limits velocities to ``clamp`` times the norm of the latents, and blends in a share ``ema`` of the last velocity."""

    def __init__(self, clamp: float | None = None, ema: float | None = None) -> None:
        self._clamp, self._ema = clamp, ema
        self._last: Tensor | None = None

    def __call__(self, velocity: Tensor, x: Tensor) -> Tensor:
        """Return the smoothed velocity ``[B, T, C]`` at ``x``."""
        return self.blend(self.clamp(velocity, x))

    def blend(self, velocity: Tensor) -> Tensor:
        """Return a velocity with its share of the last one, and keep it as the last."""
        self._last = self._mix(velocity)
        return self._last

    def corrector_velocity(self, velocity: Tensor, x: Tensor) -> Tensor:
        """Return the smoothed velocity of a corrector at ``x``. Its mean with the predictor's becomes the last velocity."""
        smooth = self._mix(self.clamp(velocity, x))
        self._last = smooth if self._last is None else (self._last + smooth) / 2
        return smooth

    def clamp(self, velocity: Tensor, x: Tensor) -> Tensor:
        """Return a velocity whose norm is within the limit at ``x``."""
        if self._clamp:
            limit = self._clamp * torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
            norm = torch.linalg.vector_norm(velocity, dim=(1, 2), keepdim=True)
            velocity = velocity * (limit / (norm + 1e-10)).clamp(max=1.0)
        return velocity

    def _mix(self, velocity: Tensor) -> Tensor:
        if self._ema and self._last is not None:
            velocity = (1 - self._ema) * velocity + self._ema * self._last
        return velocity
