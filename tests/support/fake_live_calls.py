"""The calls that the simulated Live answers, each with its arguments, and which calls the package's client knows at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.fake_live import FakeLive


class CallError(Exception):
    """Live does not do what a call asks; the text is Live's."""


#: What each kind of object also is.
KINDS = {
    "AudioTrack": "Track",
    "MidiTrack": "Track",
    "AudioClip": "Clip",
    "MidiClip": "Clip",
    "DrumRackDevice": "RackDevice",
}
_SPEC = find_spec("ableton_extensions")
assert _SPEC is not None
assert _SPEC.origin is not None
_SOURCE = "\n".join((Path(_SPEC.origin).parent / name).read_text("utf-8") for name in ("model.py", "framework.py"))
#: Every call in the package's client.
KNOWN = frozenset(re.findall(r'"((?:dataModel|resources|ui|environment|commands)\.\w+)"', _SOURCE))
#: The arguments of a new audio clip, as the package writes them.
_CLIP_KEYS = frozenset(
    re.findall(r"(\w+)=", "".join(re.findall(r"_audio_clip_args\((filePath=.*?)\)", _SOURCE, re.DOTALL)))
)

Call = Callable[["FakeLive", list[Any]], Any]
CALLS: dict[str, Call] = {}
#: Calls that change the Set: each is an undo step.
CREATORS: set[str] = set()

_TYPES = {"text": str, "beat": (int, float), "flag": bool, "settings": dict}


def handle(number: int) -> dict[str, Any]:
    """The wire form of an object."""
    return {"id": {"$b": str(number)}}


def number_of(argument: Any) -> int | None:
    """The number of an object in wire form; ``None`` for anything else."""
    if isinstance(argument, dict) and set(argument) == {"id"}:
        return int(argument["id"]["$b"])
    return None


def _check(live: FakeLive, method: str, wanted: tuple[str, ...], arguments: list[Any]) -> list[Any]:
    """Return the arguments with the numbers of objects; raise `CallError` for others than ``wanted``."""
    if len(arguments) != len(wanted):
        raise CallError(f"{method}: {len(arguments)} arguments, expected {len(wanted)}")
    values = []
    for kind, argument in zip(wanted, arguments, strict=True):
        if kind in _TYPES:
            if not isinstance(argument, _TYPES[kind]) or (kind == "beat" and isinstance(argument, bool)):
                raise CallError(f"{method}: argument {argument!r} must be {kind}")
            values.append(argument)
            continue
        number = number_of(argument)
        found = live.objects.get(number)["kind"] if number in live.objects else None  # type: ignore[index]
        if found is None or (kind not in ("any", found, KINDS.get(found))):
            raise CallError("Invalid object reference")
        values.append(number)
    return values


