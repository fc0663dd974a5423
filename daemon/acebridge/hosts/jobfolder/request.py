"""What a job folder asks for: ``request.json``, read and checked. Errors name the place in the file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, overload

from acebridge.hosts.jobfolder import REQUEST, VERSION
from acebridge.hosts.jobfolder.json_files import read_text
from acebridge.hosts.jobfolder.script_version import check_scripts
from acestep_runtime.audio.wav import ENCODINGS
from acestep_runtime.errors import InvalidValue

if TYPE_CHECKING:
    from pydantic import JsonValue

    from acestep_runtime.recipes import Parent

FORMATS = tuple(ENCODINGS)
#: Twenty minutes, the longest source, at the highest rate.
MAX_MIX_FRAMES = 1200 * 384_000
_REMEDY = "Run the action again; if that does not help, install the scripts again."


@dataclass(frozen=True)
class AudioFile:
    """The file a part works on, and the region of it in seconds; ``None`` is the file's own start or end."""

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
    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    #: The MIDI file whose notes a song follows.
    midi: Path | None = None
    #: Number of the earlier part whose facts fill the fields that are not given.
    fill_from: int | None = None
    #: The file whose recipe says what to do; ``fields`` replace its own. Until that is read there is no task.
    again: Path | None = None
    #: How far new takes lie from the one in that file; ``None``: they have nothing of it.
    variation: float | None = None
    #: Sources that the recipe names by their content.
    parents: tuple[Parent, ...] = ()


@dataclass(frozen=True)
class Request:
    """A whole job: its parts are performed in order. ``host`` is the name and version of the program that asks.

    ``instance`` and ``project`` are its own words for itself and for what is open there.
    """

    id: str
    host: str
    action: str
    title: str
    engine: str
    address: str | None
    media: Path | None
    format: str
    parts: tuple[Part, ...]
    instance: str = ""
    project: str = ""
    #: A song from sections instead of parts; see song_request.py.
    song: Mapping[str, JsonValue] | None = None


def read_request(folder: Path) -> Request:
    """Read the request in a job folder. Raises `InvalidValue` naming what is wrong in it."""
    file = folder / REQUEST
    try:
        content: JsonValue = json.loads(read_text(file, "utf-8-sig"))
    except OSError as error:
        raise wrong(
            REQUEST, str(file), "a file that can be read", f"{file} cannot be read: {error.strerror}."
        ) from error
    except RecursionError as error:
        raise wrong(REQUEST, str(file), "JSON that is less deep", f"{file} is nested too deeply.") from error
    except ValueError as error:  # no UTF-8, no JSON
        raise wrong(REQUEST, str(file), "JSON in UTF-8", f"{file} is not JSON in UTF-8: {error}.") from error
    return parse_request(content, folder)


def parse_request(content: JsonValue, folder: Path) -> Request:
    """Return the request that the ``content`` of a file in ``folder`` stands for. Raises `InvalidValue`."""
    request = Entry.of(content, "")
    _check_version(request.content.get("version"))
    host, media = request.entry("host"), request.entry("media")
    check_scripts(host.text("scripts"))
    request.number("create_time")  # for other programs: it only has to be one
    media_folder = media.text("folder")
    if media_folder and not Path(media_folder).is_absolute():
        raise wrong("media.folder", media_folder, "the full path of a folder")
    encoding = media.text("format", FORMATS[0])
    if encoding not in FORMATS:
        raise wrong("media.format", encoding, ", ".join(FORMATS))
    if media_folder and _is_inside(Path(media_folder), folder):
        raise wrong("media.folder", media_folder, "a folder outside the job folder, which goes with its job")
    entries, song = request.items("parts"), request.content.get("song")
    if song is not None and entries:
        raise wrong("song", "given", "nothing beside parts")
    if song is None and not entries:
        raise wrong("parts", entries, "at least one part")
    parts = tuple(_part(Entry.of(part, f"parts[{n}]"), n, folder) for n, part in enumerate(entries))
    _check_mix_names(parts, folder)
    return Request(
        id=request.text("id", folder.name),
        host=" ".join(f"{host.text('name')} {host.text('version')}".split()),
        action=request.text("action"),
        title=request.text("title"),
        engine=request.text("engine") or "auto",
        address=request.text("address") or None,
        media=Path(media_folder) if media_folder else None,
        format=encoding,
        parts=parts,
        instance=host.text("instance"),
        project=host.text("project"),
        song=None if song is None else Entry.of(song, "song").content,
    )


