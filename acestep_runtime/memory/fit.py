"""Whether a model fits into the memory of a CPU, known before it is loaded, and how its weights are kept there.

way       what is in memory                                               when
whole     all weights in the dtype of the computation                     it fits
mapped    files as they are; a layer is widened while it computes         only that fits, and the computation is in float32
"""

from __future__ import annotations

import dataclasses

import torch

from acestep_runtime.memory.need import Numbers, does_not_fit, need_bytes
from acestep_runtime.memory.policy import ComputeConfig


def fit_into_memory(
    name: str, config: ComputeConfig, numbers: Numbers, available_bytes: int, *, int8: bool = False
) -> ComputeConfig:
    """Return ``config`` for a CPU with this memory, 0 where it is not known.

    Raises `NotEnoughMemory` where a model does not fit.
    """
    size = config.dtype.itemsize
    whole = need_bytes(numbers, size, int8=int8)
    if not available_bytes or whole <= available_bytes:
        return config
    least = whole if int8 else need_bytes(numbers, size, mapped=True)
    if least > available_bytes:
        raise does_not_fit(name, least, available_bytes, can_shrink=not int8)
    return config if int8 else dataclasses.replace(config, widens_late=config.dtype == torch.float32)
