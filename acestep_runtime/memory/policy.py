"""Which device, which precision, and how much of the models stays on it: by one table, from what memory is free.

Sizes are those of the released ACE-Step 1.5 checkpoints in bfloat16; beside them each row leaves room for what is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory.precision import verify_dtype

GIB = 2**30
#: What a float32 copy of the weights takes beyond bfloat16.
_WIDER = {torch.float32: 2.0}


class Offload(IntEnum):
    """What leaves the device while it is not used. Each level needs less memory than the one before, and more time."""

    NONE = 0
    #: The text encoder and the VAE go; the transformer and its condition encoder stay.
    IDLE = 1
    #: Only what is at work is there.
    ONE_AT_A_TIME = 2
    #: Of the transformer only the layer that is at work.
    LAYERS = 3


#: Free memory in GiB that a level needs, by the size of the model.
_NEEDED_GIB = {
    "2B": {Offload.NONE: 8.0, Offload.IDLE: 6.0, Offload.ONE_AT_A_TIME: 4.5, Offload.LAYERS: 0.0},
    "XL": {Offload.NONE: 14.0, Offload.IDLE: 12.0, Offload.ONE_AT_A_TIME: 10.0, Offload.LAYERS: 0.0},
}

#: Of that, the weights that int8 makes smaller, in units of 2³⁰: those of the repeated linear layers that are on the device.
_IN_INT8 = {
    "2B": {Offload.NONE: 2.38, Offload.IDLE: 1.97, Offload.ONE_AT_A_TIME: 1.41, Offload.LAYERS: 0.0},
    "XL": {Offload.NONE: 4.76, Offload.IDLE: 4.35, Offload.ONE_AT_A_TIME: 3.79, Offload.LAYERS: 0.0},
}
#: GiB that a take of 1,000 latent frames (40 s) takes while a step is computed: reckoned from the widest layer's arrays in
#: bfloat16, with room to spare. Guidance computes two of them.
_TAKE_GIB = 0.3


@dataclass(frozen=True)
class Place:
    """Where and how to compute."""

    device: torch.device
    dtype: torch.dtype
    offload: Offload


def find_devices() -> list[str]:
    """Return the names of the devices that torch can compute on here, the best first; the processor is the last.

    GPUs of CUDA or ROCm are ``cuda:0`` and so on, Apple's is ``mps``, Intel's are ``xpu:0`` and so on.
    """
    found = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    if torch.xpu.is_available():
        found += [f"xpu:{number}" for number in range(torch.xpu.device_count())]
    return [*found, "cpu"]


def device_label(name: str) -> str:
    """Return what the maker calls a device, "" where torch does not know."""
    kind = torch.device(name).type
    if kind == "cuda":
        return torch.cuda.get_device_name(name)
    if kind == "xpu":
        return str(torch.xpu.get_device_name(name))
    return "Apple GPU" if kind == "mps" else ""


def best_device(name: str = "auto") -> torch.device:
    """Return the device of that name, for "auto" the first of `find_devices`; it becomes the current one.

    Raises `EngineFailure` for a device that is not here.
    """
    found = find_devices()
    if name not in ("auto", *found):
        raise EngineFailure(f"There is no device {name!r} here.", remedy=f"Choose one of these: {', '.join(found)}.")
    device = torch.device(found[0] if name == "auto" else name)
    if device.type == "cuda":  # streams, graphs and questions about precision are about the current one
        torch.cuda.set_device(device)
    return device


def native_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device computes it natively and correctly, float16 on older GPUs, float32 on the processor."""
    return verify_dtype(device, _fastest_dtype(device))


def _fastest_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16


def free_gib(device: torch.device) -> float | None:
    """Return how much memory of a device is free, in GiB; ``None`` where models need no second place: on the processor."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0]) / GIB
    if device.type == "mps":
        return (torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()) / GIB
    return None


def needed_gib(size: str, level: Offload, dtype: torch.dtype = torch.bfloat16, *, int8: bool = False) -> float:
    """Return how much memory a level needs for a model of ``size`` ("2B" or "XL"), with weights in int8 or as ``dtype``."""
    spared = _IN_INT8[size][level] * (dtype.itemsize - 1) if int8 else 0.0
    return _NEEDED_GIB[size][level] * _WIDER.get(dtype, 1.0) - spared


def offload_for(size: str, free: float | None, dtype: torch.dtype = torch.bfloat16, *, int8: bool = False) -> Offload:
    """Return the first level that fits a model of ``size`` into ``free`` GiB; all of it where models need no second place."""
    if free is None:
        return Offload.NONE
    return next(level for level in Offload if free >= needed_gib(size, level, dtype, int8=int8))


def best_place(size: str, device: torch.device | None = None, *, int8: bool = False) -> Place:
    """Return where to compute with a model of ``size`` as things are now, on a ``device`` or the best one."""
    device = device or best_device()
    dtype = native_dtype(device)
    return Place(device, dtype, offload_for(size, free_gib(device), dtype, int8=int8))


def takes_at_once(frames: int, free: float | None, *, guided: bool) -> int:
    """Return how many takes of ``frames`` latent frames fit into half of ``free`` GiB, one at least.

    On the processor it is one: several would take as long as one after the other, and more memory.
    """
    if free is None:
        return 1
    return max(1, int(free / 2 / (_TAKE_GIB * (1 + guided) * frames / 1000)))