def call(name: str, *wanted: str, changes: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare what a call does, and its arguments: kinds of objects, or ``text``, ``beat``, ``flag``, ``settings``."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        CALLS[name] = lambda live, arguments: function(live, *_check(live, name, wanted, arguments))
        if changes:
            CREATORS.add(name)
        return function

    return declare


def _handle(number: int | None) -> Any:
    return None if number is None else handle(number)


def _get(name: str, kind: str, value: Callable[[FakeLive, dict[str, Any]], Any]) -> None:
    call(f"dataModel.{name}", kind)(lambda live, number: value(live, live.objects[number]))


def _set(name: str, kind: str, key: str, type_: str) -> None:
    def change(live: FakeLive, number: int, value: Any) -> None:
        live.objects[number][key] = value

    call(f"dataModel.{name}", kind, type_, changes=True)(change)


call("dataModel.getRoot")(lambda live: _handle(live.root))
_get("rootGetSong", "Application", lambda live, _: _handle(live.song))
_get("getObjectCanonicalParent", "any", lambda _, found: _handle(found["parent"]))
_get("songGetTracks", "Song", lambda _, song: [_handle(number) for number in song["tracks"]])
_get("songGetTempo", "Song", lambda live, _: live.tempos[0][1])
_get("songGetRootNote", "Song", lambda live, _: {"$b": str(live.scale[0])})
_get("songGetScaleName", "Song", lambda live, _: live.scale[1])
_get("songGetScaleMode", "Song", lambda live, _: live.scale[2])
_get("trackGetName", "Track", lambda _, track: track["name"])
_get("trackGetMute", "Track", lambda _, track: track["mute"])
_get("trackGetTakeLanes", "Track", lambda _, track: [_handle(number) for number in track["lanes"]])
_get("trackGetArrangementClips", "Track", lambda _, track: [_handle(number) for number in track["clips"]])
_get("takelaneGetName", "TakeLane", lambda _, lane: lane["name"])
_get("takelaneGetClips", "TakeLane", lambda _, lane: [_handle(number) for number in lane["clips"]])
_get("clipGetName", "Clip", lambda _, clip: clip["name"])
_get("clipGetStartTime", "Clip", lambda _, clip: clip["start"])
_get("clipGetEndTime", "Clip", lambda live, clip: live.end_of(clip))
_get("clipGetStartMarker", "Clip", lambda _, clip: clip.get("start_marker", 0.0))
_get("clipGetMuted", "Clip", lambda _, clip: clip.get("muted", False))
_get("clipGetLooping", "Clip", lambda _, clip: "loop" in clip)
_get("clipGetLoopStart", "Clip", lambda _, clip: clip["loop"][0])
_get("clipGetLoopEnd", "Clip", lambda _, clip: clip["loop"][1])
_get("midiclipGetNotes", "MidiClip", lambda _, clip: clip["notes"])
_get("trackGetDevices", "Track", lambda _, track: [_handle(number) for number in track.get("devices", ())])
_get("audioclipGetFilePath", "AudioClip", lambda _, clip: clip["file"])
_get("audioclipGetWarping", "AudioClip", lambda _, clip: clip["warped"])
_set("trackSetName", "Track", "name", "text")
_set("trackSetMute", "Track", "mute", "flag")
_set("takelaneSetName", "TakeLane", "name", "text")


@call("dataModel.getObjectIsOfClass", "any", "text")
def _is_of_class(live: FakeLive, number: int, name: str) -> bool:
    kind = live.objects[number]["kind"]
    return name in (kind, KINDS.get(kind))


@call("dataModel.songCreateAudioTrack", "Song", changes=True)
def _create_track(live: FakeLive, song: int) -> Any:
    assert song == live.song
    return _handle(live.add_track(f"{len(live.objects[song]['tracks']) + 1}-Audio"))


@call("dataModel.trackCreateTakeLane", "Track", changes=True)
def _create_lane(live: FakeLive, track: int) -> Any:
    lane = live.add("TakeLane", track, name="Take Lane", clips=[])
    live.objects[track]["lanes"].append(lane)
    return _handle(lane)


def _create_clip(live: FakeLive, place: int, settings: dict[str, Any]) -> Any:
    unknown = set(settings) - _CLIP_KEYS
    if unknown or any(value is None for value in settings.values()) or not {"filePath", "startTime"} <= set(settings):
        raise CallError(f"Failed to create clip: arguments {settings}")
    if not isinstance(settings["startTime"], (int, float)) or settings["startTime"] < 0:
        raise CallError("startTime is out of range")
    return live.create_clip(place, settings)


call("dataModel.trackCreateAudioClip", "AudioTrack", "settings", changes=True)(_create_clip)
call("dataModel.takelaneCreateAudioClip", "TakeLane", "settings", changes=True)(_create_clip)


@call("resources.renderPreFxAudio", "Track", "settings")
def _render(live: FakeLive, track: int, settings: dict[str, Any]) -> str:
    if set(settings) != {"startTime", "endTime"} or not 0 <= settings["startTime"] < settings["endTime"]:
        raise CallError(f"invalid range {settings}")
    return live.render(track, settings["startTime"], settings["endTime"])


call("resources.importIntoProject", "text")(lambda live, path: live.take_in(path))
assert set(CALLS) <= KNOWN, set(CALLS) - KNOWN
