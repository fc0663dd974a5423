"""Checked calls: which functions a version of REAPER has, what their arguments have to be, and which Python plays them.

The list of functions, ``reascript_api.json``, comes from REAPER's public ReaScript API reference. What Lua alone has
(``defer``, ``new_array`` …) is not described there and stands here by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.fake_reaper import extensions
from tests.support.fake_reaper.imgui_context import Context, DrawList, Font
from tests.support.fake_reaper.state import Envelope, Item, Source, Take, Track, playback_of, snapshot

FUNCTIONS: dict[str, dict[str, Any]] = (
    json.loads((Path(__file__).with_name("reascript_api.json")).read_text("utf-8"))["functions"]
    | extensions.functions()
)

#: Lua's own: (the fewest arguments, the most, since). A script may look whether ``reaper.X`` of these is nil.
BUILT_IN: dict[str, tuple[int, int, str]] = {
    "defer": (1, 1, "6.24"), "runloop": (1, 1, "6.24"), "atexit": (1, 1, "6.24"), "new_array": (0, 2, "6.24"),
    "get_action_context": (0, 0, "6.24"), "set_action_options": (1, 1, "7.03"), "gmem_attach": (1, 1, "6.24"),
    "gmem_read": (1, 1, "6.24"), "gmem_write": (2, 2, "6.24"),
}  # fmt: skip
#: Since when, where that is known better than from the versions of the list.
SINCE = {"InsertTrackInProject": "7.18", "UpdateItemLanes": "7.00"}
#: Versions to test with: the oldest that the scripts allow; the last with Lua 5.3; the first with Lua 5.4 and lanes, which a
#: script's options do not keep from being asked about; then one for each function they ask for; a new one.
VERSIONS = ("6.24", "6.83", "7.00", "7.03", "7.18", "7.40")
_FUNCTION_BY_NAME: dict[str, Callable[..., Any]] = {}


class ApiMisuse(AssertionError):
    """A script did what REAPER would not take, or what this fake does not know."""


class AudioAccessor:
    """An accessor of a take or a track, open until it is destroyed. ``seen`` is what that was when it looked last."""

    def __init__(self, target: Take | Track, script: Any) -> None:
        self.target = target
        self.script = script
        self.is_open = True
        self.seen: Take | Track = target
        self._playback: Any = None

    def load(self) -> None:
        """Look at the take or track again."""
        self.seen, self._playback = snapshot(self.target), playback_of(self.target)

    def has_changed(self) -> bool:
        """Whether what it plays is not what it was."""
        return bool(self._playback != playback_of(self.target))


class Pointer:
    """What a script holds: an object of REAPER, opaque. Equal objects are the same pointer."""

    __slots__ = ("generation", "kind", "target")

    def __init__(self, kind: str, target: Any, generation: int) -> None:
        self.kind, self.target, self.generation = kind, target, generation

    def __str__(self) -> str:
        return f"userdata: 0x{id(self):014x}"


def api(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a Python function ``(reaper, *arguments)`` be the API function ``name``."""
    if (name not in FUNCTIONS and name not in BUILT_IN) or name in _FUNCTION_BY_NAME:
        raise KeyError(f"{name} is not in the reference, or is there twice")

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _FUNCTION_BY_NAME[name] = function
        return function

    return register


def version_of(text: str) -> tuple[int, ...]:
    """Return ``7.08`` as numbers that compare."""
    return tuple(int(part) for part in text.split("."))


def exists(name: str, version: str) -> bool:
    """Return whether that version of REAPER has the function."""
    since = BUILT_IN[name][2] if name in BUILT_IN else SINCE.get(name) or FUNCTIONS.get(name, {}).get("since")
    return since is not None and version_of(since) <= version_of(version)


def lua_of(version: str) -> str:
    """Return which Lua a version of REAPER runs."""
    return "5.3" if version_of(version) < (7,) else "5.4"


