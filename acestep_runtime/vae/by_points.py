"""Convolutions on signals that lie point by point in memory: the channels of a point are neighbours ("channels last").

    usual       channel 0: point 0, 1, 2 …   channel 1: point 0, 1, 2 …
    by points   point 0: channel 0, 1, 2 …   point 1: channel 0, 1, 2 …

A CPU with AMX multiplies all channels of a point at once, so oneDNN rearranges usual signals before each convolution, and back
after it: half of the time of an autoencoder. Here signals stay as convolutions want them; shapes and values are as before. On
a CPU without AMX this is no faster.

Letters: B items, C channels, n points.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from acestep_runtime.bfloat16 import RELEASED_CHANNELS


class PointConvolution(nn.Conv1d):
    """A convolution that takes and returns signals by points."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of ``x`` ``[B, C, n]``, in any layout."""
        (stride,), (dilation,), padding = self.stride, self.dilation, int(self.padding[0])
        plane, weight = x.unsqueeze(2), self.weight.unsqueeze(2)
        return functional.conv2d(plane, weight, self.bias, (1, stride), (0, padding), (1, dilation)).squeeze(2)


class PointUpsampling(nn.ConvTranspose1d):
    """A transposed convolution that takes and returns signals by points."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the upsampled signal of ``x`` ``[B, C, n]``, in any layout; its length has no other choice."""
        if output_size is not None:
            raise ValueError("the length of the output is that of the layer")
        (stride,), (extra,), padding = self.stride, self.output_padding, int(self.padding[0])
        plane, weight = x.unsqueeze(2), self.weight.unsqueeze(2)
        return functional.conv_transpose2d(plane, weight, self.bias, (1, stride), (0, padding), (0, extra)).squeeze(2)


_KINDS: dict[type[nn.Module], type[nn.Conv1d | nn.ConvTranspose1d]] = {
    nn.Conv1d: PointConvolution,
    nn.ConvTranspose1d: PointUpsampling,
}


def lay_out_by_points(module: nn.Module) -> None:
    """Let the wide convolutions of a module, whose weights are final, work by points, in place.

    Narrow ones stay, and layers that have another form already.
    """
    for layer in module.modules():
        kind = _KINDS.get(type(layer))
        if kind is None:
            continue
        assert isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d))
        if max(layer.in_channels, layer.out_channels) < RELEASED_CHANNELS or layer.groups != 1:
            continue
        plane = layer.weight.detach().unsqueeze(2).contiguous(memory_format=torch.channels_last)
        layer.weight = nn.Parameter(plane.squeeze(2), requires_grad=False)
        layer.__class__ = kind
