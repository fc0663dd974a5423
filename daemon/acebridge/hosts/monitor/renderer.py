"""What runs in PortAudio's callback: from rings to the device's buffer.

Nothing here waits, locks, logs, raises or makes an array: each buffer is filled by copies and products in place. (Slices are
views, a hundred bytes that Python takes from its own free list.) What other threads set is one attribute each, and what they
read is a count: both are indivisible in CPython.
"""

from __future__ import annotations

import numpy as np

from acebridge.hosts.monitor.ring import Ring
from acestep_runtime.audio.samples import Samples

#: Length of every fade: from one ring to another, in and out of a pause, between levels.
FADE_S = 0.005
#: A ring that ran dry plays on when it holds this much again, or all that is to come.
RESUME_S = 0.2


class Renderer:
    """Fills buffers from the ring that was last offered. Set `offered`, `playing` and `level` from any thread."""

    def __init__(self, rate_hz: int, preroll_s: float = 0.0) -> None:
        #: Frames of silence still to come before anything else.
        self.preroll_frames = round(preroll_s * rate_hz)
        self.offered: Ring | None = None
        self.playing = False
        self.level = 1.0
        #: Frames since the last one that came from a ring.
        self.silent_frames = 0
        #: Times that a ring ran dry in the middle, and how many frames of silence that was.
        self.underruns = 0
        self.missing_frames = 0
        #: Times that the device asked too late.
        self.device_underruns = 0
        #: Buffers that began with another ring than the one before.
        self.switches = 0
        self._ring: Ring | None = None
        self._old: Ring | None = None
        self._dry = True
        self._resume_frames = round(RESUME_S * rate_hz)
        fade = max(1, round(FADE_S * rate_hz))
        self._rise = (np.arange(1, fade + 1, dtype=np.float32) / np.float32(fade))[:, None]
        self._fall = np.float32(1) - self._rise
        self._steps = np.arange(1, fade + 1, dtype=np.float32)[:, None]
        self._old_samples = np.zeros((fade, 2), np.float32)
        self._ramp = np.zeros((fade, 1), np.float32)
        self._fade_frames = fade
        self._fade_left = 0
        self._gain, self._target, self._gain_left = 0.0, 0.0, 0

    @property
    def ring(self) -> Ring | None:
        """The ring that is played."""
        return self._ring

    @property
    def quiet(self) -> bool:
        """Whether a pause has become silence."""
        return not self.playing and not self._gain_left and self._gain == 0

    def render(self, out: Samples, late: bool = False) -> None:
        """Fill ``[N, 2]``. ``late`` says that the device had nothing to play before."""
        if late:
            self.device_underruns += 1
        if self.preroll_frames > 0:
            self.preroll_frames -= len(out)
            out.fill(0)
            return
        self._take_offered()
        self._aim()
        count = len(out) if self.playing else min(len(out), self._gain_left)
        out[count:] = 0
        got = self._mix(out[:count]) if count else 0
        self._scale(out[:count])
        self.silent_frames = 0 if got == len(out) else self.silent_frames + len(out) - got

    def _take_offered(self) -> None:
        """Change to the ring that was offered; to another version of the same music at the very frame, once it has come."""
        new, old = self.offered, self._ring
        if new is None or new is old or self._fade_left:
            return
        if old is not None and old.epoch == new.epoch:
            behind = old.index - new.index
            if new.readable() <= behind and not new.finished:
                return
            new.skip(min(max(behind, 0), new.readable()))
        silent = self._gain == 0 or self._dry or old is None or not old.readable()
        self._fade_left = 0 if silent and new.clean else self._fade_frames
        self._old = None if silent else old
        self._ring = new
        self._dry = not new.readable()
        self.switches += 1

    def _aim(self) -> None:
        """Turn what others have set into a ramp of the gain. The first sample of the audio itself comes at full level."""
        target = self.level if self.playing else 0.0
        if target == self._target:
            return
        ring = self._ring
        self._target = target
        if self._gain == 0 and ring is not None and ring.clean and ring.index == ring.origin:
            self._gain, self._gain_left = target, 0
        else:
            self._gain_left = self._fade_frames

    def _mix(self, out: Samples) -> int:
        """Fill ``out`` from the ring, and during a change from both; return the number of frames that are music."""
        got = self._read(out)
        fading = min(self._fade_left, len(out))
        if fading:
            at = self._fade_frames - self._fade_left
            np.multiply(out[:fading], self._rise[at : at + fading], out=out[:fading])
            if self._old is not None:
                old = self._old_samples[:fading]
                old[self._old.read(old) :] = 0
                np.multiply(old, self._fall[at : at + fading], out=old)
                np.add(out[:fading], old, out=out[:fading])
            self._fade_left -= fading
            if not self._fade_left:
                self._old = None
        return got

    def _read(self, out: Samples) -> int:
        ring = self._ring
        if ring is None:
            out.fill(0)
            return 0
        finished = ring.finished  # read first: what is in the ring now is then all of it
        begun = ring.index > ring.origin
        if self._dry and ring.readable() < self._resume_frames and not finished:
            out.fill(0)
            self.missing_frames += len(out) if begun else 0
            return 0
        self._dry = False
        got = ring.read(out)
        out[got:] = 0
        if got < len(out) and not finished:
            self._dry = True
            self.underruns += 1
            self.missing_frames += len(out) - got
        return got

    def _scale(self, out: Samples) -> None:
        """Apply the gain; a gain of 1 leaves every bit."""
        left = min(self._gain_left, len(out))
        if left:
            step = (self._target - self._gain) / self._gain_left
            np.multiply(self._steps[:left], np.float32(step), out=self._ramp[:left])
            np.add(self._ramp[:left], np.float32(self._gain), out=self._ramp[:left])
            np.multiply(out[:left], self._ramp[:left], out=out[:left])
            self._gain += step * left
            self._gain_left -= left
            if not self._gain_left:
                self._gain = self._target
        if self._gain != 1.0:
            np.multiply(out[left:], np.float32(self._gain), out=out[left:])
