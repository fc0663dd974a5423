"""Attention of patches to one another: to all of them, or only to those within a window on each side.

A long sequence is cut into blocks of twice the window, each of which sees itself and one window on each side, so that
the cost grows with the length, not with its square, and no mask of the whole square is kept:

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
Attend = Callable[[Tensor, Tensor, Tensor, float], Tensor]

#: From so many windows on, blocks are faster on a processor than one masked square. A block's keys are four windows.
BLOCKS_FROM = 8


def attend(query: Tensor, keys: Tensor, values: Tensor, scale: float, mask: Tensor | None = None) -> Tensor:
    """See `Attend`: every patch sees all, or those that ``mask`` (true = seen) leaves it."""
    grouped = query.shape[1] != keys.shape[1]
    return functional.scaled_dot_product_attention(query, keys, values, mask, scale=scale, enable_gqa=grouped)


def attend_in_window(patches: int, window: int, device: torch.device) -> Attend:
    """Return the attention of ``patches`` patches to those at most ``window`` away, itself included."""
    return (_blocks if patches >= BLOCKS_FROM * window else _square)(patches, window, device)


def _square(patches: int, window: int, device: torch.device) -> Attend:
    at = torch.arange(patches, device=device)
    seen = (at[:, None] - at[None]).abs() <= window
    return lambda query, keys, values, scale: attend(query, keys, values, scale, seen[None, None])


def _blocks(patches: int, window: int, device: torch.device) -> Attend:
    size, sees = 2 * window, 4 * window
    blocks = -(-patches // size)
    filled = blocks * size - patches
    first = size * torch.arange(blocks, device=device)[:, None, None]
    query_at = first + torch.arange(size, device=device)[:, None]
    key_at = first + torch.arange(sees, device=device) - window
    seen = ((query_at - key_at).abs() <= window) & (key_at >= 0) & (key_at < patches)
    # What fills up the last block sees itself, so that no row is empty, and is cut off afterwards.
    seen = (seen | (query_at == key_at))[:, None]

    def attend_window(query: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
        cut = functional.pad(query, (0, 0, 0, filled)).unfold(2, size, size)
        keys, values = (functional.pad(each, (0, 0, window, filled + window)) for each in (keys, values))
        keys, values = (each.unfold(2, sees, size) for each in (keys, values))
        mixed = attend(_as_items(cut), _as_items(keys), _as_items(values), scale, seen.repeat(len(query), 1, 1, 1))
        whole = mixed.reshape(len(query), blocks, *mixed.shape[1:]).transpose(1, 2)
        return whole.flatten(2, 3)[:, :, :patches]

    return attend_window


def _as_items(blocks: Tensor) -> Tensor:
    """Return blocks ``[B, H, blocks, d, positions]`` as items of their own, ``[B · blocks, H, positions, d]``."""
    return blocks.permute(0, 2, 1, 4, 3).flatten(0, 1)
