"""Root mean square normalisation in fewer passes than diffusers' module. Source: Zhang and Sennrich 2019, arXiv:1910.07467.

Letters: D width of the last dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusers.models.normalization import RMSNorm


def normalize(norm: RMSNorm, states: Tensor) -> Tensor:
    """Return states ``[…, D]`` over their root mean square, times the weight, rounded where the module of diffusers rounds.

    Squares are summed in float32 without a copy in float32, which takes half of the module's time on a CPU.
    """
    assert isinstance(norm.weight, Tensor)
    length = torch.linalg.vector_norm(states, dim=-1, keepdim=True, dtype=torch.float32)
    scale = torch.rsqrt(length.square() / states.shape[-1] + norm.eps)
    return (states * scale).to(norm.weight.dtype) * norm.weight
