"""CUDA graphs for a function that is called often with the same shapes: recorded once, then replayed without launch cost.

    first call of a kind        runs as it is, which also warms up
    second call                 recorded, with inputs in buffers of their own
    later calls                 inputs are copied into these buffers, and the graph is replayed

A kind is whatever the caller says, and the shapes and dtypes of all tensors. Recordings share one pool of memory, which is as
large as the largest needs; the least recently used is dropped beyond a limit. Where recording fails, for whatever reason, one
warning goes to the log and every call runs as it is from then on, with the same results.

Source: the documentation of `torch.cuda.CUDAGraph`.
"""

from __future__ import annotations

import logging
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from acestep_runtime.gpu.settings import uses_graphs

log = logging.getLogger(__name__)

#: Recordings that are kept.
_LIMIT = 4

#: A function of a kind and tensors. It must not wait for the device, nor change a tensor that it is given.
Work = Callable[..., Tensor]


@dataclass(frozen=True)
class Recording:
    """``replay`` computes ``out`` again from what the tensors that were recorded hold by then."""

    replay: Callable[[], None]
    out: Tensor


class Recorder(Protocol):
    """Records a function without arguments."""

    def record(self, run: Callable[[], Tensor]) -> Recording:
        """Return the recording of ``run``. Raises ``RuntimeError`` where that fails."""
        ...


class CudaRecorder:
    """Records CUDA graphs on the current device. Graphs of one recorder must not run at the same time."""

    def __init__(self) -> None:
        self._graphs: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()

    def record(self, run: Callable[[], Tensor]) -> Recording:
        """See `Recorder`. Other threads may use the device meanwhile."""
        graph = torch.cuda.CUDAGraph()
        other = next(iter(self._graphs), None)  # a pool lives as long as one of its graphs
        with torch.cuda.graph(graph, pool=None if other is None else other.pool(), capture_error_mode="thread_local"):
            out = run()
        self._graphs.add(graph)
        return Recording(graph.replay, out)


def find_recorder(device: torch.device) -> Recorder | None:
    """Return a recorder where the settings enable graphs and the device is CUDA's current one, else ``None``."""
    if not uses_graphs() or device.type != "cuda" or torch.version.hip is not None:
        return None
    is_current = device.index is None or device.index == torch.cuda.current_device()
    return CudaRecorder() if is_current else None


@dataclass
class _Entry:
    """A recording and its inputs.

    ``sources`` are what ``fixed`` was copied from, ``keep`` is what the recording reads beside its inputs.
    """

    recording: Recording
    moving: tuple[Tensor, ...]
    fixed: tuple[Tensor, ...]
    sources: tuple[Tensor, ...]
    keep: object


class GraphCache:
    """``work``, replayed from graphs. Without a recorder it runs as it is."""

    def __init__(self, work: Work, recorder: Recorder | None, *, limit: int = _LIMIT) -> None:
        self._work = work
        self._recorder = recorder
        self._limit = limit
        #: ``None`` for a kind that has run once.
        self._entries: OrderedDict[Hashable, _Entry | None] = OrderedDict()

    def clear(self) -> None:
        """Drop all recordings, as when memory that they read is somewhere else."""
        self._entries.clear()

    def __call__(
        self, kind: Hashable, moving: Sequence[Tensor], fixed: Sequence[Tensor] = (), keep: object = None
    ) -> Tensor:
        """Return ``work(kind, *moving, *fixed)``.

        All of ``moving`` is copied at each call, of ``fixed`` only what is another tensor than the last time. Tensors that
        ``work`` reads beside these must not move: ``keep`` refers to those that their owner might drop.
        """
        if self._recorder is None:
            return self._work(kind, *moving, *fixed)
        key = kind, *((each.shape, each.dtype, each.device) for each in (*moving, *fixed))
        if key not in self._entries:
            self._keep(key, None)
            return self._work(kind, *moving, *fixed)
        entry = self._entries[key] or self._try_to_record(self._recorder, kind, moving, fixed, keep)
        if entry is None:
            self._recorder = None
            self.clear()
            return self._work(kind, *moving, *fixed)
        self._keep(key, entry)
        for buffer, source in zip(entry.moving, moving, strict=True):
            buffer.copy_(source)
        for buffer, source, last in zip(entry.fixed, fixed, entry.sources, strict=True):
            if source is not last:
                buffer.copy_(source)
        entry.sources = tuple(fixed)
        entry.recording.replay()
        return entry.recording.out.clone()  # the next replay overwrites it

    def _keep(self, key: Hashable, entry: _Entry | None) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def _try_to_record(
        self, recorder: Recorder, kind: Hashable, moving: Sequence[Tensor], fixed: Sequence[Tensor], keep: object
    ) -> _Entry | None:
        """Return a new recording, or ``None`` with a warning in the log."""
        try:
            buffers, fixed_buffers = (tuple(each.clone() for each in tensors) for tensors in (moving, fixed))
            recording = recorder.record(lambda: self._work(kind, *buffers, *fixed_buffers))
        except RuntimeError as error:  # out of memory, or an operation that cannot be recorded
            log.warning(
                "No CUDA graph could be recorded, so operations are launched one by one, which is slower. Set cuda_graphs"
                " to false to leave the attempt out. The reason: %s",
                error,
            )
            return None
        return _Entry(recording, buffers, fixed_buffers, tuple(fixed), keep)
