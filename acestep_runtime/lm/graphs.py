"""Work of the same shapes over and over: on a GPU of CUDA it is recorded once and replayed, which spares its launches.

On other devices it is just done. Source: the documentation of `torch.cuda.graph`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Runs before recording, which settle what allocates memory at first use.
_WARM_UPS = 2

Work = Callable[[int, Tensor, Tensor], Tensor]
#: What was recorded: the graph, its two inputs, and its output.
_Recording = tuple[torch.cuda.CUDAGraph, Tensor, Tensor, Tensor]


def replayed(work: Work, device: torch.device) -> Work:
    """Return ``work`` of a number and two tensors; where there are graphs, each number's is recorded at its first use.

    Shapes and types of the tensors have to stay. What it returns is good until the next call.
    """
    return _Replayed(work) if device.type == "cuda" and torch.version.hip is None else work


class _Replayed:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._recorded: dict[int, _Recording] = {}

    def __call__(self, number: int, first: Tensor, second: Tensor) -> Tensor:
        if number not in self._recorded:
            self._recorded[number] = self._record(number, first.clone(), second.clone())
        graph, held_first, held_second, out = self._recorded[number]
        held_first.copy_(first)
        held_second.copy_(second)
        graph.replay()
        return out

    def _record(self, number: int, first: Tensor, second: Tensor) -> _Recording:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._work(number, first, second)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = self._work(number, first, second)
        return graph, first, second, out
