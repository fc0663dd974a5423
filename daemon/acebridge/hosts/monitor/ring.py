"""A ring buffer of frames for one thread that writes and one that reads. No locks: each side changes only its own count.

    buffer   | 8 9 . . 4 5 6 7 |      readable 6, writable 2
                   ↑   ↑
               write   read            positions are counts of all frames so far, modulo the size

A side publishes its count after it has moved the samples. That holds in CPython, where one thread at a time runs bytecode.
"""

from __future__ import annotations

import numpy as np

from acestep_runtime.audio.samples import Samples


class Ring:
    """Holds up to ``size`` frames of float32. ``origin`` is the number of its first frame on the player's clock.

    Rings of one ``epoch`` hold the same stretch of music in different versions: the frame with a number in one belongs to the
    frame with that number in the other. A ring that is ``clean`` starts where the audio itself starts: it needs no fade-in.
    """

    def __init__(self, size: int, channels: int = 2, *, origin: int = 0, epoch: int = 0, clean: bool = True) -> None:
        self.origin, self.epoch, self.clean = origin, epoch, clean
        #: Set by the writer behind its last frame.
        self.finished = False
        self._buffer = np.zeros((size, channels), np.float32)
        self._size = size
        self._frames_in = 0
        self._frames_out = 0

    @property
    def index(self) -> int:
        """The number of the next frame that is read."""
        return self.origin + self._frames_out

    @property
    def end(self) -> int:
        """The number of the next frame that is written."""
        return self.origin + self._frames_in

    def readable(self) -> int:
        """Return how many frames can be read."""
        return self._frames_in - self._frames_out

    def writable(self) -> int:
        """Return how many frames can be written."""
        return self._size - self.readable()

    def write(self, samples: Samples) -> int:
        """Take the beginning of ``[N, C]``, as much as there is room for; return the number of frames. For the writer."""
        count = min(len(samples), self.writable())
        at = self._frames_in % self._size
        first = min(count, self._size - at)
        self._buffer[at : at + first] = samples[:first]
        self._buffer[: count - first] = samples[first:count]
        self._frames_in += count
        return count

    def read(self, out: Samples) -> int:
        """Fill the beginning of ``[N, C]`` with the next frames; return their number. For the reader; makes no array."""
        count = min(len(out), self.readable())
        at = self._frames_out % self._size
        first = min(count, self._size - at)
        out[:first] = self._buffer[at : at + first]
        out[first:count] = self._buffer[: count - first]
        self._frames_out += count
        return count

    def skip(self, frames: int) -> None:
        """Drop the next ``frames``, which must be readable. For the reader."""
        self._frames_out += frames
