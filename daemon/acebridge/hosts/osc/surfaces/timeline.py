"""What a DAW has selected, and the session that follows from it. Times are seconds; no sockets here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from acestep_runtime.limits import field_limits
from acestep_runtime.values import TRACKS, Music

if TYPE_CHECKING:
    from pathlib import Path

#: Fields of the session that a DAW fills, each with its value; ``None`` clears a field.
Fields: TypeAlias = "dict[str, str | float | int | None]"


@dataclass(frozen=True)
class Clip:
    """What plays a file on the timeline: a region of Ardour, an item of REAPER.

    ``position_s`` is where it lies on the timeline, ``offset_s`` where it begins in the file.
    """

    file: Path
    position_s: float
    offset_s: float
    length_s: float

    def overlap(self, start_s: float, end_s: float) -> tuple[float, float] | None:
        """Return the part of a range that the clip plays, in seconds of its file; ``None`` where it plays nothing."""
        first = max(start_s, self.position_s)
        last = min(end_s, self.position_s + self.length_s)
        if last <= first:
            return None
        return first - self.position_s + self.offset_s, last - self.position_s + self.offset_s


@dataclass(frozen=True)
class Timeline:
    """What is known of a DAW. ``None`` and empty text are unknown.

    ``range_s`` is the time selection or the loop. ``is_clip_known`` says that the DAW reports clips: then no clip means that
    there is nothing to start from, for the reason ``problem``. Otherwise the source is left to the user, and the range counts
    in seconds of that file.
    """

    range_s: tuple[float, float] | None = None
    clip: Clip | None = None
    is_clip_known: bool = False
    problem: str = ""
    bpm: float | None = None
    timesignature: int | None = None
    track: str = ""
    output: Path | None = None
    is_playing: bool = False
    position_s: float | None = None


def session_fields(timeline: Timeline) -> Fields:
    """Return the fields of the session that a DAW decides. What it does not decide is missing."""
    fields: Fields = {}
    start = end = None
    if timeline.range_s is not None:
        inside = timeline.range_s if timeline.clip is None else timeline.clip.overlap(*timeline.range_s)
        start, end = inside or (None, None)
    if timeline.is_clip_known:
        fields["source"] = None if timeline.clip is None else str(timeline.clip.file)
        if timeline.clip is None or (timeline.range_s is not None and start is None):
            # Nothing may be changed that is not in the range: without a source, no task runs.
            fields["source"] = start = end = None
    fields["start"], fields["end"] = start, end
    if timeline.bpm is not None:
        fields["bpm"] = _if_allowed("bpm", timeline.bpm)
    if timeline.timesignature is not None:
        fields["timesignature"] = _if_allowed("timesignature", timeline.timesignature)
    name = timeline.track.strip().lower().replace(" ", "_")
    if name in TRACKS:
        fields["tracks"] = name
    if timeline.output is not None:
        fields["output"] = str(timeline.output)
    return fields


def describe(timeline: Timeline) -> str:
    """Return what would be changed, in a line."""
    fields = session_fields(timeline)
    if timeline.problem:
        return timeline.problem
    if fields["start"] is None:
        return "No time selection and no loop that a clip of the selected track plays."
    where = f"{fields['start']:.3f} s to {fields['end']:.3f} s"
    clip = timeline.clip.file.name if timeline.clip is not None else "the source of the session"
    tempo = f", {timeline.bpm:g} bpm" if timeline.bpm is not None else ""
    track = f" on {timeline.track}" if timeline.track else ""
    return f"{where} of {clip}{track}{tempo}"


def beats_per_minute(quarters_per_minute: float, unit: int) -> float:
    """Return a tempo in the beats of the meter: DAWs count quarter notes."""
    return quarters_per_minute * unit / 4


def _if_allowed(name: str, value: float) -> float | None:
    limits = field_limits(Music, name)
    return value if limits is None or limits.allow(value) else None
