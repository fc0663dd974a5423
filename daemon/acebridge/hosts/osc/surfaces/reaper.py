"""REAPER: transport, loop, tempo and tracks come from its OSC surface; the time selection and the item from an action of ours.

The addresses are those of ``reaper_scripts/AceBridge.ReaperOSC``, which are also those of the pattern file that REAPER brings.
REAPER sends the loop only, in float32, and knows no message for the time selection or for items. While the action "AceBridge:
Follow over OSC" runs, it keeps all of that, exact, in the file `STATE_FILE` of REAPER's resource folder, and that file decides.
Without it, the loop is a range of a source that the user sets.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from acebridge.errors import AceBridgeError, NotFound
from acebridge.hosts.osc.messages import Argument, encode
from acebridge.hosts.osc.surfaces.timeline import Clip, Timeline

if TYPE_CHECKING:
    from acestep_runtime.values import Json

T = TypeVar("T")

#: Where REAPER's surface listens, and where it sends to, as its dialog suggests.
DAW_PORT, LISTEN_PORT = 8000, 9000
#: In REAPER's resource folder; ``reaper_scripts/lib/follow.lua`` writes it.
STATE_FILE = Path("AceBridge", "follow.json")
VERSION = 1
#: The action writes the file again before this many seconds have passed; an older file is of an action that has ended.
_STALE_S = 15.0
#: REAPER's action "Control surface: refresh all surfaces": it sends the state of everything again.
_REFRESH = 41743
_TRACK = re.compile(r"/track/([1-9][0-9]*)/(name|select)")
_START = 'Run the action "AceBridge_Follow over OSC" in REAPER.'


@dataclass(frozen=True)
class ReaperTimeline(Timeline):
    """What is known of REAPER: also the loop and the tracks that OSC reports, our actions with their command ids, and when the
    action's file was read."""

    loop_s: tuple[float, float] = (0.0, 0.0)
    names: Mapping[int, str] = field(default_factory=dict)
    selected: frozenset[int] = frozenset()
    actions: Mapping[str, str] = field(default_factory=dict)
    file_time_ns: int = 0


def hello() -> list[bytes]:
    """Return what asks REAPER to send everything."""
    return [encode("/action", "i", _REFRESH)]


def read(timeline: Timeline, address: str, arguments: Sequence[Argument]) -> ReaperTimeline:
    """Return what is known after a message of REAPER."""
    state = timeline if isinstance(timeline, ReaperTimeline) else ReaperTimeline()
    value = arguments[0] if arguments else None
    track = _TRACK.fullmatch(address)
    if track:
        return _read_track(state, int(track[1]), track[2], value)
    reader = _READERS.get(address)
    if reader is None or isinstance(value, (str, bytes)) or value is None:
        return state
    return reader(state, float(value))


def _read_track(state: ReaperTimeline, number: int, what: str, value: Argument) -> ReaperTimeline:
    if what == "name":
        state = replace(state, names={**state.names, number: str(value)})
    elif value:
        state = replace(state, selected=state.selected | {number})
    else:
        state = replace(state, selected=state.selected - {number})
    if state.is_clip_known:
        return state
    return replace(state, track=state.names.get(min(state.selected), "") if state.selected else "")


def _read_loop(state: ReaperTimeline, start_s: float, end_s: float) -> ReaperTimeline:
    state = replace(state, loop_s=(start_s, end_s))
    if state.is_clip_known:
        return state
    return replace(state, range_s=(start_s, end_s) if end_s > start_s else None)


def _read_tempo(state: ReaperTimeline, bpm: float) -> ReaperTimeline:
    return state if state.is_clip_known else replace(state, bpm=bpm)


_READERS: dict[str, Callable[[ReaperTimeline, float], ReaperTimeline]] = {
    "/loop/start/time": lambda state, value: _read_loop(state, value, state.loop_s[1]),
    "/loop/end/time": lambda state, value: _read_loop(state, state.loop_s[0], value),
    "/tempo/raw": _read_tempo,
    "/play": lambda state, value: replace(state, is_playing=bool(value)),
    "/time": lambda state, value: replace(state, position_s=value),
}


# The file of the action


def poll(timeline: Timeline, resources: Path, now_s: float | None = None) -> ReaperTimeline:
    """Return what is known after a look at the action's file: the same object when nothing has changed."""
    state = timeline if isinstance(timeline, ReaperTimeline) else ReaperTimeline()
    path = resources / STATE_FILE
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError:
        return _without_file(state)
    if (time.time() if now_s is None else now_s) - changed_ns / 1e9 > _STALE_S:
        return _without_file(state)
    if changed_ns == state.file_time_ns:
        return state
    return replace(read_file(state, load(path)), file_time_ns=changed_ns)


def _without_file(state: ReaperTimeline) -> ReaperTimeline:
    """Return what OSC alone has told."""
    if not state.is_clip_known:
        return state
    state = replace(
        state, is_clip_known=False, clip=None, problem="", output=None, timesignature=None, actions={}, file_time_ns=0
    )
    return _read_loop(state, *state.loop_s)


def load(path: Path) -> Mapping[str, Json]:
    """Return what the action wrote. Raises `NotFound` where it has written nothing, `AceBridgeError` for another version."""
    try:
        document: Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NotFound(f"{path} cannot be read: {error}.", remedy=_START) from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise AceBridgeError(
            f"{path} is of another version than {VERSION}.",
            remedy="Update the scripts in REAPER and acebridge to the same version.",
        )
    return document


def read_file(state: ReaperTimeline, document: Mapping[str, Json]) -> ReaperTimeline:
    """Return what is known after the action has written its file."""
    clip = document.get("clip")
    where = document.get("range")
    folder, actions = _value(document, "folder", str), document.get("actions")
    beats = _number(document, "timesignature")
    return replace(
        state,
        is_clip_known=True,
        range_s=(_second(where, "start_s"), _second(where, "end_s")) if isinstance(where, dict) else None,
        clip=_read_clip(clip) if isinstance(clip, dict) else None,
        problem=_value(document, "problem", str) or "",
        bpm=_number(document, "bpm"),
        timesignature=None if beats is None else int(beats),
        track=_value(document, "track", str) or "",
        output=Path(folder) if folder else None,
        actions={name: str(each) for name, each in actions.items()} if isinstance(actions, dict) else {},
    )


def _read_clip(values: Mapping[str, Json]) -> Clip:
    return Clip(
        Path(_value(values, "file", str) or ""),
        _second(values, "position_s"),
        _second(values, "offset_s"),
        _second(values, "length_s"),
    )


def _value(values: Mapping[str, Json], name: str, kind: type[T]) -> T | None:
    value = values.get(name)
    return value if isinstance(value, kind) else None


def _number(values: Mapping[str, Json], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _second(values: Mapping[str, Json], name: str) -> float:
    return _number(values, name) or 0.0


def action(timeline: Timeline, name: str) -> bytes:
    """Return what starts an action of ours, such as "Repaint time selection (no dialog)", by its command id.

    Raises `NotFound` for one that REAPER does not have.
    """
    ids = timeline.actions if isinstance(timeline, ReaperTimeline) else {}
    if name not in ids:
        names = ", ".join(sorted(ids))
        remedy = f"These it has: {names}." if names else _START
        raise NotFound(f"REAPER has no action AceBridge: {name}.", remedy=remedy)
    return encode("/action/str", "s", ids[name])
