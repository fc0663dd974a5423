"""An output stream whose buffers the test asks for: of any size, from any thread, late, and gone in the middle."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np

from acebridge.hosts.monitor.device import NoSound, Output, OutputRequest, Render
from acebridge.hosts.monitor.player import Player
from tests.support.daemon import until
from tests.support.signals import Samples


class FakeOutput:
    """A stream. What it has asked for is in ``blocks``."""

    def __init__(self, request: OutputRequest, rate_hz: int | None = None, preroll_s: float = 0.0) -> None:
        self.device = request.device or "fake"
        self.rate_hz = rate_hz or request.rate_hz
        self.latency_s = request.latency_s
        self.preroll_s = preroll_s
        self.blocks: list[Samples] = []
        self.closed = False
        self.gone = False
        self._render: Render | None = None

    def start(self, render: Render) -> None:
        self._render = render

    def is_lost(self) -> bool:
        return self.gone

    def close(self) -> None:
        self.closed = True

    def pull(self, frames: int, *, late: bool = False) -> Samples:
        """Ask for a buffer; it holds noise before, as PortAudio's does."""
        assert self._render is not None
        out = np.full((frames, 2), np.float32(0.77))
        self._render(out, late)
        self.blocks.append(out)
        return out

    def music(self) -> Samples:
        """All that was played."""
        return np.concatenate([np.zeros((0, 2), np.float32), *self.blocks])


class FakeDevice:
    """Opens fake streams. ``rate_hz`` is the only rate that it takes, if it has one; ``missing`` names devices that fail."""

    def __init__(self, *, rate_hz: int | None = None, preroll_s: float = 0.0, missing: Iterable[str] = ()) -> None:
        self.outputs: list[FakeOutput] = []
        self.missing = set(missing)
        self._rate_hz, self._preroll_s = rate_hz, preroll_s

    def __call__(self, request: OutputRequest) -> Output:
        if request.device in self.missing:
            raise NoSound(f"There is no output device {request.device!r}.", remedy="Connect it.")
        self.outputs.append(FakeOutput(request, self._rate_hz, self._preroll_s))
        return self.outputs[-1]

    @property
    def output(self) -> FakeOutput:
        return self.outputs[-1]


def pull(player: Player, device: FakeDevice, frames: int, *, late: bool = False) -> Samples:
    """Ask for a buffer when the player has enough for it, as a feeder that is never late would."""
    wait_for_feeder(player, frames)
    return device.output.pull(frames, late=late)


def wait_for_feeder(player: Player, frames: int) -> None:
    """Wait until the player can give this number of frames, or has no more."""
    ring = player._ring
    until(lambda: ring is None or ring.finished or ring.readable() >= min(frames, 20_000), "the feeder")


def pull_all(player: Player, device: FakeDevice, blocks: Iterable[int]) -> Samples:
    """Ask for buffers of these sizes; return them in one piece."""
    return np.concatenate([pull(player, device, frames) for frames in blocks])


class CallbackThread(threading.Thread):
    """Asks for buffers from a thread of its own, as fast as they come, until it is stopped."""

    def __init__(self, output: FakeOutput, sizes: Iterable[int]) -> None:
        super().__init__(daemon=True)
        self._output, self._sizes = output, list(sizes)
        self._end = threading.Event()

    def run(self) -> None:
        at = 0
        while not self._end.is_set():
            self._output.pull(self._sizes[at % len(self._sizes)], late=at % 7 == 3)
            at += 1
            self._end.wait(0.0005)

    def stop(self) -> None:
        self._end.set()
        self.join()
