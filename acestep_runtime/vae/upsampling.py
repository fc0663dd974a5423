"""Upsampling as one matrix product, for a CPU and transposed convolutions whose weights take longer than their signal.

    x[l] · W            every tap of every output channel, at once
    taps m·s … m·s+s    added at frame l + m: neighbours overlap where the kernel is longer than the stride s

oneDNN rearranges the weights of a transposed convolution at each call: 84 MB for the first layer of the decoder, to make 10
points of each of a few latent frames. Here they are rearranged once.

Letters: B items, n points, s stride, K taps, a multiple of s.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Layers with fewer weights are as fast as they are.
_MIN_WEIGHTS = 1 << 24


class ProductUpsampling(nn.ConvTranspose1d):
    """A transposed convolution that computes as one matrix product. It has a second copy of the weights."""

    taps: Tensor

    @classmethod
    def of(cls, conv: nn.ConvTranspose1d) -> ProductUpsampling:
        """Return the same layer for inference. K must be a multiple of the stride, groups and dilation 1."""
        (kernel,), (stride,) = conv.kernel_size, conv.stride
        padding, output_padding = int(conv.padding[0]), conv.output_padding[0]
        if kernel % stride or conv.groups != 1 or conv.dilation != (1,) or output_padding > padding:
            raise ValueError(f"{conv} is no single matrix product")
        with torch.device("meta"):
            layer = cls(conv.in_channels, conv.out_channels, kernel, stride, padding, output_padding)
        layer.weight, layer.bias = conv.weight, conv.bias
        layer.register_buffer(
            "taps", conv.weight.detach().permute(2, 1, 0).flatten(0, 1).contiguous(), persistent=False
        )
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
        output: Tensor = frames.flatten(1, 2)[:, start : start + length].transpose(1, 2).contiguous()
        return output


def upsample_by_products(module: nn.Module) -> None:
    """Replace the large transposed convolutions of a module, whose weights are final, in place."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ConvTranspose1d) and child.weight.numel() >= _MIN_WEIGHTS:
                setattr(parent, name, ProductUpsampling.of(child))
