"""Beats of the arrangement and frames of what Live rendered of it.

Live's API counts in beats and tells one tempo, that of the moment; it shows no automation of the tempo. So the length of a
render says whether the tempo stays the same in it. Where it does not, positions are measured instead of computed: the render
from the start to a position is as long as that position is late.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acestep_runtime.units import seconds_to_frames

#: How far a render may be from its computed length: Live may round both ends.
TOLERANCE_FRAMES = 2


def beats_to_seconds(beats: float, bpm: float) -> float:
    """Return how long ``beats`` take at a constant tempo."""
    return beats * 60.0 / bpm


def seconds_to_beats(seconds: float, bpm: float) -> float:
    """Return how many beats pass in ``seconds`` at a constant tempo."""
    return seconds * bpm / 60.0


@dataclass(frozen=True)
class Clock:
    """Where frames of a render lie in the arrangement.

    ``anchors`` are (frame, beat), rising, at least the first frame and the end. ``bpm`` is the tempo where it stays the same,
    else ``None``.
    """

    rate_hz: int
    anchors: tuple[tuple[int, float], ...]
    bpm: float | None

    @property
    def frames(self) -> int:
        """The length of the render."""
        return self.anchors[-1][0]

    def frame_at(self, beat: float) -> int:
        """Return the frame of an anchor's beat. Raises ``KeyError`` for any other beat."""
        return {there: frame for frame, there in self.anchors}[beat]

    def beat_at(self, frame: int) -> float:
        """Return the beat of a frame, also of one before or behind the render; that of an anchor exactly."""
        frames = [anchor for anchor, _ in self.anchors]
        if frame in frames:
            return self.anchors[frames.index(frame)][1]
        if self.bpm is not None:
            return self.anchors[0][1] + seconds_to_beats(frame / self.rate_hz, self.bpm)
        last = min(max(bisect_right(frames, frame), 1), len(frames) - 1)
        (before, first), (behind, second) = self.anchors[last - 1], self.anchors[last]
        return first + (second - first) * (frame - before) / (behind - before)


def read_clock(
    start: float,
    end: float,
    marks: Sequence[float],
    *,
    bpm: float,
    frames: int,
    rate_hz: int,
    measure: Callable[[float], int],
) -> Clock:
    """Return the clock of a render from beat ``start`` to ``end`` that is ``frames`` long at ``rate_hz``.

    ``marks`` are beats in between whose frames are wanted. ``measure`` returns the length in frames of a render from
    ``start`` to a beat; it is asked only where the tempo ``bpm`` does not explain the length.
    """
    computed = seconds_to_frames(beats_to_seconds(end - start, bpm), rate_hz)
    steady = abs(computed - frames) <= TOLERANCE_FRAMES
    known = {start: 0, end: frames}
    for beat in marks:
        if beat not in known:
            at = seconds_to_frames(beats_to_seconds(beat - start, bpm), rate_hz) if steady else measure(beat)
            known[beat] = min(max(at, 0), frames)
    anchors = sorted((frame, beat) for beat, frame in known.items())
    return Clock(rate_hz, tuple(anchors), bpm if steady else None)
