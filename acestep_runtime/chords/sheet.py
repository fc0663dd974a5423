"""What a file of chords says: its chart and the facts beside it."""

from __future__ import annotations

from dataclasses import dataclass

from acestep_runtime.chords.chart import ChordChart
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.values import TIME_SIGNATURES


@dataclass(frozen=True)
class ChordSheet:
    """A chart with what its file says of the song; ``None`` and "" where it says nothing.

    ``keyscale`` is spelled in full, such as "A minor"; ``timesignature`` is beats per bar.
    """

    chart: ChordChart
    title: str = ""
    bpm: float | None = None
    keyscale: str | None = None
    timesignature: int | None = None


def read_meter(text: str, field_name: str) -> int:
    """Return the beats of a bar of a meter such as "3/4" or "6/8". Raises `InvalidValue` for one that is not played."""
    beats = text.partition("/")[0].strip()
    if beats not in map(str, TIME_SIGNATURES):
        allowed = f"a meter of {', '.join(map(str, TIME_SIGNATURES))} beats a bar, such as 3/4"
        message = f"{field_name} has the meter {printable(text, 20)!r}; allowed: {allowed}."
        raise InvalidValue(field_name, text, allowed, message=message)
    return int(beats)
