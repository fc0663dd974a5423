"""Weights in int8: half the memory of bfloat16, a quarter of float32, for close but not equal results.

Each row of a linear layer's weights becomes integers from −128 to 127 and one scale, rounded to nearest; activations are not
quantised. Method: Jacob et al. 2018, arXiv:1712.05877, section 2, with a scale for each output channel; done by torchao.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acestep_runtime.errors import EngineFailure
from acestep_runtime.installation import install_remedy
from acestep_runtime.switches import read_switch

if TYPE_CHECKING:
    import torch
    from torch import nn

VARIABLE = "ACEBRIDGE_INT8_WEIGHTS"
#: Parts with layers in int8. The VAE and the audio tokenizers are small, and their errors would be audible.
PARTS = ("dit", "encoder", "text_encoder")
#: Only the repeating layers of a part. The few layers before and after them affect everything that follows.
_REPEATING_LAYERS = "layers"
#: Layers after which the memory of what was computed on the way is given back.
_LAYERS_A_RETURN = 16


def remedy_without_torchao() -> str:
    """Return what to do where torchao is not installed."""
    return f"{install_remedy('neural-gpu')} Or set int8_weights to false."


def is_enabled() -> bool:
    """Return the value of ``ACEBRIDGE_INT8_WEIGHTS``, which a daemon sets from ``int8_weights``. Raises `InvalidValue`."""
    return read_switch(VARIABLE, default=False)


def quantize_linears(module: nn.Module, dtype: torch.dtype | None = None) -> None:
    """Quantise the linear layers in a module's repeating layers to int8, in place.

    ``dtype`` is that of the computation, by default that of the weights, which may be narrower. Layer by layer, so that no more
    than one is in full. Weights in mapped files must be those of the file. Raises `EngineFailure` without torchao.
    """
    from torch.nn import Linear

    from acestep_runtime.memory.heap import return_free_heap
    from acestep_runtime.memory.pages import find_file_mappings, release_pages
    from acestep_runtime.memory.widen import convert

    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError as error:
        raise EngineFailure(
            "Weights in int8 were asked for (int8_weights), and torchao is not installed.",
            remedy=remedy_without_torchao(),
        ) from error

    layers = [
        child
        for name, child in module.named_modules()
        if isinstance(child, Linear) and _REPEATING_LAYERS in name.split(".")
    ]
    # By default quantize_ would also change global settings of the compiler.
    config = Int8WeightOnlyConfig(set_inductor_config=False)
    mapped = find_file_mappings()
    for number, layer in enumerate(layers, 1):
        stored = layer.weight.data
        quantize_(layer if dtype is None else layer.to(dtype), config)
        release_pages(stored, mapped)  # else the weights of the whole file stay beside those in int8
        if number % _LAYERS_A_RETURN == 0 or number == len(layers):
            return_free_heap()  # float32 between the weights that stay: else half as much again is kept
    if dtype is not None:
        convert(module, dtype)
