"""Linear layers whose weights lie as oneDNN computes with them. For a CPU, where a decoding step has only a few rows.

    rows of a matrix, as in files   rearranged by oneDNN at each call, which takes longer than a product with two rows
    packed once                     read once at each call, at the rate of memory: about half the time of a step

In bfloat16 the results are the same bits; in float32, which torch computes with another library, they differ by rounding. The
operations are those of torch's compiler. Where they are missing, or compute something else, layers stay as they are.
"""

from __future__ import annotations

import logging
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

log = logging.getLogger(__name__)

#: Rows that the layout is chosen for: a song with and without its condition. Others have the same results.
_ROWS = 2
#: Relative difference (L2) up to which packed weights compute the same, and the shape of the matrix that is tried.
_TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2}
_TRIAL_SHAPE = 96, 64


class PackedLinear(nn.Module):
    """A linear layer with a copy of ``weight`` ``[outputs, inputs]`` on the CPU that is packed, for inference only."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        # No buffer: nothing may move it or change its dtype.
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)
        self._bias = None if bias is None else bias.detach()

    def forward(self, states: Tensor) -> Tensor:
        """Return the product of states ``[..., inputs]``."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(states, self._packed, self._bias, "none", [], "")
        return product


def linear_bytes(module: nn.Module) -> int:
    """Return how large the weights are that `pack_linears` copies."""
    return sum(each.weight.nbytes for each in module.modules() if isinstance(each, nn.Linear))


def pack_linears(module: nn.Module) -> None:
    """Replace the linear layers of a module by packed ones, in place."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child.weight, child.bias))


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Return whether packed weights compute what others compute, on this machine and with this torch."""
    if dtype not in _TOLERANCE or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    draw = torch.Generator().manual_seed(1)
    weight, states = (torch.randn(rows, _TRIAL_SHAPE[1], generator=draw).to(dtype) for rows in (_TRIAL_SHAPE[0], _ROWS))
    try:
        with torch.inference_mode():
            found = PackedLinear(weight)(states).float()
    except (AttributeError, RuntimeError) as error:
        log.info("Weights of the language model are not packed, so it is slower: %s", error)
        return False
    expected = functional.linear(states, weight).float()
    difference = float((found - expected).norm() / expected.norm())
    if difference <= _TOLERANCE[dtype]:  # false for NaN
        return True
    log.warning("Weights of the language model are not packed: their products would differ by %.2g.", difference)
    return False
