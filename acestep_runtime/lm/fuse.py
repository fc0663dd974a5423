"""Weights that are multiplied with the same states, side by side, so that a CPU reads them in one product instead of five.

Letters: D width, F width of the feed-forward layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import Qwen3Model
    from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer


@dataclass(frozen=True)
class FusedLayer:
    """``qkv`` ``[Q + K + V, D]`` are the weights of queries, keys and values, ``gate_up`` ``[2F, D]`` those of gate and up."""

    qkv: Tensor
    gate_up: Tensor


def fuse_layers(core: Qwen3Model) -> tuple[FusedLayer, ...]:
    """Return the fused weights of a model's layers, empty where these have biases.

    The layers share them, so that none is there twice.
    """
    from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer

    groups = [_groups(block) for block in core.layers if isinstance(block, Qwen3DecoderLayer)]
    if any(linear.bias is not None for group in groups for linears in group for linear in linears):
        return ()
    return tuple(FusedLayer(_join(qkv), _join(gate_up)) for qkv, gate_up in groups)


def _groups(block: Qwen3DecoderLayer) -> tuple[list[nn.Linear], list[nn.Linear]]:
    attention, mlp = block.self_attn, block.mlp
    return [attention.q_proj, attention.k_proj, attention.v_proj], [mlp.gate_proj, mlp.up_proj]


def _join(linears: Sequence[nn.Linear]) -> Tensor:
    joined = torch.cat([linear.weight.detach() for linear in linears])
    parts = torch.split(joined, [linear.out_features for linear in linears])
    for linear, part in zip(linears, parts, strict=True):
        linear.weight = nn.Parameter(part, requires_grad=False)
    return joined
