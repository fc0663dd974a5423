"""Weights that are multiplied with the same states, side by side, so that a CPU reads them in one product instead of five.

Letters: D width, F width of the feed-forward layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import Qwen3Model


@dataclass(frozen=True)
class FusedLayer:
    """``qkv`` ``[Q + K + V, D]`` are the weights of queries, keys and values, ``gate_up`` ``[2F, D]`` those of gate and up."""

    qkv: Tensor
    gate_up: Tensor


def fuse_layers(core: Qwen3Model) -> tuple[FusedLayer, ...]:
    """Return the fused weights of a model's layers, empty where these have biases.

    The layers share them, so that none is there twice.
    """
    projections = [
        ((each.self_attn.q_proj, each.self_attn.k_proj, each.self_attn.v_proj), (each.mlp.gate_proj, each.mlp.up_proj))
        for each in core.layers
    ]
    if any(linear.bias is not None for groups in projections for group in groups for linear in group):
        return ()
    return tuple(FusedLayer(*map(_join, groups)) for groups in projections)


def _join(linears: tuple[nn.Linear, ...]) -> Tensor:
    joined = torch.cat([linear.weight.detach() for linear in linears])
    for linear, part in zip(linears, joined.split([linear.out_features for linear in linears]), strict=True):
        linear.weight = nn.Parameter(part, requires_grad=False)
    return joined
