"""What may become a setting for GPUs, beside what computes now: rows of ``make bench-gpu``. Nothing here is in the engine.

    Snake in one pass      compiled, instead of five operations that each read and write the signal
    FlexAttention          compiled, instead of blocks that are cut out and attended to with a mask

A CPU, which may have no compiler, tries the same code with a compiler that changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from acestep_runtime.dit.windows import AttentionFn
from acestep_runtime.vae.fuse import Snake


def compile_for(device: torch.device, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``work`` compiled for a device."""
    return torch.compile(work, backend="inductor" if device.type == "cuda" else "eager")


def one_pass_snake(snake: Snake, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return a Snake as one compiled pass. It computes in float32, and rounds once where `Snake` rounds after each step."""

    def activate(x: Tensor, alpha: Tensor, inverse_beta: Tensor) -> Tensor:
        wide = x.float()
        return (wide + (wide * alpha.float()).sin().square() * inverse_beta.float()).to(x.dtype)

    compiled = compile_for(device, activate)
    return lambda x: compiled(x, snake.alpha, snake.inverse_beta)


def flex_window_attention(patches: int, window: int, device: torch.device) -> AttentionFn:
    """Return the attention function of `sliding_window_attention` by FlexAttention."""

    def is_near(_item: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query - key).abs() <= window

    mask = create_block_mask(is_near, None, None, patches, patches, device=device.type)
    compiled = compile_for(device, flex_attention)

    def attend(query: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
        output: Tensor = compiled(
            query, keys, values, block_mask=mask, scale=scale, enable_gqa=query.shape[1] != keys.shape[1]
        )
        return output

    return attend
