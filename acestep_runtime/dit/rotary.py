"""Rotary position embedding (RoPE) with split halves as in Llama. Source: Su et al. 2021, arXiv:2104.09864.

Letters: B items, P patches, d channels of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_tables(patches: int, head_dim: int, theta: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosines and sines ``[P, d / 2]`` of positions 0 to P − 1, float32."""
    positions = torch.arange(patches, device=device, dtype=torch.float32)
    rates = 1.0 / theta ** (torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    angles = torch.outer(positions, rates)
    return angles.cos(), angles.sin()


def apply_rotary(states: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Return states ``[B, P, heads, d]`` rotated by the position of their patch. Computes in float32."""
    cos, sin = (table[:, None] for table in tables)
    first, second = states.float().chunk(2, -1)
    rotated = torch.empty_like(states)
    to_first, to_second = rotated.chunk(2, -1)
    to_first.copy_((first * cos).sub_(second * sin))
    to_second.copy_((second * cos).add_(first * sin))
    return rotated
