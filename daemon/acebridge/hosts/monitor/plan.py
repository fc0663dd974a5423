"""What is played when: the frame of the time line that belongs to each frame of the player's clock.

    clock      index ─────────────────────────────────────────→
    time line  frame ───→ loop.end │ loop.start ───→ loop.end │ loop.start …

Frames count at the rate of the device; the time line is that of the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Loop(NamedTuple):
    """The frames that are repeated: ``start`` up to, not including, ``end``."""

    start: int
    end: int


@dataclass(frozen=True)
class Plan:
    """``choice`` plays from ``frame`` at ``index`` on."""

    choice: int
    index: int
    frame: int
    loop: Loop | None = None

    def frame_at(self, index: int) -> int:
        """Return the frame of the time line at a time of the clock."""
        frame = self.frame + index - self.index
        if self.loop is None or self.frame >= self.loop.end or frame < self.loop.end:
            return frame
        return self.loop.start + (frame - self.loop.start) % (self.loop.end - self.loop.start)

    def loops_at(self, frame: int) -> bool:
        """Return whether the loop catches a frame: it is not behind the loop's end."""
        return self.loop is not None and frame < self.loop.end
