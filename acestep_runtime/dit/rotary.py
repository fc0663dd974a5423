"""Rotary position embedding (RoPE) with split halves as in Llama. Source: Su et al. 2021, arXiv:2104.09864.

Letters: B items, P patches, d channels of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_tables(patches: int, head_dim: int, theta: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosines and sines ``[P, d]`` of positions 0 to P − 1, float32."""
    positions = torch.arange(patches, device=device, dtype=torch.float32)
    rates = 1.0 / theta ** (torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    angles = torch.outer(positions, rates).repeat(1, 2)
    return angles.cos(), angles.sin()


def apply_rotary(states: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Return states ``[B, P, heads, d]`` rotated by the position of their patch. Computes in float32."""
    cos, sin = (table[:, None] for table in tables)
    first, second = states.chunk(2, -1)
    rotation = torch.cat((-second, first), -1)
    return (states.float() * cos + rotation.float() * sin).type_as(states)
