"""Convolutions that a CPU computes wrongly in bfloat16: those layers alone compute in float32.

On CPUs with AMX, oneDNN returns wrong values for convolutions of 4 to 12 channels with a stride of 4 and more, as small
autoencoders have them. Released ones have 128 channels and more.

Letters: B items, C channels, n points.
"""

from __future__ import annotations

import copy
import logging

import torch
from torch import Tensor, nn

from acestep_runtime.bfloat16 import POINTS, RELEASED_CHANNELS, TOLERANCE

log = logging.getLogger(__name__)

_SEED = 1


class ExactConvolution(nn.Conv1d):
    """A convolution that computes in float32, whatever the type of its signal."""

    @classmethod
    def of(cls, layer: nn.Conv1d) -> ExactConvolution:
        """Return the layer, in place."""
        layer.__class__ = cls
        assert isinstance(layer, cls)
        return layer.float()

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of ``x`` ``[B, C, n]``, in the type of ``x``."""
        return super().forward(x.float()).to(x.dtype)


@torch.inference_mode()
def convolution_error(layer: nn.Conv1d) -> float:
    """Return the relative error (L2) of a layer on random values, against the same weights in float32; possibly NaN."""
    signal = torch.randn(1, layer.in_channels, POINTS, generator=torch.Generator().manual_seed(_SEED))
    signal = signal.to(layer.weight)
    exact: Tensor = copy.deepcopy(layer).float()(signal.float())
    return float((layer(signal).float() - exact).norm() / exact.norm())


def compute_exactly_where_wrong(module: nn.Module) -> None:
    """Let the narrow strided convolutions of a module compute in float32 where this CPU errs; the log names them.

    Wide ones are checked before any model is loaded, see `acestep_runtime.memory.precision`.
    """
    for name, layer in module.named_modules():
        if not isinstance(layer, nn.Conv1d) or layer.stride == (1,) or layer.in_channels >= RELEASED_CHANNELS:
            continue
        error = convolution_error(layer)
        if not error <= TOLERANCE:  # NaN is wrong, too
            ExactConvolution.of(layer)
            log.info("%s computes in float32: in bfloat16 it errs by %.2g on this CPU.", name, error)
