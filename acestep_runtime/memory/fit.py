"""Whether a model fits into the memory of a CPU, known before it is loaded, and how its weights are kept there.

way       what is in memory                                               when
whole     all weights in the dtype of the computation                     it fits
mapped    files as they are; a layer is widened while it computes         only that fits, and the computation is in float32
"""

from __future__ import annotations

import dataclasses

import torch

from acestep_runtime.memory.need import Numbers, does_not_fit, need_bytes, need_own_bytes
from acestep_runtime.memory.policy import ComputeConfig


def fit_into_memory(
    name: str, config: ComputeConfig, numbers: Numbers, available_bytes: int, *, own_bytes: int = 0, int8: bool = False
) -> ComputeConfig:
    """Return ``config`` for a CPU with this memory, 0 where it is not known.

    ``own_bytes`` is what the process may take beside files that it maps, 0 for any.
    Raises `NotEnoughMemory` where a model does not fit.
    """
    size, is_widened = config.dtype.itemsize, config.dtype == torch.float32 and not int8
    whole = need_bytes(numbers, size, int8=int8)
    own_whole = whole if int8 or is_widened else need_own_bytes(numbers, size)
    if _fits(whole, available_bytes) and _fits(own_whole, own_bytes):
        return config
    least, own_least = whole, own_whole
    if not int8:
        least, own_least = need_bytes(numbers, size, mapped=True), need_own_bytes(numbers, size)
    for need, limit in ((least, available_bytes), (own_least, own_bytes)):
        if not _fits(need, limit):
            raise does_not_fit(name, need, limit, can_shrink=not int8)
    return dataclasses.replace(config, widens_late=is_widened)


def _fits(need: int, limit: int) -> bool:
    return not limit or need <= limit
