"""Selects the device, the dtype and the level of offload: by one table, from the free memory.

Sizes are those of the released ACE-Step 1.5 checkpoints in bfloat16; each row includes room for activations.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum

import torch

from acestep_runtime.errors import EngineFailure
from acestep_runtime.memory.choice import read_precision
from acestep_runtime.memory.precision import has_bfloat16_instructions, verify_dtype

GIB = 2**30
#: Memory of the weights relative to bfloat16.
_DTYPE_FACTOR = {torch.float32: 2.0}
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


class Offload(IntEnum):
    """What is moved off the device while not in use. Each level needs less memory and more time than the one before."""

    NONE = 0
    #: The text encoder and the VAE are moved; the transformer and its condition encoder stay.
    IDLE = 1
    #: Only the module in use is on the device.
    ONE_AT_A_TIME = 2
    #: Of the transformer, only the layer in use is on the device.
    LAYERS = 3


#: Free memory in GiB that a level needs, by the size of the model.
_REQUIREMENT_GIB = {
    "2B": {Offload.NONE: 8.0, Offload.IDLE: 6.0, Offload.ONE_AT_A_TIME: 4.5, Offload.LAYERS: 0.0},
    "XL": {Offload.NONE: 14.0, Offload.IDLE: 12.0, Offload.ONE_AT_A_TIME: 10.0, Offload.LAYERS: 0.0},
}

#: Weights that int8 makes smaller, in units of 2³⁰: those of the repeating linear layers that are on the device.
_INT8_WEIGHTS = {
    "2B": {Offload.NONE: 2.38, Offload.IDLE: 1.97, Offload.ONE_AT_A_TIME: 1.41, Offload.LAYERS: 0.0},
    "XL": {Offload.NONE: 4.76, Offload.IDLE: 4.35, Offload.ONE_AT_A_TIME: 3.79, Offload.LAYERS: 0.0},
}
#: GiB of activations for a take of 1,000 latent frames (40 s): estimated from the widest layer's arrays in bfloat16, with a
#: margin. Guidance doubles it.
_TAKE_GIB = 0.3


@dataclass(frozen=True)
class ComputeConfig:
    """Device, dtype and level of offload of a model. ``widens_late``: see `memory.fit`."""

    device: torch.device
    dtype: torch.dtype
    offload: Offload
    widens_late: bool = False


def find_devices() -> list[str]:
    """Return the names of the devices that torch can use here, the best first and the CPU last.

    GPUs of CUDA or ROCm are ``cuda:0`` and so on, Apple's is ``mps``, Intel's are ``xpu:0`` and so on.
    """
    names = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        names.append("mps")
    if torch.xpu.is_available():
        names += [f"xpu:{number}" for number in range(torch.xpu.device_count())]
    return [*names, "cpu"]


def device_label(name: str) -> str:
    """Return the maker's name of a device, "" where torch does not know it."""
    kind = torch.device(name).type
    if kind == "cuda":
        return torch.cuda.get_device_name(name)
    if kind == "xpu":
        return str(torch.xpu.get_device_name(name))
    return "Apple GPU" if kind == "mps" else ""


def check_device(name: str) -> None:
    """Raise `EngineFailure` for a device that is not here."""
    names = find_devices()
    if name not in names:
        raise EngineFailure(f"There is no device {name!r} here.", remedy=f"Choose one of these: {', '.join(names)}.")


def select_device(name: str = "auto") -> torch.device:
    """Return the device of that name, or for "auto" the first of `find_devices`, and make it the current one.

    Raises `EngineFailure` for a device that is not here.
    """
    if name != "auto":
        check_device(name)
    device = torch.device(find_devices()[0] if name == "auto" else name)
    if device.type == "cuda":  # streams, graphs and capability queries use the current device
        torch.cuda.set_device(device)
    return device


def native_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device computes it natively and correctly, float16 on older GPUs, else float32.

    The user may set another one, see `memory.choice`.
    """
    precision = read_precision()
    return verify_dtype(device, _fastest_dtype(device) if precision == "auto" else _DTYPES[precision])


def _fastest_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.bfloat16 if has_bfloat16_instructions() else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16


def free_gib(device: torch.device) -> float | None:
    """Return the free memory of a device in GiB, ``None`` for the CPU, where nothing is offloaded."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0]) / GIB
    if device.type == "mps":
        return (torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()) / GIB
    return None


def memory_requirement_gib(
    size: str, level: Offload, dtype: torch.dtype = torch.bfloat16, *, int8: bool = False
) -> float:
    """Return the memory in GiB that a level needs for a model of ``size`` ("2B" or "XL"), in int8 or ``dtype``."""
    savings = _INT8_WEIGHTS[size][level] * (dtype.itemsize - 1) if int8 else 0.0
    return _REQUIREMENT_GIB[size][level] * _DTYPE_FACTOR.get(dtype, 1.0) - savings


def choose_offload(
    size: str, free: float | None, dtype: torch.dtype = torch.bfloat16, *, int8: bool = False
) -> Offload:
    """Return the first level that fits a model of ``size`` into ``free`` GiB; no offload where ``free`` is ``None``."""
    if free is None:
        return Offload.NONE
    return next(level for level in Offload if free >= memory_requirement_gib(size, level, dtype, int8=int8))


def choose_compute_config(
    size: str, device: torch.device | None = None, *, int8: bool = False, elsewhere: Collection[str] = ()
) -> ComputeConfig:
    """Return the configuration for a model of ``size`` with the memory that is free now, on ``device`` or the best one.

    The parts ``elsewhere``, of "text" and "vae", take no memory of that device.
    """
    device = device or select_device()
    dtype, free = native_dtype(device), free_gib(device)
    spared = sum(_PART_GIB[part] for part in elsewhere) * _DTYPE_FACTOR.get(dtype, 1.0)
    # With both elsewhere there is nothing that the next level could move.
    level = choose_offload(size, None if free is None else free + spared, dtype, int8=int8)
    if level is Offload.IDLE and set(elsewhere) == set(_PART_GIB):
        level = Offload.ONE_AT_A_TIME
    return ComputeConfig(device, dtype, level)


#: GiB in bfloat16 that a part takes on a device: its weights, and room for its activations.
_PART_GIB = {"text": 1.5, "vae": 1.0}


def choose_part_config(device: torch.device, parts: Collection[str]) -> ComputeConfig:
    """Return the configuration of a device that has the ``parts`` "text" and "vae" of a model, and not its transformer.

    Where both do not fit into its free memory, they are there only while in use.
    """
    dtype = native_dtype(device)
    free, need = free_gib(device), sum(_PART_GIB[part] for part in parts) * _DTYPE_FACTOR.get(dtype, 1.0)
    return ComputeConfig(device, dtype, Offload.NONE if free is None or free >= need else Offload.ONE_AT_A_TIME)


def max_batch_takes(frames: int, free: float | None, *, with_guidance: bool) -> int:
    """Return how many takes of ``frames`` latent frames fit into half of ``free`` GiB, at least one.

    On the CPU it is one: a batch would take more memory and no less time.
    """
    if free is None:
        return 1
    return max(1, int(free / 2 / (_TAKE_GIB * (1 + with_guidance) * frames / 1000)))
