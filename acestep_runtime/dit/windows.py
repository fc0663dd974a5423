"""Self-attention of patches: full, or within a sliding window.

A long sequence is cut into blocks of twice the window. Each block attends to itself and one window on each side, so the
cost grows linearly with the length, and no square mask is stored:

    queries               |       2w       |
    keys           |  w   |       2w       |  w   |

Letters: B items, H heads, P patches, w patches of the window, d channels of a head.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

#: Queries ``[B, H, P, d]``, keys and values ``[B, H or fewer, P, d]`` and the scale of their products → ``[B, H, P, d]``.
AttentionFn = Callable[[Tensor, Tensor, Tensor, float], Tensor]

#: Length, in windows, from which blocks are faster on a CPU than one square mask. A block has four windows of keys.
MIN_WINDOWS_FOR_BLOCKS = 8


def dot_product_attention(
    query: Tensor, keys: Tensor, values: Tensor, scale: float, mask: Tensor | None = None
) -> Tensor:
    """See `AttentionFn`. With ``mask``, queries attend only where it is true."""
    enable_gqa = query.shape[1] != keys.shape[1]
    return functional.scaled_dot_product_attention(query, keys, values, mask, scale=scale, enable_gqa=enable_gqa)


def sliding_window_attention(patches: int, window: int, device: torch.device) -> AttentionFn:
    """Return an attention function for ``patches`` patches, each attending to those at most ``window`` away."""
    return (_blockwise_attention if patches >= MIN_WINDOWS_FOR_BLOCKS * window else _square_attention)(
        patches, window, device
    )


def _square_attention(patches: int, window: int, device: torch.device) -> AttentionFn:
    positions = torch.arange(patches, device=device)
    mask = (positions[:, None] - positions[None]).abs() <= window
    return lambda query, keys, values, scale: dot_product_attention(query, keys, values, scale, mask[None, None])


def _blockwise_attention(patches: int, window: int, device: torch.device) -> AttentionFn:
    size, keys_per_block = 2 * window, 4 * window
    blocks = -(-patches // size)
    padding = blocks * size - patches
    first = size * torch.arange(blocks, device=device)[:, None, None]
    query_positions = first + torch.arange(size, device=device)[:, None]
    key_positions = first + torch.arange(keys_per_block, device=device) - window
    mask = ((query_positions - key_positions).abs() <= window) & (key_positions >= 0) & (key_positions < patches)
    # Padding in the last block attends to itself, so that no row is empty; it is cut off afterwards.
    mask = (mask | (query_positions == key_positions))[:, None]

    def attend(query: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
        queries = functional.pad(query, (0, 0, 0, padding)).unfold(2, size, size)
        keys, values = (functional.pad(each, (0, 0, window, padding + window)) for each in (keys, values))
        keys, values = (each.unfold(2, keys_per_block, size) for each in (keys, values))
        queries, keys, values = map(_blocks_to_batch, (queries, keys, values))
        output = dot_product_attention(queries, keys, values, scale, mask.repeat(len(query), 1, 1, 1))
        joined = output.reshape(len(query), blocks, *output.shape[1:]).transpose(1, 2)
        return joined.flatten(2, 3)[:, :, :patches]

    return attend


def _blocks_to_batch(blocks: Tensor) -> Tensor:
    """Return blocks ``[B, H, blocks, d, positions]`` as a batch ``[B · blocks, H, positions, d]``."""
    return blocks.permute(0, 2, 1, 4, 3).flatten(0, 1)
