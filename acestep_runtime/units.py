"""Time and level conversions, named ``x_to_y``, and times as people write them. Nothing else belongs here.

A *frame* is one sample per channel. Lengths are exact everywhere in AceBridge: n seconds at rate r is round(n·r) frames.
"""

from __future__ import annotations

import math
import re

from acestep_runtime.errors import InvalidValue

#: Rate of all audio between tasks and engines.
ENGINE_RATE_HZ = 48_000

#: Sentinel of the guide and the command line: "until the end of the source".
END = -1.0

_SIGN = r"(?P<sign>[+-]?)\s*"
_CLOCK = re.compile(rf"{_SIGN}(?:(?P<h>\d{{1,4}}):(?=\d\d?:))?(?P<m>\d{{1,5}}):(?P<s>[0-5]?\d)(?:[.,](?P<f>\d+))?")
_WITH_UNITS = re.compile(
    rf"{_SIGN}(?:(?P<h>\d{{1,4}})\s*h)?\s*(?:(?P<m>\d{{1,5}})\s*m(?:in)?)?\s*"
    r"(?:(?P<s>\d{1,7})(?:\.(?P<f>\d+))?\s*s(?:ec)?)?",
    re.IGNORECASE,
)
#: How times may be written, for messages.
TIME_FORMS = "seconds such as 90.5 or 90s, minutes and seconds such as 1:30.5, or hours such as 1:02:03"


def text_to_seconds(text: str, field: str = "time") -> float:
    """Return the seconds of a time as people write it: "90.5", "90s", "1m30s", "1:30.5", "1:02:03", each also with a minus.

    Raises `InvalidValue`, which names ``field``, for anything else, also for infinity.
    """
    written = text.strip()
    try:
        seconds = float(written)
    except ValueError:
        match = _CLOCK.fullmatch(written) or _WITH_UNITS.fullmatch(written)
        seconds = _match_to_seconds(match) if match and any(match.group("h", "m", "s")) else math.nan
    if not math.isfinite(seconds):
        raise InvalidValue(field, text, TIME_FORMS)
    return seconds


def _match_to_seconds(match: re.Match[str]) -> float:
    hours, minutes, seconds = (int(part or 0) for part in match.group("h", "m", "s"))
    if match["h"] and match["m"] and minutes >= 60:
        return math.nan
    length_s = 3600 * hours + 60 * minutes + seconds + float(f"0.{match['f'] or 0}")
    return -length_s if match["sign"] == "-" else length_s


def seconds_to_clock(seconds: float, per_s: int = 1000) -> tuple[int, int, int, int]:
    """Return a time as hours, minutes, seconds and 1/``per_s`` seconds, rounded to these; a negative one becomes zero."""
    parts = max(0, round(seconds * per_s))
    whole = parts // per_s
    return whole // 3600, whole // 60 % 60, whole % 60, parts % per_s


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