def call(reaper: Any, script: Any, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Check the arguments, run the function, convert its results."""
    function = _FUNCTION_BY_NAME.get(name)
    if function is None:
        raise ApiMisuse(f"reaper.{name} is not played by this fake yet")
    if name in BUILT_IN:
        low, high, _ = BUILT_IN[name]
        if not low <= len(arguments) <= high:
            raise ApiMisuse(f"reaper.{name} takes {low} to {high} arguments, got {len(arguments)}")
        values = [_any(reaper, argument) for argument in arguments]
    else:
        values = _check_arguments(reaper, name, arguments)
    if name in reaper.failures:
        result = reaper.failures.pop(name)
    else:
        reaper.script = script
        result = function(reaper, *values)
    return _results(reaper, name, result)


def _check_arguments(reaper: Any, name: str, arguments: tuple[Any, ...]) -> list[Any]:
    known = FUNCTIONS[name]
    params, optional = known["params"], set(known.get("optional") or ())
    required = len([i for i in range(len(params)) if i not in optional])
    if not required <= len(arguments) <= len(params):
        count = str(required) if required == len(params) else f"{required} to {len(params)}"
        raise ApiMisuse(f"reaper.{name} takes {count} arguments, got {len(arguments)}")
    values = []
    for index, argument in enumerate((*arguments, *[None] * (len(params) - len(arguments)))):
        kind, wanted = params[index]["type"].removeprefix("optional "), params[index]["name"]
        if argument is None and index in optional:
            values.append(None)
            continue
        try:
            values.append(_CHECKS[kind](reaper, argument))
        except KeyError:
            raise ApiMisuse(f"reaper.{name}: arguments of type {kind} are not played by this fake") from None
        except TypeError as problem:
            raise ApiMisuse(
                f"reaper.{name}: {wanted} has to be {kind}, got {show(argument)}{_reason(problem)}"
            ) from None
    return values


def _reason(problem: TypeError) -> str:
    return f" ({problem})" if str(problem) else ""


def show(value: Any) -> str:
    """Return an argument for a message."""
    if isinstance(value, Pointer):
        return f"a {value.kind}"
    return "nil" if value is None else repr(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)


def _integer(_reaper: Any, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise TypeError
    return int(value)


def _number(_reaper: Any, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    return float(value)


def _boolean(_reaper: Any, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _string(_reaper: Any, value: Any) -> str:
    if not isinstance(value, bytes):
        raise TypeError
    return text_of(value)


def _project(reaper: Any, value: Any) -> Any:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value == 0):
        return reaper.project
    if not isinstance(value, Pointer) or value.kind != "ReaProject":
        raise TypeError
    if value.target not in reaper.projects:
        raise TypeError("the project has been closed")
    return value.target


def _pointer(kind: str) -> Callable[[Any, Any], Any]:
    def check(reaper: Any, value: Any) -> Any:
        if not isinstance(value, Pointer) or value.kind != kind:
            raise TypeError
        if not alive(reaper, value):
            raise TypeError("it has been deleted")
        return value.target

    return check


def _any(_reaper: Any, value: Any) -> Any:
    return text_of(value) if isinstance(value, bytes) else value


def _window(_reaper: Any, value: Any) -> None:
    if value is not None and not isinstance(value, Pointer):
        raise TypeError


_CHECKS: dict[str, Callable[[Any, Any], Any]] = {
    "integer": _integer, "number": _number, "boolean": _boolean, "string": _string, "ReaProject": _project,
    "identifier": lambda _reaper, value: value, "function": _any, "ReaperArray": _any, "HWND": _window,
    **{
        kind: _pointer(kind)
        for kind in (
            "MediaTrack", "MediaItem", "MediaItem_Take", "PCM_source", "AudioAccessor", "ImGui_Context", "ImGui_Font",
            "ImGui_DrawList",
        )
    },
    "TrackEnvelope": lambda reaper, value: None if value is None else _pointer("TrackEnvelope")(reaper, value),
}  # fmt: skip


def alive(reaper: Any, pointer: Pointer) -> bool:
    """Return whether a pointer points to something that is there."""
    target = pointer.target
    if isinstance(target, (Track, Item, Take)):
        for project in reaper.projects:
            if project.holds(target):
                return isinstance(target, Track) or pointer.generation == project.generation
        return False
    if isinstance(target, Source):
        return not any(target is dead for dead in reaper.destroyed)
    if isinstance(target, AudioAccessor):
        return target.is_open
    if isinstance(target, (Context, Font, DrawList)):
        return True  # a context tells why it has ended
    if isinstance(target, Envelope):
        return any(project.has_envelope(target) for project in reaper.projects)
    return target in reaper.projects or pointer.kind == "HWND"


def pointer_to(reaper: Any, target: Any) -> Pointer:
    """Return the pointer to an object: the same one each time."""
    kind, generation = _KINDS.get(type(target), "ReaProject"), 0
    if isinstance(target, (Item, Take)):
        generation = next((project.generation for project in reaper.projects if project.holds(target)), 0)
    key = (id(target), generation)
    if key not in reaper.pointers:
        reaper.pointers[key] = Pointer(kind, target, generation)
    return reaper.pointers[key]


_KINDS = {
    Track: "MediaTrack", Item: "MediaItem", Take: "MediaItem_Take", Source: "PCM_source", AudioAccessor: "AudioAccessor",
    Envelope: "TrackEnvelope", Context: "ImGui_Context", Font: "ImGui_Font", DrawList: "ImGui_DrawList",
}  # fmt: skip


def _results(reaper: Any, name: str, result: Any) -> tuple[Any, ...]:
    if name in BUILT_IN:
        kinds = []
    else:
        kinds = [entry.split(" ")[0] for entry in FUNCTIONS[name]["returns"]]
        if not kinds:
            return ()
    values = result if isinstance(result, tuple) else (result,)
    return tuple(to_lua(reaper, value, kinds[i] if i < len(kinds) else "") for i, value in enumerate(values))


def to_lua(reaper: Any, value: Any, kind: str = "") -> Any:
    """Return a Python value as Lua gets it; ``kind`` says whether a number is whole."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return bytes_of(value)
    if kind == "boolean":
        return bool(value)
    if isinstance(value, (bool, int, float)):
        return float(value) if kind == "number" else int(value) if kind == "integer" else value
    if type(value) in _KINDS or value in reaper.projects:
        return pointer_to(reaper, value)
    return value


def text_of(data: bytes) -> str:
    """Return Lua's bytes as text; what is no UTF-8 comes back the same."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return text as Lua's bytes."""
    return text.encode("utf-8", "surrogateescape")
