"""Ardour: transport and position come from its OSC surface; range, tempo and region from ``ardour_scripts/follow.lua``, a hook.

Ardour's surface has no feedback for the loop and the tempo, and none at all for regions and their files. The hook sends all of
it in one message, so that a range never meets the region of another moment:

    session folder, rate, track, kind of the range ("range", "loop" or ""), its start and end in samples,
    quarter notes a minute, beats of a bar, what a beat is, number of regions that may be meant;
    if that is one: its position, its start in its files and its length in samples;
    then the file and the channel of that file, for each channel of the region
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from acebridge.errors import AceBridgeError
from acebridge.hosts.osc.messages import Argument, encode
from acebridge.hosts.osc.surfaces.sources import Channel, source_file, sources_folder
from acebridge.hosts.osc.surfaces.timeline import Clip, Timeline, beats_per_minute
from acestep_runtime.errors import AceStepError

T = TypeVar("T")

#: Where Ardour's surface listens, and where the hook sends to.
DAW_PORT, LISTEN_PORT = 3819, 50712
STATE, FAULT = "/acebridge/ardour/state", "/acebridge/ardour/fault"
#: Bits of the feedback that `/set_surface` asks for: a heartbeat every second, transport, position in samples.
_HEARTBEAT, _TRANSPORT, _SAMPLES = 8, 16, 1024
#: Ardour's own folder for what is exported from a session: results go there.
_EXPORT = "export"


def action(_: Timeline, name: str) -> bytes:
    """Return what starts an action of Ardour, such as "Editor/select-loop-range"."""
    return encode("/access_action", "s", name)


@dataclass(frozen=True)
class ArdourTimeline(Timeline):
    """What is known of Ardour: also its rate, 0 until the hook has sent it, and its position in samples."""

    rate_hz: int = 0
    samples: int | None = None


def hello() -> list[bytes]:
    """Return what asks Ardour to send to the port that this comes from."""
    # bank size, kinds of strips, feedback, gain mode, send and plug-in page sizes
    return [encode("/set_surface", "iiiiii", 0, 0, _HEARTBEAT | _TRANSPORT | _SAMPLES, 0, 0, 0)]


def read(timeline: Timeline, address: str, arguments: Sequence[Argument]) -> ArdourTimeline:
    """Return what is known after a message of Ardour. Raises `AceBridgeError` for one of another version of the hook."""
    state = timeline if isinstance(timeline, ArdourTimeline) else ArdourTimeline()
    reader = _READERS.get(address)
    return state if reader is None else _locate(reader(state, arguments))


def _locate(state: ArdourTimeline) -> ArdourTimeline:
    """Return the same with the position in seconds; the surface may send it before the hook sends the rate."""
    if not state.rate_hz or state.samples is None:
        return state
    return replace(state, position_s=state.samples / state.rate_hz)


class _Arguments:
    """The arguments of a message, taken one by one, each of the type that is due."""

    def __init__(self, values: Sequence[Argument]) -> None:
        self._values = list(values)

    def take(self, kind: type[T]) -> T:
        """Return the next argument."""
        value = self._values.pop(0) if self._values else None
        if not isinstance(value, kind):
            raise AceBridgeError(
                "The hook in Ardour is of another version of AceBridge.",
                remedy="Run `acebridge host install ardour`, then remove the hook in Ardour and add it again.",
            )
        return value

    def __bool__(self) -> bool:
        return bool(self._values)


def _read_state(timeline: ArdourTimeline, arguments: Sequence[Argument]) -> ArdourTimeline:
    values = _Arguments(arguments)
    session, rate_hz, track, kind = values.take(str), values.take(int), values.take(str), values.take(str)
    first, last, quarters = values.take(float), values.take(float), values.take(float)
    beats, unit, count = values.take(int), values.take(int), values.take(int)
    rate_hz = max(rate_hz, 1)
    clip, problem = None, _count_problem(count, track)
    if count == 1:
        try:
            clip = _read_clip(values, rate_hz)
        except (AceStepError, OSError) as error:
            problem = str(error)
    return replace(
        timeline,
        range_s=(first / rate_hz, last / rate_hz) if kind else None,
        clip=clip,
        is_clip_known=True,
        problem=problem,
        bpm=beats_per_minute(quarters, unit),
        timesignature=beats,
        track=track,
        output=Path(session) / _EXPORT,
        rate_hz=rate_hz,
    )


def _count_problem(count: int, track: str) -> str:
    if count == 0:
        where = f"Track {track} has no audio region in the range" if track else "No audio track is selected"
        return f"{where}. Select an audio region, or a track that has one in the range or the loop."
    if count > 1:
        return f"{count} audio regions are selected or in the range. Select one, or join them with Region > Combine."
    return ""


def _read_clip(values: _Arguments, rate_hz: int) -> Clip:
    position, start, length = values.take(float), values.take(float), values.take(float)
    channels = []
    while values:
        file, channel = values.take(str), values.take(int)
        channels.append(Channel(Path(file), channel))
    file_path = source_file(channels, sources_folder())
    return Clip(file_path, position / rate_hz, start / rate_hz, length / rate_hz)


def _read_fault(timeline: ArdourTimeline, arguments: Sequence[Argument]) -> ArdourTimeline:
    reason = _Arguments(arguments).take(str)
    return replace(timeline, clip=None, is_clip_known=True, problem=f"The hook in Ardour met a fault: {reason}")


def _read_play(timeline: ArdourTimeline, arguments: Sequence[Argument]) -> ArdourTimeline:
    return replace(timeline, is_playing=bool(arguments and arguments[0]))


def _read_samples(timeline: ArdourTimeline, arguments: Sequence[Argument]) -> ArdourTimeline:
    """Ardour sends the position as text, as it does not fit a float."""
    text = str(arguments[0]).strip() if arguments else ""
    return replace(timeline, samples=int(text)) if text.lstrip("-").isdecimal() else timeline


_READERS: dict[str, Callable[[ArdourTimeline, Sequence[Argument]], ArdourTimeline]] = {
    STATE: _read_state,
    FAULT: _read_fault,
    "/transport_play": _read_play,
    "/position/samples": _read_samples,
}
