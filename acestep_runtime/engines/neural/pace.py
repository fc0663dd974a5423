"""How long the rest of a generation takes: from the steps that are done, and from the speed of the VAE.

Steps are alike, so those that are done tell how long the others take; the first one also encodes words and does not count.
Before anything is decoded, the speed of the VAE follows from that of the steps: by the number of operations, and by how much
longer one took than in the transformer, which each output measures for the next ones and for later jobs. What other programs
do changes both speeds alike. Only the latest steps and tiles count, so the rest is known again soon after they begin or end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from acestep_runtime.engines.base import Progress

#: Steps, tiles and outputs that tell a speed: enough to be steady, and few enough to follow what else the machine does.
_LATEST_STEPS, _LATEST_TILES, _LATEST_OUTPUTS = 5, 8, 5


@dataclass
class DecodeSpeed:
    """The speed of a VAE beside that of the transformer. ``frame_operations`` are those of a latent frame.

    ``slowness`` is how many times as long as in the transformer one takes: expected, and then measured with each output.
    """

    frame_operations: float
    slowness: float
    _measured: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST_OUTPUTS))

    def estimate_frame_s(self, operation_s: float) -> float:
        """Return the seconds of a frame, where an operation of the transformer takes ``operation_s``."""
        return self.frame_operations * operation_s * self.slowness

    def measure(self, frame_s: float, operation_s: float) -> None:
        """Note how long a frame of an output took, and an operation of the transformer, in seconds."""
        self._measured.append(frame_s / (self.frame_operations * operation_s))
        self.slowness = median(self._measured)


@dataclass
class Pace:
    """The progress of a job with ``outputs`` outputs, each of ``frames`` latent frames.

    ``start`` is the share before the first, ``step_operations`` are those of a step, ``clock`` tells seconds.
    """

    outputs: int
    frames: int
    step_operations: float
    speed: DecodeSpeed
    start: float
    clock: Callable[[], float] = time.monotonic
    _at_s: float = 0.0
    _output: int = 0
    _done_frames: int = 0
    _decode_s: float = 0.0
    _steps_s: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST_STEPS))
    #: Seconds and frames of tiles.
    _tiles: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LATEST_TILES))
    _fraction: float = 0.0

    def begin(self, output: int) -> None:
        """Begin an output, counted from 0."""
        self._output, self._done_frames, self._decode_s, self._at_s = output, 0, 0.0, self.clock()
        self._tiles.clear()

    def finish_step(self, stage: str, step: int, total: int) -> Progress:
        """Return the progress after a step of ``total``."""
        took_s = self._lap()
        if step > 1:
            self._steps_s.append(took_s)
        step_s = self._step_s(took_s)
        decode_s = self.frames * self.speed.estimate_frame_s(step_s / self.step_operations)
        return self._report(stage, step_s * step, step_s * (total - step) + decode_s, is_known=step > 1)

    def finish_tile(self, stage: str, done_frames: int, steps: int) -> Progress:
        """Return the progress after the frames up to ``done_frames`` are decoded; the output took ``steps`` steps."""
        tile_s, tile_frames = self._lap(), done_frames - self._done_frames
        self._decode_s, self._done_frames = self._decode_s + tile_s, done_frames
        operation_s = self._step_s(0.0) / self.step_operations
        if not self._tiles and operation_s > 0:  # what was expected counts as one more tile: single ones vary
            self._tiles.append((self.speed.estimate_frame_s(operation_s) * tile_frames, tile_frames))
        self._tiles.append((tile_s, tile_frames))
        seconds, frames = (sum(each) for each in zip(*self._tiles, strict=True))
        frame_s = seconds / max(1, frames)
        if operation_s > 0 and done_frames >= self.frames:
            self.speed.measure(self._decode_s / self.frames, operation_s)
        done_s = self._step_s(0.0) * steps + self._decode_s
        return self._report(stage, done_s, frame_s * (self.frames - done_frames), is_known=True)

    def skip(self) -> None:
        """Leave out what took the time since the last step or tile."""
        self._at_s = self.clock()

    def note(self, stage: str) -> Progress:
        """Return the progress as it was, in another stage."""
        return Progress(stage, self._fraction)

    def _lap(self) -> float:
        now_s = self.clock()
        took_s, self._at_s = max(now_s - self._at_s, 1e-9), now_s
        return took_s

    def _step_s(self, default_s: float) -> float:
        return median(self._steps_s) if self._steps_s else default_s

    def _report(self, stage: str, done_s: float, left_s: float, *, is_known: bool) -> Progress:
        """Return the progress of an output that took ``done_s`` and takes ``left_s`` more; the others take as long."""
        output_s = done_s + left_s
        share = (self._output + done_s / max(output_s, 1e-9)) / self.outputs
        self._fraction = max(self._fraction, self.start + (1 - self.start) * share)
        rest_s = left_s + (self.outputs - 1 - self._output) * output_s
        whole_s = rest_s / (1 - self._fraction) if is_known and self._fraction < 1 else None
        return Progress(stage, self._fraction, whole_s)
