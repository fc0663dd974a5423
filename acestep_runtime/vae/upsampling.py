"""Upsampling as one matrix product, for a CPU and transposed convolutions whose weights take longer than their signal.

    x[l] · W            every tap of every output channel, at once
    taps m·s … m·s+s    added at frame l + m: neighbours overlap where the kernel is longer than the stride s

oneDNN rearranges the weights of a transposed convolution at each call: 84 MB for the first layer of the decoder, to make 10
points of each of a few latent frames. Here they are rearranged once, and kept in that order alone.

Letters: B items, n points, s stride, K taps, a multiple of s.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Layers with fewer weights are as fast as they are; where signals lie by points, so are those with fewer of these.
_MIN_WEIGHTS, _MIN_POINT_WEIGHTS = 1 << 24, 1 << 20


class ProductUpsampling(nn.ConvTranspose1d):
    """A transposed convolution that computes as one matrix product. Its ``weight`` is a view of its ``taps``."""

    taps: Tensor
    #: Whether signals lie by points, see `acestep_runtime.vae.by_points`.
    is_by_points = False

    @classmethod
    def of(cls, conv: nn.ConvTranspose1d, *, is_by_points: bool = False) -> ProductUpsampling:
        """Return the same layer for inference. K must be a multiple of the stride, groups and dilation 1."""
        (kernel,), (stride,) = conv.kernel_size, conv.stride
        padding, output_padding = int(conv.padding[0]), conv.output_padding[0]
        if kernel % stride or conv.groups != 1 or conv.dilation != (1,) or output_padding > padding:
            raise ValueError(f"{conv} is no single matrix product")
        with torch.device("meta"):
            layer = cls(conv.in_channels, conv.out_channels, kernel, stride, padding, output_padding)
        taps = conv.weight.detach().permute(2, 1, 0).contiguous()
        layer.weight, layer.bias = nn.Parameter(taps.permute(2, 1, 0), requires_grad=False), conv.bias
        layer.is_by_points = is_by_points
        layer.register_buffer("taps", taps.flatten(0, 1), persistent=False)
        return layer

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the upsampled signal ``[B, outputs, n']`` of ``x`` ``[B, inputs, n]``; its length has no other choice."""
        if output_size is not None:
            raise ValueError("the length of the output is that of the layer")
        (kernel,), (stride,), points = self.kernel_size, self.stride, x.shape[2]
        overlap = kernel // stride
        signal = x.transpose(1, 2).contiguous()  # or the product in bfloat16 copies the weights
        products = functional.linear(signal, self.taps).view(len(x), points, overlap, stride, self.out_channels)
        frames = products.new_zeros(len(x), points + overlap - 1, stride, self.out_channels)
        for number in range(overlap):
            frames[:, number : number + points] += products[:, :, number]
        if self.bias is not None:
            frames += self.bias
        start = int(self.padding[0])
        length = (points - 1) * stride - 2 * start + kernel + self.output_padding[0]
        output: Tensor = frames.flatten(1, 2)[:, start : start + length].transpose(1, 2)
        return output if self.is_by_points else output.contiguous()


def upsample_by_products(module: nn.Module, *, is_by_points: bool = False) -> None:
    """Replace the large transposed convolutions of a module, whose weights are final, in place."""
    least = _MIN_POINT_WEIGHTS if is_by_points else _MIN_WEIGHTS
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ConvTranspose1d) and child.weight.numel() >= least:
                setattr(parent, name, ProductUpsampling.of(child, is_by_points=is_by_points))
