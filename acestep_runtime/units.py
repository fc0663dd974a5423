"""Time and level conversions, named ``x_to_y``. Nothing else belongs here.

A *frame* is one sample per channel. Lengths are exact everywhere in AceBridge: n seconds at rate r is round(n·r) frames.
"""

from __future__ import annotations

import math

#: Rate of all audio between tasks and engines.
ENGINE_RATE_HZ = 48_000

#: Sentinel of the guide and the command line: "until the end of the source".
END = -1.0


def seconds_to_frames(seconds: float, rate_hz: int) -> int:
    """Return the frame nearest to ``seconds`` at ``rate_hz``; halves round up, so that adjacent spans always meet."""
    return math.floor(seconds * rate_hz + 0.5)


def frames_to_seconds(frames: int, rate_hz: int) -> float:
    """Return the time in seconds of frame number ``frames``."""
    return frames / rate_hz


def frames_to_frames(frames: int, from_hz: int, to_hz: int) -> int:
    """Return the frame number at ``to_hz`` that is nearest in time to frame ``frames`` at ``from_hz``."""
    return (2 * frames * to_hz + from_hz) // (2 * from_hz)


def ms_to_frames(ms: float, rate_hz: int) -> int:
    """Return the number of frames in ``ms`` milliseconds."""
    return seconds_to_frames(ms / 1000.0, rate_hz)


def db_to_gain(db: float) -> float:
    """Return the linear gain of ``db`` decibels."""
    return float(10.0 ** (db / 20.0))


def gain_to_db(gain: float, floor_db: float = -120.0) -> float:
    """Return decibels of a linear gain; silence becomes ``floor_db``."""
    return max(floor_db, 20.0 * math.log10(gain)) if gain > 0 else floor_db
