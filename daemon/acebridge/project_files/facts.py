"""Tempo, meter, sections and markers of an arrangement, from what is known of the music."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from acebridge.colours import SONG
from acebridge.project_files.arrangement import Marker
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import describe_limits, field_limits
from acestep_runtime.units import seconds_to_frames
from acestep_runtime.values import Json, Music

_tempo = field_limits(Music, "bpm")
assert _tempo is not None
#: Tempos that music has.
_TEMPO = _tempo
_UNITS = (1, 2, 4, 8, 16)
_MOST_BEATS = 64
_METER = re.compile("([0-9]{1,2})(?:/([0-9]{1,2}))?")


@dataclass(frozen=True)
class Grid:
    """The tempo in beats per minute, and the meter."""

    bpm: float = 120.0
    beats_per_bar: int = 4
    beat_unit: int = 4

    def __post_init__(self) -> None:
        if not _TEMPO.allow(self.bpm):
            raise InvalidValue("--bpm", self.bpm, describe_limits(_TEMPO))
        if not 1 <= self.beats_per_bar <= _MOST_BEATS or self.beat_unit not in _UNITS:
            units = ", ".join(map(str, _UNITS))
            meter = f"{self.beats_per_bar}/{self.beat_unit}"
            raise InvalidValue("--time-signature", meter, f"1 to {_MOST_BEATS} beats over {units}, such as 6/8")


def read_grid(
    facts: Iterable[Mapping[str, Json]], bpm: float | None = None, meter: str | None = None
) -> tuple[Grid, list[str]]:
    """Return the grid: what is given, else the first tempo and meter in ``facts``, else 120 in 4/4, and sentences on it.

    ``meter`` is written as "3/4" or "3". Raises `InvalidValue` for values that are not allowed.
    """
    known = list(facts)
    tempos = (value for each in known if (value := _number(each.get("bpm"))) and _TEMPO.allow(value))
    found_bpm = next(tempos, None) if bpm is None else bpm
    found = next((value for each in known if (value := _number(each.get("timesignature")))), None)
    beats, unit = (int(found), 4) if found and meter is None else _read_meter("4/4" if meter is None else meter)
    notes = [] if found_bpm is not None else ["The tempo is not known: the project has 120. Give it with --bpm."]
    return Grid(120.0 if found_bpm is None else found_bpm, beats, unit), notes


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def _read_meter(text: str) -> tuple[int, int]:
    match = _METER.fullmatch(text.strip())
    if match is None:
        raise InvalidValue("--time-signature", text, "a meter such as 4/4, 3/4 or 6/8")
    return int(match[1]), int(match[2] or 4)


def section_markers(facts: Mapping[str, Json], rate_hz: int, start: int = 0) -> Iterator[Marker]:
    """Yield a region for each section of music that begins at frame ``start``."""
    sections = facts.get("sections")
    for section in sections if isinstance(sections, list) else []:
        if isinstance(section, Mapping):
            first, last = _number(section.get("start_s")) or 0.0, _number(section.get("end_s"))
            if last is not None and last > first:
                yield Marker(
                    str(section.get("name") or "Section"),
                    start + seconds_to_frames(first, rate_hz),
                    start + seconds_to_frames(last, rate_hz),
                    SONG,
                )
