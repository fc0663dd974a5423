"""A check of bfloat16 on the CPU: convolutions and a matrix product, compared with float32 once per process.

oneDNN, which computes bfloat16 for torch on CPUs, returns wrong values for some strided convolutions on CPUs with AMX. Audio
made with them is noise, and no error is raised. Here the widths of released models are checked, whose faults would concern
all of a model; `acestep_runtime.vae.exact_layers` checks narrower layers one by one. To print the error of each operation
on this machine, run

    python -m acestep_runtime.memory.precision

Letters: C channels, S stride, n points of a signal.
"""

from __future__ import annotations

import logging
import math
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from acestep_runtime.bfloat16 import POINTS, RELEASED_CHANNELS, TOLERANCE

log = logging.getLogger(__name__)

#: The strides of the released VAE; kernels are twice the stride, as there.
_STRIDES = (2, 4, 6, 10)
_CPU_MODEL = "model name"


@dataclass(frozen=True)
class Operation:
    """An operation on two tensors of these shapes."""

    name: str
    compute: Callable[[Tensor, Tensor], Tensor]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]

    def error(self, generator: torch.Generator) -> float:
        """Return the relative error (L2) of bfloat16 against float32, for equal random inputs."""
        first, second = (torch.randn(shape, generator=generator).bfloat16() for shape in self.shapes)
        exact = self.compute(first.float(), second.float())
        return float((self.compute(first, second).float() - exact).norm() / exact.norm())


def operations() -> Iterator[Operation]:
    """Yield the operations to check."""
    channels = RELEASED_CHANNELS
    for stride in _STRIDES:
        weights = channels, channels, 2 * stride
        convolve = partial(functional.conv1d, stride=stride, padding=math.ceil(stride / 2))
        yield Operation(f"conv1d, S = {stride}", convolve, ((1, channels, POINTS), weights))
        upsample = partial(functional.conv_transpose1d, stride=stride, padding=math.ceil(stride / 2))
        yield Operation(f"conv_transpose1d, S = {stride}", upsample, ((1, channels, POINTS // stride), weights))
    yield Operation("matmul", torch.matmul, ((128, 256), (256, 128)))


@torch.inference_mode()
def measure_errors() -> dict[str, float]:
    """Return the relative error of each operation on the CPU, possibly NaN."""
    generator = torch.Generator().manual_seed(1)
    return {each.name: each.error(generator) for each in operations()}


def is_correct(error: float) -> bool:
    """Return whether a relative error is within rounding."""
    return error <= TOLERANCE  # false for NaN


#: Warnings not yet reported to a user.
_pending_warnings: list[str] = []


def verify_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """Return ``dtype``, or float32 instead of bfloat16 on a CPU that computes it wrongly.

    The first time, a warning goes to the log and to `take_warnings`.
    """
    return torch.float32 if device.type == "cpu" and dtype == torch.bfloat16 and not _cpu_is_correct() else dtype


def has_bfloat16_instructions() -> bool:
    """Return whether the CPU multiplies bfloat16 itself: with AVX512-BF16 or AMX, or on ARM.

    Others compute it, more slowly than float32.
    """
    if platform.machine().lower() in ("aarch64", "arm64"):
        return bool(torch._C._has_mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported()) or has_amx()


def has_amx() -> bool:
    """Return whether the CPU has tiles for matrix products."""
    return bool(torch.cpu._is_amx_tile_supported())


@cache
def _cpu_is_correct() -> bool:
    wrong = {name: error for name, error in measure_errors().items() if not is_correct(error)}
    if not wrong:
        return True
    summary = "; ".join(f"{name}: {error:.2g}" for name, error in wrong.items())
    warning = (
        f"{cpu_name()} computes bfloat16 wrongly (relative error of {summary}), so models compute in float32, which is slower"
        " and takes twice the memory. To check again, run `python -m acestep_runtime.memory.precision`, also with"
        " ONEDNN_MAX_CPU_ISA=AVX512_CORE in the environment, which avoids the fault on CPUs with AMX."
    )
    log.warning(warning)
    _pending_warnings.append(warning)
    return False


def take_warnings() -> list[str]:
    """Return and clear the pending warnings."""
    warnings = _pending_warnings.copy()
    _pending_warnings.clear()
    return warnings


def cpu_name() -> str:
    """Return the name of the CPU, where the system knows it, and the widest instruction set that torch uses."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8", "replace").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(_CPU_MODEL)]
    name = next(iter(names), platform.processor() or platform.machine())
    return f"CPU {name} ({torch.backends.cpu.get_cpu_capability()})"


def main() -> None:
    """Print the error of each operation."""
    print(cpu_name())
    for name, error in measure_errors().items():
        print(f"{name:32} {error:8.2g}  {'correct' if is_correct(error) else 'WRONG'}")


if __name__ == "__main__":
    main()
