"""Whether a model fits into memory, known before it is loaded, and how a CPU keeps its weights.

way       what is in memory                                               when
whole     all weights in the dtype of the computation                     it fits
mapped    files as they are; a layer is widened while it computes         only that fits, and the computation is in float32
"""

from __future__ import annotations

import dataclasses

import torch

from acestep_runtime.memory.need import ACTIVATION_BYTES, Numbers, does_not_fit, need_bytes, need_own_bytes
from acestep_runtime.memory.policy import GIB, ComputeConfig, Offload

#: Free memory of a device that the last level of offload needs: the text encoder, or the VAE, and room for activations.
_LEAST_DEVICE_GIB = 2.0


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


def check_device_memory(
    name: str,
    config: ComputeConfig,
    numbers: Numbers,
    *,
    free_gib: float | None,
    available_bytes: int,
    int8: bool = False,
) -> None:
    """Raise `NotEnoughMemory` for a model that no level of offload fits into the free memory of a device.

    ``free_gib`` is ``None``, and ``available_bytes`` of the machine are 0, where they are not known. The weights that are
    offloaded are in the memory of the machine.
    """
    least = int(_LEAST_DEVICE_GIB * GIB)
    if free_gib is not None and free_gib * GIB < least:
        raise does_not_fit(name, least, int(free_gib * GIB), can_shrink=False, place=f" on {config.device}")
    if config.offload is not Offload.NONE:
        need = need_bytes(numbers, config.dtype.itemsize, int8=int8) - ACTIVATION_BYTES
        if not _fits(need, available_bytes):
            raise does_not_fit(name, need, available_bytes, can_shrink=not int8)


def _fits(need: int, limit: int) -> bool:
    return not limit or need <= limit
