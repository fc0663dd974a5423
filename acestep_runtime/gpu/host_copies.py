"""Results on their way from a GPU to the host while the next one is computed.

    device   compute 1 │ copy 1 │ compute 2 │ copy 2 │ compute 3
    host               launch 2 │ use 1 ────────────── │ launch 3 │ use 2

A copy goes to pinned memory, which a GPU writes without waiting, on the stream that computes: 20 s of stereo are 8 MB, a
fraction of a millisecond. What takes long is what the host does with a result, and that time is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor


def copy_to_host(results: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield each result on the CPU. Those of a GPU are one behind: the next one is launched before one is yielded.

    On a CPU nothing is computed ahead.
    """
    pending: _Copy | None = None
    for result in results:
        if result.device.type != "cuda":
            yield result.cpu()
            continue
        following = _Copy(result)
        if pending is not None:
            yield pending.wait()
        pending = following
    if pending is not None:
        yield pending.wait()


class _Copy:
    """A copy under way."""

    def __init__(self, result: Tensor) -> None:
        self._host = result.to("cpu", non_blocking=True)  # torch takes pinned memory for this
        with torch.cuda.device(result.device):  # an event is one of the current device, which may be another
            self._event = torch.cuda.Event()
            self._event.record()

    def wait(self) -> Tensor:
        """Return the copy in ordinary memory: the pinned part is used again."""
        self._event.synchronize()
        return self._host.clone()
