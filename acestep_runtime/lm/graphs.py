"""CUDA graphs for a function that is called often with the same shapes: recorded once, then replayed without launch cost.

On other devices the function runs as it is. Source: the documentation of `torch.cuda.graph`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Runs before recording, so that first-use allocations are done.
_WARM_UPS = 2

Work = Callable[[int, Tensor, Tensor], Tensor]
#: A graph, its two inputs, and its output.
_Recording = tuple[torch.cuda.CUDAGraph, Tensor, Tensor, Tensor]


def with_cuda_graphs(work: Work, device: torch.device) -> Work:
    """Return ``work``, a function of a number and two tensors, replayed from a CUDA graph for each number.

    Shapes and dtypes of the tensors must not change. A result is valid until the next call.
    """
    return _GraphRunner(work) if device.type == "cuda" and torch.version.hip is None else work


class _GraphRunner:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._recordings: dict[int, _Recording] = {}

    def __call__(self, number: int, first: Tensor, second: Tensor) -> Tensor:
        if number not in self._recordings:
            self._recordings[number] = self._record(number, first.clone(), second.clone())
        graph, static_first, static_second, out = self._recordings[number]
        static_first.copy_(first)
        static_second.copy_(second)
        graph.replay()
        return out

    def _record(self, number: int, first: Tensor, second: Tensor) -> _Recording:
        side_stream = torch.cuda.Stream()
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):
            for _ in range(_WARM_UPS):
                self._work(number, first, second)
        torch.cuda.current_stream().wait_stream(side_stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = self._work(number, first, second)
        return graph, first, second, out
