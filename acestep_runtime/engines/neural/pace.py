"""How long the rest of a generation takes: from the steps that are done, and from the speed of the VAE.

Steps are alike, so those that are done tell how long the others take; the first one also encodes words and does not count.
Before anything was decoded, the speed of the VAE follows from that of the steps, by the number of operations; afterwards it is
measured, and kept for the next jobs of the model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from acestep_runtime.engines.base import Progress


@dataclass
class DecodeSpeed:
    """The speed of a VAE: ``frame_s`` are the seconds of a latent frame, ``None`` before it was measured.

    ``frame_operations`` are those of a frame; ``slowness`` is how many times as long as in the transformer one takes.
    """

    frame_operations: float
    slowness: float
    frame_s: float | None = None

    def estimate_frame_s(self, operation_s: float) -> float:
        """Return the seconds of a frame, where an operation of the transformer takes ``operation_s``."""
        return self.frame_operations * operation_s * self.slowness if self.frame_s is None else self.frame_s


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
    _earlier_frame_s: float | None = None
    _steps_s: list[float] = field(default_factory=list)
    _fraction: float = 0.0

    def begin(self, output: int) -> None:
        """Begin an output, counted from 0."""
        self._output, self._done_frames, self._at_s = output, 0, self.clock()
        self._decode_s, self._earlier_frame_s = 0.0, self.speed.frame_s

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
        tile_frames = done_frames - self._done_frames
        self._decode_s, self._done_frames = self._decode_s + self._lap(), done_frames
        # The mean of all tiles, for single ones vary with what else the machine does; the speed of earlier outputs is one more.
        known_s, known_frames = self._decode_s, done_frames
        if self._earlier_frame_s is not None:
            known_s, known_frames = known_s + self._earlier_frame_s * tile_frames, known_frames + tile_frames
        self.speed.frame_s = known_s / max(1, known_frames)
        done_s = self._step_s(0.0) * steps + self.speed.frame_s * done_frames
        return self._report(stage, done_s, self.speed.frame_s * (self.frames - done_frames), is_known=True)

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
        return median(self._steps_s[-5:]) if self._steps_s else default_s

    def _report(self, stage: str, done_s: float, left_s: float, *, is_known: bool) -> Progress:
        """Return the progress of an output that took ``done_s`` and takes ``left_s`` more; the others take as long."""
        output_s = done_s + left_s
        share = (self._output + done_s / max(output_s, 1e-9)) / self.outputs
        self._fraction = max(self._fraction, self.start + (1 - self.start) * share)
        rest_s = left_s + (self.outputs - 1 - self._output) * output_s
        whole_s = rest_s / (1 - self._fraction) if is_known and self._fraction < 1 else None
        return Progress(stage, self._fraction, whole_s)