def mix_file(folder: Path, number: int) -> Path:
    """Return the file in a job folder that gets the mix of part ``number``, from 0."""
    return folder / f"mix-{number + 1}.wav"


def _check_mix_names(parts: tuple[Part, ...], folder: Path) -> None:
    """Raise `InvalidValue` for a source that the mix of one of the parts would replace."""
    mixes = [mix_file(folder, number) for number, part in enumerate(parts) if isinstance(part.source, Mix)]
    for number, part in enumerate(parts):
        place = f"parts[{number}].source"
        if isinstance(part.source, AudioFile):
            files = {f"{place}.file": part.source.file}
        else:
            tracks = () if part.source is None else part.source.tracks
            files = {f"{place}.mix[{n}].file": track.file for n, track in enumerate(tracks)}
        for where, file in files.items():
            if any(_is_same(file, mix) for mix in mixes):
                raise wrong(where, str(file), "any file but mix-1.wav and so on, which the mixes of this job get")


def _is_same(file: Path, other: Path) -> bool:
    """Return whether two names are those of one file, which need not be there."""
    try:
        return file == other or file.samefile(other)
    except OSError:
        return False


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path is that of a folder or lies inside it, also through links."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, or no name of a file: it cannot be used anyway
        return False


def _check_version(version: JsonValue) -> None:
    if version == VERSION and not isinstance(version, bool):
        return
    if isinstance(version, (bool, str, list, dict)):
        raise wrong("version", version, f"the number {VERSION}")
    newer = version is not None and version > VERSION
    raise wrong(
        "version",
        version,
        str(VERSION),
        f"These scripts are of version {version}, this command knows {VERSION}.",
        remedy=f"Update {'AceBridge' if newer else 'the scripts'}.",
    )


def _part(part: Entry, number: int, folder: Path) -> Part:
    task, again = part.text("task"), part.entry("again")
    if again.content and (task or part.content.get("source") is not None):
        raise wrong(part.place("again"), dict(again.content), "nothing beside a task or a source")
    if not task and not again.content:
        raise wrong(part.place("task"), task, "the name of a task")
    variation = part.number("variation")
    if variation is not None and not (again.content and 0 <= variation <= 1):
        allowed = "0 to 1" if again.content else "nothing without a file to make again"
        raise wrong(part.place("variation"), variation, allowed)
    fill_from = part.integer("fill_from")
    if fill_from is not None and not 0 <= fill_from < number:
        allowed = f"0 to {number - 1}, the number of an earlier part" if number else "nothing: no part is earlier"
        raise wrong(part.place("fill_from"), fill_from, allowed)
    source, midi = part.content.get("source"), part.entry("midi")
    return Part(
        task=task,
        label=" ".join(part.text("label").split()),
        position_s=part.number("position_s", 0.0),
        source=None if source is None else _source(Entry.of(source, part.place("source")), folder),
        fields=part.entry("fields").content,
        midi=_file(midi, folder) if midi.content else None,
        fill_from=fill_from,
        again=_file(again, folder) if again.content else None,
        variation=variation,
    )


def _source(source: Entry, folder: Path) -> AudioFile | Mix:
    if source.content.get("mix") is not None:
        return _mix(source, folder)
    return AudioFile(_file(source, folder), source.number("start_s"), source.number("end_s"))


