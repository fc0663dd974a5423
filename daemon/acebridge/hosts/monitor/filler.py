"""What goes into a ring: the frames of a plan, from a recording that may still be coming in, at a gain."""

from __future__ import annotations

import numpy as np

from acebridge.hosts.monitor.plan import Plan
from acebridge.hosts.monitor.recording import Recording
from acebridge.hosts.monitor.ring import Ring
from acestep_runtime.audio.samples import Samples

_BLOCK_FRAMES = 8192
#: How fast the gain changes in the middle of the music.
_GAIN_PER_S = 0.3


class Filler:
    """Fills rings at the rate of the device."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._gain = 1.0

    def begin(self, ring: Ring, plan: Plan, recording: Recording, gain: float) -> None:
        """Fill a new ring, at ``gain`` from its first frame on."""
        self._gain = gain
        self.fill(ring, plan, recording, gain)

    def fill(self, ring: Ring, plan: Plan, recording: Recording, gain: float) -> None:
        """Write what has come and the ring has room for, and say when that is all."""
        while not ring.finished and (room := ring.writable()):
            frame = plan.frame_at(ring.end)
            count = min(room, _BLOCK_FRAMES)
            loop = plan.loop
            if loop is not None and plan.loops_at(frame):  # silence where the recording is shorter than the loop
                count = min(count, loop.end - frame)
                count = count if recording.complete else min(count, recording.ready_at(self._rate_hz) - frame)
            elif recording.complete and frame >= recording.end_at(self._rate_hz):
                ring.finished = True
            else:
                count = min(count, recording.ready_at(self._rate_hz) - frame)
            if count <= 0 or ring.finished:
                return
            ring.write(self._scale(recording.read(self._rate_hz, frame, frame + count), gain))

    def _scale(self, samples: Samples, gain: float) -> Samples:
        """Apply a gain; go there slowly when another one has been in force: more is known of the loudness now."""
        if gain == self._gain:
            return samples if gain == 1.0 else samples * np.float32(gain)
        most = _GAIN_PER_S * len(samples) / self._rate_hz
        before, self._gain = self._gain, self._gain + min(max(gain - self._gain, -most), most)
        return samples * np.linspace(before, self._gain, len(samples), dtype=np.float32)[:, None]
