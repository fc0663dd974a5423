"""The methods of guidance: plain, adaptive projected, and by angle.

Sources: cfg: Ho and Salimans, Classifier-Free Diffusion Guidance (2022). apg: Sadat et al., Eliminating Oversaturation
and Artifacts of High Guidance Scales (2024). adg and all figures: the public ACE-Step 1.5 code.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_MOMENTUM, _LARGEST_NORM = -0.75, 2.5
_LARGEST_ANGLE = 3.14 / 6
_SMALL_SINE = 1e-3


#: Velocities ``[B, T, C]`` with and without the condition, the latents and their noise level → the velocity to take.
Guidance = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def cfg(strength: float) -> Guidance:
    """Go on from the unconditional velocity through the conditional one."""
    return lambda cond, uncond, _x, _t: uncond + strength * (cond - uncond)


def apg(strength: float) -> Guidance:
    """Add to the conditional velocity what is orthogonal to it of the difference, clipped, with a negative momentum."""
    momentum: Tensor | float = 0.0

    def guided(cond: Tensor, uncond: Tensor, _x: Tensor, _t: float) -> Tensor:
        nonlocal momentum
        momentum = cond - uncond + _MOMENTUM * momentum
        norm = momentum.norm(p=2, dim=1, keepdim=True)
        clipped = momentum * (_LARGEST_NORM / norm).clamp(max=1.0)
        return cond + (strength - 1) * _orthogonal(clipped, cond)

    return guided


def _orthogonal(of: Tensor, to: Tensor) -> Tensor:
    """Return what of ``of`` is orthogonal to ``to`` over time, computed in float64, or float32 on Apple's GPUs."""
    dtype = torch.float32 if of.device.type == "mps" else torch.float64
    wide, axis = of.to(dtype), torch.nn.functional.normalize(to.to(dtype), dim=1)
    return (wide - (wide * axis).sum(1, keepdim=True) * axis).to(of)


def adg(strength: float) -> Guidance:
    """Turn the conditional prediction of the clean latents further away from the unconditional one, frame by frame."""
    weight = max(strength - 1, 0.0) + 1e-3

    def guided(cond: Tensor, uncond: Tensor, x: Tensor, t: float) -> Tensor:
        with_text, without = (x - t * velocity for velocity in (cond, uncond))
        angle = torch.acos(_cosine(with_text, without))
        further = (weight * angle).clamp(-_LARGEST_ANGLE, _LARGEST_ANGLE)
        aside = (with_text - without).float()
        axis = without.float()
        aside = aside - (aside * axis).sum(-1, keepdim=True) / ((axis * axis).sum(-1, keepdim=True) + 1e-8) * axis
        sine = angle.sin()
        grown = torch.where(sine > _SMALL_SINE, further.sin() / sine.clamp(min=1e-12), torch.full_like(sine, weight))
        clean = further.cos() * with_text + aside * grown
        return ((x - clean) / t).to(cond)

    return guided


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    one, other = (each / torch.linalg.vector_norm(each, dim=-1, keepdim=True) for each in (one, other))
    return (one * other).sum(-1, keepdim=True).clamp(-1.0, 1.0)


METHODS: dict[str, Callable[[float], Guidance]] = {"apg": apg, "adg": adg, "cfg": cfg}


def between(t: float, start: float, end: float) -> bool:
    """Return whether guidance works at a noise level: from ``end`` down to ``start``, both included."""
    return start <= t <= end
