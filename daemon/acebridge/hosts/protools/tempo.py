"""The tempo and meter at a place of the session: measured on its ruler, for PTSL has no command that says them."""

from __future__ import annotations

from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.faults import CommandRefusal
from acestep_runtime.values import MAX_BPM, MIN_BPM

#: Beats of a bar that are quarters: in six, as in many others, a beat may be an eighth.
_METERS = (2, 3, 4)


def read_music(pro: ProTools, sample: int, rate_hz: int) -> dict[str, float | int]:
    """Return ``bpm`` and ``timesignature`` of the bar at a sample; nothing where the ruler does not say them clearly."""
    try:
        bar = int(_convert(pro, str(sample), "TLType_Samples", "TLType_BarsBeats").split("|")[0])
        first, second, end = (
            int(_convert(pro, place, "TLType_BarsBeats", "TLType_Samples"))
            for place in (f"{bar}|1|000", f"{bar}|2|000", f"{bar + 1}|1|000")
        )
    except (CommandRefusal, ValueError):
        return {}
    beat, whole = second - first, end - first
    if beat <= 0:
        return {}
    beats = round(whole / beat)
    bpm = 60 * rate_hz * beats / whole if whole > 0 else 0.0
    steady = abs(whole - beats * beat) <= beats  # a beat is known to the sample
    if beats not in _METERS or not steady or not MIN_BPM <= bpm <= MAX_BPM:
        return {}
    return {"bpm": round(bpm, 2), "timesignature": beats}


def _convert(pro: ProTools, place: str, known: str, wanted: str) -> str:
    location = {"location": place, "time_type": known}
    return str(pro.ask("GetTimeAsType", {"location": location, "time_type": wanted}).converted_location.location)
