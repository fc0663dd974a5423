"""The session that is open in Pro Tools: its rate, its tracks, and what is selected. All times are samples from its start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acebridge.errors import ErrorReason, JobFailed
from acebridge.hosts.protools.connection import ProTools
from acebridge.hosts.protools.schema import number_of

_SAMPLES = "TLType_Samples"
_PAGE = 1000
#: Tracks that a bounce renders.
_SOUNDING = frozenset(
    number_of("TrackType", f"TType_{name}") for name in ("Audio", "Aux", "Instrument", "Master", "RoutingFolder")
)
_STATES = ("TAState_SetExplicitly", "TAState_SetExplicitlyAndImplicitly")
_SELECTED = frozenset(number_of("TrackAttributeState", state) for state in _STATES)
_MONO = number_of("TrackFormat", "TFormat_Mono")


@dataclass(frozen=True)
class Session:
    """A session: its file, and its sample rate."""

    file: Path
    name: str
    rate_hz: int

    @property
    def media(self) -> Path:
        """The folder for AceBridge's audio, beside that of the session's own."""
        return self.file.parent / "AceBridge"


@dataclass(frozen=True)
class Span:
    """A range on the time line, in samples; empty at a cursor."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Track:
    """A track; ``sounds`` where it can be bounced."""

    id: str
    name: str
    channels: int
    sounds: bool
    selected: bool
    edited: bool


def read_session(pro: ProTools) -> Session:
    """Return the session that is open. Raises `CommandRefusal` where none is."""
    name = pro.ask("GetSessionName").session_name
    file = pro.ask("GetSessionPath").session_path.path
    if not name or not file:
        raise no_session()
    return Session(Path(file), name, int(pro.ask("GetSessionSampleRate").sample_rate))


def no_session() -> JobFailed:
    """Return the error for a Pro Tools without a session."""
    return JobFailed(ErrorReason.CONFLICT, "No session is open in Pro Tools.", remedy="Open one, then run it again.")


def read_span(pro: ProTools) -> Span:
    """Return what is selected on the time line."""
    answer = pro.ask("GetTimelineSelection", {"location_type": _SAMPLES})
    try:
        start, stop = sorted((int(answer.in_time), int(answer.out_time or answer.in_time)))
    except ValueError:
        raise JobFailed(
            ErrorReason.INTERNAL,
            f"Pro Tools tells its selection as {answer.in_time!r}, not in samples.",
            remedy="Please report it, with the version of Pro Tools.",
        ) from None
    return Span(start, stop)


def select_span(pro: ProTools, span: Span) -> None:
    """Select a range on the time line."""
    times = {"play_start_marker_time": span.start, "in_time": span.start, "out_time": span.stop}
    body = {name: str(time) for name, time in times.items()}
    pro.ask("SetTimelineSelection", {**body, "location_type": _SAMPLES})


@contextmanager
def select_meanwhile(pro: ProTools, span: Span) -> Iterator[None]:
    """Select another range meanwhile."""
    before = read_span(pro)
    if span == before:
        yield
        return
    select_span(pro, span)
    try:
        yield
    finally:
        select_span(pro, before)


def read_tracks(pro: ProTools) -> list[Track]:
    """Return all tracks, in their order."""
    return [
        _track(each)
        for each in _pages(pro, "GetTrackList", "track_list", track_filter_list=[{"filter": "TLFilter_All"}])
    ]


def read_locations(pro: ProTools) -> list[Any]:
    """Return all memory locations: messages with ``number``, ``name``, ``comments`` and so on."""
    return list(_pages(pro, "GetMemoryLocations", "memory_locations"))


def _pages(pro: ProTools, command: str, field: str, **body: Any) -> Iterator[Any]:
    offset = 0
    while True:
        answer = pro.ask(command, {**body, "pagination_request": {"limit": _PAGE, "offset": offset}})
        found = getattr(answer, field)
        yield from found
        offset += len(found)
        if len(found) < _PAGE:
            return


def _track(message: Any) -> Track:
    attributes = message.track_attributes
    return Track(
        id=message.id,
        name=message.name,
        channels=1 if message.format == _MONO else 2,
        sounds=message.type in _SOUNDING,
        selected=attributes.is_selected in _SELECTED,
        edited=attributes.has_edit_selection in _SELECTED,
    )


def working_tracks(tracks: list[Track]) -> list[Track]:
    """Return the tracks to work on: those that are selected, else those with an edit selection.

    Raises `JobFailed` where none of them makes sound.
    """
    chosen = [each for each in tracks if each.selected] or [each for each in tracks if each.edited]
    sounding = [each for each in chosen if each.sounds]
    if sounding:
        return sounding
    what = "No track is selected in Pro Tools." if not chosen else f"The track {chosen[0].name} makes no sound."
    remedy = "Select an audio, instrument, aux or master track, then run it again."
    raise JobFailed(ErrorReason.INVALID_VALUE, what, remedy=remedy)
