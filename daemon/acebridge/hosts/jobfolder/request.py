"""What a job folder asks for: ``request.json``, read and checked. Errors name the place in the file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acebridge.hosts.jobfolder import REQUEST, VERSION
from acestep_runtime.errors import InvalidValue

FORMATS = ("float32", "pcm24", "pcm16")
_MEND = "Run the action again; if that does not help, install the scripts again."
#: Twenty minutes, the longest source, at the highest rate.
_LONGEST_MIX = 1200 * 384_000
_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


@dataclass(frozen=True)
class AudioFile:
    """The file a part works on, and the region of it that is meant; ``None`` is the file's own start or end."""

    file: Path
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class MixTrack:
    """A file of a mix: the frame of the mix that it begins at, and the gains of its channels (mono: left alone).

    ``first`` is its first frame that counts, ``frames`` how many do; ``None`` is all that follow.
    """

    file: Path
    at: int
    left: float
    right: float
    first: int = 0
    frames: int | None = None


@dataclass(frozen=True)
class Mix:
    """Files that are added up to one source, ``frames`` long; ``channels`` of ``None``: as many as its widest file."""

    tracks: tuple[MixTrack, ...]
    frames: int
    channels: int | None = None


@dataclass(frozen=True)
class Part:
    """One task. ``position_s`` is the project time of its source's first frame, or of the start of new music."""

    task: str
    label: str = ""
    position_s: float = 0.0
    source: AudioFile | Mix | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    #: Number of the earlier part whose facts fill the fields that are not given.
    fill_from: int | None = None


@dataclass(frozen=True)
class Request:
    """A whole job: its parts are performed in order."""

    id: str
    action: str
    title: str
    engine: str
    address: str | None
    media: Path | None
    format: str
    parts: tuple[Part, ...]


def read_request(folder: Path) -> Request:
    """Read the request in a job folder. Raises `InvalidValue` naming what is wrong in it."""
    file = folder / REQUEST
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise _wrong(
            REQUEST, str(file), "a file that can be read", f"{file} cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:  # no UTF-8, no JSON
        raise _wrong(REQUEST, str(file), "JSON in UTF-8", f"{file} is not JSON in UTF-8: {error}.") from error
    return request_of(content, folder)


def request_of(content: Any, folder: Path) -> Request:
    """Return the request that the ``content`` of a file in ``folder`` stands for. Raises `InvalidValue`."""
    if not isinstance(content, dict):
        raise _wrong(REQUEST, content, "an object")
    _check_version(content.get("version"))
    media = _get(content, "media", dict, {}, "")
    place = _get(media, "folder", str, "", "media.")
    if place and not Path(place).is_absolute():
        raise _wrong("media.folder", place, "the full path of a folder")
    encoding = _get(media, "format", str, FORMATS[0], "media.")
    if encoding not in FORMATS:
        raise _wrong("media.format", encoding, ", ".join(FORMATS))
    parts = _get(content, "parts", list, [], "")
    if not parts:
        raise _wrong("parts", parts, "at least one part")
    return Request(
        id=_get(content, "id", str, folder.name, ""),
        action=_get(content, "action", str, "", ""),
        title=_get(content, "title", str, "", ""),
        engine=_get(content, "engine", str, "auto", "") or "auto",
        address=_get(content, "address", str, "", "") or None,
        media=Path(place) if place else None,
        format=encoding,
        parts=tuple(_part(part, number, folder) for number, part in enumerate(parts)),
    )


def _check_version(version: Any) -> None:
    if version == VERSION and not isinstance(version, bool):
        return
    newer = isinstance(version, (int, float)) and version > VERSION
    raise _wrong(
        "version", version, str(VERSION), f"These scripts are of version {version}, this command knows {VERSION}.",
        remedy=f"Update {'AceBridge' if newer else 'the scripts'}.",
    )  # fmt: skip


def _part(content: Any, number: int, folder: Path) -> Part:
    place = f"parts[{number}]"
    if not isinstance(content, dict):
        raise _wrong(place, content, "an object")
    task = _get(content, "task", str, "", f"{place}.")
    if not task:
        raise _wrong(f"{place}.task", task, "the name of a task")
    fill_from = _get(content, "fill_from", int, None, f"{place}.")
    if fill_from is not None and not 0 <= fill_from < number:
        allowed = f"0 to {number - 1}, the number of an earlier part" if number else "nothing: no part is earlier"
        raise _wrong(f"{place}.fill_from", fill_from, allowed)
    return Part(
        task=task,
        label=" ".join(_get(content, "label", str, "", f"{place}.").split()),
        position_s=_get(content, "position_s", float, 0.0, f"{place}."),
        source=_source(content.get("source"), f"{place}.source", folder),
        fields=_get(content, "fields", dict, {}, f"{place}."),
        fill_from=fill_from,
    )


def _source(content: Any, place: str, folder: Path) -> AudioFile | Mix | None:
    if content is None:
        return None
    if not isinstance(content, dict):
        raise _wrong(place, content, "an object")
    if "mix" in content:
        return _mix(content, place, folder)
    file = _file(content, place, folder)
    times = (_get(content, key, float, None, f"{place}.") for key in ("start_s", "end_s"))
    return AudioFile(file, *times)


def _file(content: Mapping[str, Any], place: str, folder: Path) -> Path:
    name: str = _get(content, "file", str, "", f"{place}.")
    if not name or "\0" in name:
        raise _wrong(f"{place}.file", name, "the name of a file")
    return folder / name  # an absolute name stays what it is


def _mix(content: Mapping[str, Any], place: str, folder: Path) -> Mix:
    frames = _get(content, "frames", int, 0, f"{place}.")
    if not 0 < frames <= _LONGEST_MIX:
        raise _wrong(f"{place}.frames", frames, f"1 to {_LONGEST_MIX}")
    channels = _get(content, "channels", int, None, f"{place}.")
    if channels not in (None, 1, 2):
        raise _wrong(f"{place}.channels", channels, "1 or 2")
    entries = _get(content, "mix", list, [], f"{place}.")
    if not entries:
        raise _wrong(f"{place}.mix", entries, "at least one file")
    tracks = []
    for number, entry in enumerate(entries):
        here = f"{place}.mix[{number}]"
        if not isinstance(entry, dict):
            raise _wrong(here, entry, "an object")
        at, first = (_get(entry, key, int, 0, f"{here}.") for key in ("at", "first"))
        length = _get(entry, "frames", int, None, f"{here}.")
        for key, value, least in (("at", at, 0), ("first", first, 0), ("frames", length, 1)):
            if value is not None and value < least:
                raise _wrong(f"{here}.{key}", value, f"{least} or more")
        left, right = (_get(entry, side, float, 1.0, f"{here}.") for side in ("left", "right"))
        tracks.append(MixTrack(_file(entry, here, folder), at, left, right, first, length))
    return Mix(tuple(tracks), frames, channels)


def _get(content: Mapping[str, Any], key: str, kind: type[Any], default: Any, prefix: str) -> Any:
    """Return what stands under ``key``, of the kind that it must be; ``default`` when nothing does."""
    value = content.get(key)
    if value is None:
        return default
    if kind in (int, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isfinite(value) and (kind is float or value == int(value)):
            return kind(value)
    elif isinstance(value, kind):
        return value
    raise _wrong(prefix + key, value, _NAMES[kind])


def _wrong(place: str, value: Any, allowed: str, message: str = "", remedy: str = _MEND) -> InvalidValue:
    return InvalidValue(place, value, allowed, message=message, remedy=remedy)