def _file(entry: Entry, folder: Path) -> Path:
    name = entry.text("file")
    if not name or "\0" in name:
        raise wrong(entry.place("file"), name, "the name of a file")
    return folder / name  # an absolute name stays what it is


def _mix(source: Entry, folder: Path) -> Mix:
    frames = source.integer("frames", 0)
    if not 0 < frames <= MAX_MIX_FRAMES:
        raise wrong(source.place("frames"), frames, f"1 to {MAX_MIX_FRAMES}")
    channels = source.integer("channels")
    if channels not in (None, 1, 2):
        raise wrong(source.place("channels"), channels, "1 or 2")
    tracks = source.items("mix")
    if not tracks:
        raise wrong(source.place("mix"), tracks, "at least one file")
    entries = (Entry.of(track, source.place(f"mix[{number}]")) for number, track in enumerate(tracks))
    return Mix(tuple(_track(entry, folder) for entry in entries), frames, channels)


def _track(entry: Entry, folder: Path) -> MixTrack:
    at, first, frames = entry.integer("at", 0), entry.integer("first", 0), entry.integer("frames")
    for key, value, least in (("at", at, 0), ("first", first, 0), ("frames", frames, 1)):
        if value is not None and value < least:
            raise wrong(entry.place(key), value, f"{least} or more")
    return MixTrack(_file(entry, folder), at, entry.number("left", 1.0), entry.number("right", 1.0), first, frames)


@dataclass(frozen=True)
class Entry:
    """An object in the request, and where it stands there, such as ``parts[0]``. A key that holds ``null`` counts as missing.

    All methods raise `InvalidValue` for a key that holds something else than they return.
    """

    content: Mapping[str, JsonValue]
    at: str

    @classmethod
    def of(cls, content: JsonValue, at: str) -> Entry:
        """Return ``content`` as an object."""
        if not isinstance(content, dict):
            raise wrong(at or REQUEST, content, "an object")
        return cls(content, at)

    def place(self, key: str) -> str:
        """Return where a key stands in the request."""
        return f"{self.at}.{key}".lstrip(".")

    def entry(self, key: str) -> Entry:
        """Return an object; an empty one by default."""
        value = self.content.get(key)
        return Entry.of({} if value is None else value, self.place(key))

    def items(self, key: str) -> list[JsonValue]:
        """Return a list; an empty one by default."""
        value = self.content.get(key)
        if value is not None and not isinstance(value, list):
            raise wrong(self.place(key), value, "a list")
        return value or []

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self.content.get(key)
        if value is not None and not isinstance(value, str):
            raise wrong(self.place(key), value, "text")
        return default if value is None else value

    @overload
    def number(self, key: str) -> float | None: ...
    @overload
    def number(self, key: str, default: float) -> float: ...
    def number(self, key: str, default: float | None = None) -> float | None:
        """Return a finite number."""
        value = self.content.get(key)
        if value is None:
            return default
        # JSON has larger numbers than a float, and Python reads NaN from it.
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
            return float(value)
        raise wrong(self.place(key), value, "a number")

    @overload
    def integer(self, key: str) -> int | None: ...
    @overload
    def integer(self, key: str, default: int) -> int: ...
    def integer(self, key: str, default: int | None = None) -> int | None:
        """Return a whole number; Lua may write it as 7.0."""
        value = self.content.get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise wrong(self.place(key), value, "a whole number")


def unreadable(place: str, file: Path, error: OSError) -> InvalidValue:
    """Return the sentence about a source that cannot be read; ``place`` is where the request names it."""
    return wrong(
        place,
        str(file),
        "an audio file",
        f"The audio file {file} cannot be read: {error.strerror or error}.",
        remedy="Check that it is still there.",
    )


def wrong(place: str, value: JsonValue, allowed: str, message: str = "", remedy: str = _REMEDY) -> InvalidValue:
    """Return the sentence about something in the request that is not allowed; ``place`` is where it stands."""
    return InvalidValue(place, value, allowed, message=message, remedy=remedy)
