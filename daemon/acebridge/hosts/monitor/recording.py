"""Audio that can be played while it is still coming in: from a file that is decoded, or a job that runs.

A recording keeps its samples as stereo float32 at their own rate, in memory up to 64 MiB and in a temporary file beyond.
Reading converts to the device's rate. When all has come, its loudness is measured in a thread of its own.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable

import numpy as np

from acestep_runtime import units
from acestep_runtime.audio.convert import resample, to_channels
from acestep_runtime.audio.loudness import LoudnessMeter
from acestep_runtime.audio.samples import Samples

_MEMORY_BYTES = 64 << 20
_FRAME_BYTES = 8
_MEASURED_FRAMES = 1 << 16
#: The conversion of a piece needs this many frames around it, at the lower rate, to equal that of the whole: soxr's filter is
#: shorter.
_MARGIN_FRAMES = 1024


class Recording:
    """``frames`` frames that come in order. ``start_frame`` is where the first one belongs on the time line of the source.

    ``role`` is what it holds, such as "mix" or "drums". One thread writes, any may read. ``close`` removes the samples.
    """

    def __init__(self, name: str, rate_hz: int, frames: int, *, start_frame: int = 0, role: str = "mix") -> None:
        self.name, self.rate_hz, self.frames, self.start_frame, self.role = name, rate_hz, frames, start_frame, role
        #: Called when frames have come; the player sets it.
        self.on_growth: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - `close` ends it
        self._ready = 0
        self._lufs: float | None = None
        #: How often what had come became void.
        self.restarts = 0

    @property
    def ready(self) -> int:
        """How many frames have come."""
        return self._ready

    @property
    def complete(self) -> bool:
        """Whether all frames have come."""
        return self._ready >= self.frames

    @property
    def lufs(self) -> float | None:
        """The integrated loudness, once the recording is complete and measured."""
        return self._lufs

    def write(self, at: int, samples: Samples) -> None:
        """Take the frames ``[N, C]`` from number ``at`` on; those that were there already are dropped.

        Raises ``OSError`` when the disk is full.
        """
        if not self._ready >= at >= 0:
            raise ValueError(f"frame {at} comes behind frame {self._ready}")
        fresh = to_channels(samples[self._ready - at : max(self.frames - at, 0)], 2)
        with self._lock:
            if not len(fresh) or self._file.closed:
                return
            self._file.seek(self._ready * _FRAME_BYTES)
            self._file.write(np.ascontiguousarray(fresh, "<f4").tobytes())
            self._ready += len(fresh)
        self.on_growth()
        if self.complete:
            self._start_measuring()

    def restart(self, frames: int | None = None) -> None:
        """Void what has come: it comes again. For the writer."""
        with self._lock:
            self.frames = self.frames if frames is None else frames
            self._ready, self._lufs = 0, None
            self.restarts += 1
        self.on_growth()

    def end(self) -> None:
        """Leave it at what has come: no more will. For the writer."""
        self.frames = self._ready
        self.on_growth()
        self._start_measuring()

    def _start_measuring(self) -> None:
        threading.Thread(target=self._measure, args=(self.restarts,), name="monitor loudness", daemon=True).start()

    def _measure(self, restarts: int) -> None:
        meter = LoudnessMeter(self.rate_hz)
        for at in range(0, self.frames, _MEASURED_FRAMES):
            if self.is_closed or self.restarts != restarts:
                return
            meter.push(self._read_own(at, min(at + _MEASURED_FRAMES, self.frames)))
        lufs = meter.integrated_lufs()
        if self.restarts == restarts:
            self._lufs = lufs

    def close(self) -> None:
        """Remove the samples."""
        with self._lock:
            self._file.close()

    @property
    def is_closed(self) -> bool:
        """Whether it is closed: what is written now is dropped."""
        return self._file.closed

    def _read_own(self, start: int, stop: int) -> Samples:
        """Return frames ``[stop - start, 2]`` at the recording's own rate; silence outside of it and where none have come."""
        out = np.zeros((stop - start, 2), np.float32)
        with self._lock:
            first, last = max(start, 0), min(stop, self._ready)
            if first < last and not self._file.closed:
                self._file.seek(first * _FRAME_BYTES)
                data = self._file.read((last - first) * _FRAME_BYTES)
                out[first - start : last - start] = np.frombuffer(data, "<f4").reshape(-1, 2)
        return out

    # ---- at the device's rate ----

    def start_at(self, rate_hz: int) -> int:
        """Return where the recording begins on the time line, in frames at ``rate_hz``."""
        return units.frames_to_frames(self.start_frame, self.rate_hz, rate_hz)

    def end_at(self, rate_hz: int) -> int:
        """Return where it ends."""
        return self.start_at(rate_hz) + units.frames_to_frames(self.frames, self.rate_hz, rate_hz)

    def ready_at(self, rate_hz: int) -> int:
        """Return up to where it can be played."""
        if self.complete or rate_hz == self.rate_hz:
            return self.start_at(rate_hz) + units.frames_to_frames(self.ready, self.rate_hz, rate_hz)
        margin = self._margin(rate_hz)
        return self.start_at(rate_hz) + max(0, self.ready - margin) * rate_hz // self.rate_hz

    def _margin(self, rate_hz: int) -> int:
        return math.ceil(_MARGIN_FRAMES * max(1.0, self.rate_hz / rate_hz))

    def read(self, rate_hz: int, start: int, stop: int) -> Samples:
        """Return ``[stop - start, 2]`` of the time line at ``rate_hz``; silence where the recording is not."""
        start, stop = start - self.start_at(rate_hz), stop - self.start_at(rate_hz)
        if rate_hz == self.rate_hz:
            return self._read_own(start, stop)
        # A piece begins where frames of both rates coincide: every `own` frames of ours are `wanted` of the device.
        #
        #     own rate    |margin | piece     |margin |
        #     device            start     stop
        common = math.gcd(self.rate_hz, rate_hz)
        own, wanted = self.rate_hz // common, rate_hz // common
        margin = math.ceil(self._margin(rate_hz) / own)
        first, last = start // wanted - margin, -(-stop // wanted) + margin
        piece = resample(self._read_own(first * own, last * own), self.rate_hz, rate_hz, (last - first) * wanted)
        return piece[start - first * wanted : stop - first * wanted]
