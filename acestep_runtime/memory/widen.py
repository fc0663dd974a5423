"""Weights that stay as they are in their file, mapped into memory, and are widened while their layer computes.

So float32 needs the memory of bfloat16, for the time of a copy of each layer's weights. The numbers are the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LateLinear(nn.Linear):
    """A linear layer that computes in the dtype of its input."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the output ``[…, O]`` of x ``[…, I]``."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return functional.linear(x, self.weight.to(x.dtype), bias)


class LateEmbedding(nn.Embedding):
    """A table of embeddings that returns rows in another dtype than its own."""

    def __init__(self, table: nn.Embedding, dtype: torch.dtype) -> None:
        super().__init__(table.num_embeddings, table.embedding_dim, padding_idx=table.padding_idx, device="meta")
        self.weight, self._dtype = table.weight, dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows ``[…, D]`` of ids ``[…]``."""
        return functional.embedding(ids, self.weight, self.padding_idx).to(self._dtype)


def widen_late(module: nn.Module, dtype: torch.dtype) -> None:
    """Have a module compute in ``dtype``, in place: linear layers and embeddings keep their weights, all else is widened."""
    for name, child in list(module.named_modules()):
        late: nn.Module | None = None
        if type(child) is nn.Linear:
            late = LateLinear(child)
        elif type(child) is nn.Embedding:
            late = LateEmbedding(child, dtype)
        if late is not None:
            module.set_submodule(name, late.requires_grad_(False).eval())
    convert(module, dtype)


def convert(module: nn.Module, dtype: torch.dtype) -> None:
    """Convert floats of a module to ``dtype``, in place, but not the weights of late layers, and not integers with scales."""
    for child in module.modules():
        if isinstance(child, LateLinear | LateEmbedding):
            continue
        for name, parameter in child.named_parameters(recurse=False):
            if parameter.is_floating_point() and parameter.dtype != dtype:
                setattr(child, name, nn.Parameter(parameter.detach().to(dtype), requires_grad=False))
        for name, buffer in child.named_buffers(recurse=False):
            if buffer.is_floating_point() and buffer.dtype != dtype:
                setattr(child, name, buffer.to(dtype))
