"""A double of `CudaRecorder`: what it records runs again at each replay, on any device, and writes to the same place."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from acestep_runtime.gpu.graphs import Recording


class RerunRecorder:
    """Counts recordings and replays. ``fault`` is raised in place of a recording."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.recordings = 0
        self.replays = 0
        self._fault = fault

    def record(self, run: Callable[[], Tensor]) -> Recording:
        """See `Recorder`. As with a graph, ``out`` is not computed before the first replay."""
        if self._fault is not None:
            raise self._fault
        self.recordings += 1
        out = run().clone().zero_()

        def replay() -> None:
            self.replays += 1
            out.copy_(run())

        return Recording(replay, out)
