"""What this machine reaches at most: matrix products of given shapes, and reading memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any


class Way:
    """See `tests.bench.full.ways`."""

    def __init__(self) -> None:
        import torch

        self.dtype: Any = getattr(torch, os.environ["ACEBRIDGE_PRECISION"])

    def products(self, rows: int, shapes: list[list[int]], layers: int, rounds: int) -> Iterator[str]:
        """Compute linear layers ``[outputs, inputs]`` for ``rows``; each layer has weights of its own, as a model has."""
        import torch
        from torch.nn import functional

        weights = [torch.full(shape, 0.01, dtype=self.dtype) for _ in range(layers) for shape in shapes]
        inputs = {width: torch.randn(1, rows, width).to(self.dtype) for _, width in shapes}
        yield "prepare"
        with torch.inference_mode():
            for _ in range(rounds):
                for weight in weights:
                    functional.linear(inputs[weight.shape[1]], weight)
                yield "products"

    def read(self, size_bytes: int, rounds: int) -> Iterator[str]:
        """Read memory once."""
        import torch

        numbers = torch.ones(size_bytes // 4)
        yield "prepare"
        for _ in range(rounds):
            numbers.sum()
            yield "read"
