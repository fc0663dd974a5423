"""Memory locations: those that ask for a task, and those that AceBridge makes.

Their times are texts in the format of Pro Tools' main counter. So a location is recalled to read its range in samples, and the
counter shows samples while one is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.run import OFFERED, Order, Outcome
from acebridge.hosts.protools.schema import name_of
from acebridge.hosts.protools.session import Span, read_locations, read_span, select_span
from acestep_runtime.errors import printable
from acestep_runtime.tasks import TASKS
from acestep_runtime.values import TRACKS

#: What names begin with: of memory locations that ask for a task, whose task has failed, and has found something.
ASKS, FAILED, FOUND = "AceBridge:", "AceBridge failed:", "AceBridge found:"
_FACTS = ("bpm", "keyscale", "timesignature")
_MAX_NAME, _MAX_COMMENT = 120, 250


@dataclass(frozen=True)
class Wish:
    """A memory location that asks for a task: its number, and the words after ``AceBridge:``."""

    number: int
    words: str


def read_wishes(pro: ProTools) -> list[Wish]:
    """Return the memory locations that ask for a task, by their numbers."""
    locations = sorted(read_locations(pro), key=lambda each: int(each.number))
    return [
        Wish(each.number, each.name[len(ASKS) :].strip())
        for each in locations
        if each.name.casefold().startswith(ASKS.casefold())
    ]


def recall(pro: ProTools, wish: Wish) -> None:
    """Select the range of a memory location; one that is a point leaves a range that is selected as it is."""
    before = read_span(pro)
    pro.ask("SelectMemoryLocation", {"number": wish.number})
    if before and not read_span(pro) and _needs_range(wish.words):
        select_span(pro, before)


def _needs_range(words: str) -> bool:
    return words.split(maxsplit=1)[:1] != ["generate"]


def order_of(words: str) -> Order:
    """Return what the words of a memory location ask for: ``TASK``, names of tracks where the task has some, a caption.

    Raises `JobFailed` for a task that is not offered.
    """
    name, _, rest = words.partition(" ")
    task = OFFERED.get(name.casefold())
    if task is None:
        raise JobFailed(
            ErrorReason.INVALID_VALUE,
            f"{printable(name) or 'Nothing'} is no task for Pro Tools.",
            remedy=f"Name the memory location `{ASKS} TASK` with one of {', '.join(OFFERED)}.",
        )
    fields: dict[str, Any] = {}
    if TASKS[task].has("tracks"):
        tracks, rest = _leading_tracks(rest)
        fields |= {"tracks": tracks} if tracks else {}
    if rest.strip() and TASKS[task].has("music"):
        fields["music"] = {"caption": rest.strip()}
    return Order(task, fields)


def _leading_tracks(text: str) -> tuple[list[str], str]:
    """Return the names of tracks that a text begins with, and the rest."""
    tracks: list[str] = []
    while match := re.match(r"\s*([\w]+)[,:]?(?=\s|$)", text):
        if match[1].casefold() not in TRACKS:
            break
        tracks.append(match[1].casefold())
        text = text[match.end() :]
    return tracks, text


def finish(pro: ProTools, wish: Wish, outcome: Outcome) -> None:
    """Remove a memory location whose task is done; one whose task makes no audio stays, and says what was found."""
    if outcome.clips:
        pro.ask("ClearMemoryLocation", {"location_list": [wish.number]})
        return
    metadata = outcome.result["parts"][0]["takes"][0]["metadata"]
    facts = [f"{name}: {metadata[name]}" for name in _FACTS if metadata.get(name) not in (None, "")]
    _edit(pro, wish, f"{FOUND} {wish.words}", "; ".join(facts) or "Neither tempo nor key is clear.")


def fail(pro: ProTools, wish: Wish, error: Exception) -> None:
    """Say in a memory location why its task has failed: it does not ask for it any more."""
    _edit(pro, wish, f"{FAILED} {wish.words}", str(error))


def _edit(pro: ProTools, wish: Wish, name: str, comments: str) -> None:
    """Change the name and the comment of a memory location, and leave all else as it is."""
    (found,) = (each for each in read_locations(pro) if each.number == wish.number)
    pro.ask(
        "EditMemoryLocation",
        {
            "number": wish.number,
            "name": name[:_MAX_NAME],
            "start_time": found.start_time,
            "end_time": found.end_time,
            "time_properties": name_of("TimeProperties", found.time_properties),
            "reference": name_of("MemoryLocationReference", found.reference),
            "comments": comments[:_MAX_COMMENT],
            "color_index": found.color_index,
            "location": name_of("MarkerLocation", found.location),
            "track_name": found.track_name,
        },
    )


def mark(pro: ProTools, name: str, span: Span, comment: str = "") -> None:
    """Make a memory location of a range."""
    before = name_of("TimelineLocationType", pro.ask("GetMainCounterFormat").current_type)
    pro.ask("SetMainCounterFormat", {"location_type": "TLType_Samples"})
    try:
        pro.ask(
            "CreateMemoryLocation",
            {
                "name": name[:_MAX_NAME],
                "start_time": str(span.start),
                "end_time": str(span.stop),
                "time_properties": "TProperties_Selection",
                "reference": "MLReference_Absolute",
                "location": "MarkerLocation_MainRuler",
                "comments": comment[:_MAX_COMMENT],
            },
        )
    finally:
        pro.ask("SetMainCounterFormat", {"location_type": before})
