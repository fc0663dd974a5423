"""Guidance methods: classifier-free (cfg), adaptive projected (apg), angle-based (adg and its variants).

Sources: cfg: Ho and Salimans, Classifier-Free Diffusion Guidance (2022). apg: Sadat et al., Eliminating Oversaturation
and Artifacts of High Guidance Scales (2024). adg and all figures: the public ACE-Step 1.5 code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

_MOMENTUM, _MAX_NORM = -0.75, 2.5
_MAX_ANGLE, _MAX_ANGLE_W_NORM = 3.14 / 6, 3.14 / 3
_MIN_SINE, _MAX_COSINE = 1e-3, 1 - 1e-6


#: Conditional and unconditional velocities ``[B, T, C]``, the latents and their noise level → the guided velocity.
Guidance = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def cfg(strength: float) -> Guidance:
    """Extrapolate from the unconditional velocity through the conditional one."""
    return lambda cond, uncond, _x, _t: uncond + strength * (cond - uncond)


class ProjectedGuidance:
    """apg: adds the orthogonal part of the clipped difference to the conditional velocity, with negative momentum."""

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._momentum: Tensor | float = 0.0

    def __call__(self, cond: Tensor, uncond: Tensor, _x: Tensor, _t: float) -> Tensor:
        """See `Guidance`."""
        guided = self.guide(cond, uncond)
        self.advance(cond - uncond)
        return guided

    def guide(self, cond: Tensor, uncond: Tensor) -> Tensor:
        """Return the guided velocity, and leave the momentum as it is."""
        difference = self._with_momentum(cond - uncond)
        norm = difference.norm(p=2, dim=1, keepdim=True)
        clipped = difference * (_MAX_NORM / norm).clamp(max=1.0)
        return cond + (self._strength - 1) * _orthogonal(clipped, cond)

    def advance(self, difference: Tensor) -> None:
        """Take the difference of a step into the momentum."""
        self._momentum = self._with_momentum(difference)

    def _with_momentum(self, difference: Tensor) -> Tensor:
        return difference + _MOMENTUM * self._momentum


def _orthogonal(vector: Tensor, direction: Tensor) -> Tensor:
    """Return the part of ``vector`` orthogonal to ``direction`` over time. Computes in `_wide` numbers."""
    dtype = _wide(vector)
    wide, axis = vector.to(dtype), torch.nn.functional.normalize(direction.to(dtype), dim=1)
    return (wide - (wide * axis).sum(1, keepdim=True) * axis).to(vector)


def _wide(tensor: Tensor) -> torch.dtype:
    """Return float64; on Apple GPUs, which do not have it, float32."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def adg(strength: float, *, max_angle: float = _MAX_ANGLE, keep_norm: bool = False) -> Guidance:
    """Rotate the conditional prediction of the clean latents away from the unconditional one, frame by frame.

    By at most ``max_angle``; with ``keep_norm`` each channel keeps its norm over time.
    """
    weight = max(strength - 1, 0.0) + 1e-3

    def guide(cond: Tensor, uncond: Tensor, x: Tensor, t: float) -> Tensor:
        with_text, without_text = (x - t * velocity for velocity in (cond, uncond))
        angle = torch.acos(_cosine(with_text, without_text))
        rotation = (weight * angle).clamp(-max_angle, max_angle)
        change, axis = (with_text - without_text).float(), without_text.float()
        orthogonal = (
            change - (change * axis).sum(-1, keepdim=True) / ((axis * axis).sum(-1, keepdim=True) + 1e-8) * axis
        )
        sine = angle.sin()
        sine_ratio = torch.where(
            sine > _MIN_SINE, rotation.sin() / sine.clamp(min=1e-12), torch.full_like(sine, weight)
        )
        clean = rotation.cos() * with_text + orthogonal * sine_ratio
        if keep_norm:
            clean = clean * (with_text.norm(dim=1, keepdim=True) / clean.norm(dim=1, keepdim=True).clamp(min=1e-8))
        return ((x - clean) / t).to(cond)

    return guide


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    """Return the cosine of the angle in each frame. Computes in `_wide` numbers."""
    one, other = (each.to(_wide(each)) for each in (one, other))
    one, other = (each / torch.linalg.vector_norm(each, dim=-1, keepdim=True) for each in (one, other))
    return (one * other).sum(-1, keepdim=True).clamp(-_MAX_COSINE, _MAX_COSINE)


METHODS: dict[str, Callable[[float], Guidance]] = {
    "apg": ProjectedGuidance,
    "adg": adg,
    "cfg": cfg,
    "adg_w_norm": partial(adg, max_angle=_MAX_ANGLE_W_NORM, keep_norm=True),
    "adg_wo_clip": partial(adg, max_angle=math.inf),
}


def corrector(name: str, strength: float) -> Guidance:
    """Return the guidance of correctors for a method of `METHODS`, which has no momentum: cfg; after adg the method itself.

    At noise level 0, where there is nothing to rotate, it is cfg too.
    """
    plain = cfg(strength)
    if not name.startswith("adg"):
        return plain
    method = METHODS[name](strength)
    return lambda cond, uncond, x, t: (method if t > 0 else plain)(cond, uncond, x, t)


def in_guidance_interval(t: float, start: float, end: float) -> bool:
    """Return whether guidance applies at a noise level: between ``start`` and ``end``, both included."""
    return start <= t <= end
