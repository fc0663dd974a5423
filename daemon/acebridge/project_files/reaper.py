"""A REAPER project as text: tracks in folders, items that sit on exact frames, markers and regions.

The format is REAPER's own and not documented; the elements used here are those that REAPER 6 and 7 write.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import PurePath

import rpp

from acebridge.project_files.arrangement import Arrangement, Item, Marker, Take, Track
from acebridge.project_files.names import plain_name

_NO_COLOUR = 16576
_CUSTOM_COLOUR = 0x1000000
#: The kind of source that REAPER reads a file as; AIFF and W64 are "WAVE" too.
_SOURCES = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "VORBIS"}
_NAMESPACE = uuid.UUID("6f1e0c5c-7a0c-4f0e-9a52-acebacebaceb")


def project_text(arrangement: Arrangement, names: Mapping[str, str] | None = None) -> str:
    """Return the text of a project file; equal arguments give equal text.

    ``names`` are what the arrangement's files are called in it: whole paths, or such from the project's folder on. By
    default they are called the same.
    """
    rate_hz = arrangement.rate_hz
    root = rpp.Element("REAPER_PROJECT", ["0.1", "6.24", "0"])
    root.extend(
        [
            # Items keep their time in seconds when the tempo is changed.
            ["TIMELOCKMODE", "0"],
            ["PROJOFFS", "0", "0", "0"],
            ["SAMPLERATE", str(rate_hz), "1", "0"],
            ["TEMPO", _number(arrangement.bpm), str(arrangement.beats_per_bar), str(arrangement.beat_unit)],
            ["CURSOR", "0"],
            ["PLAYRATE", "1", "0", "0.25", "4"],
            ["MASTER_VOLUME", "1", "0", "-1", "-1", "1"],
        ]
    )
    for number, marker in enumerate(arrangement.markers, start=1):
        root.extend(_marker(number, marker, rate_hz))
    for track in arrangement.tracks:
        root.extend(_tracks(track, rate_hz, names or {}, path="", closes=0))
    return str(rpp.dumps(root))


def can_name(file: str) -> bool:
    """Return whether a project can name a file: it has no escapes for the ends of lines, nor for all its three quotes."""
    if plain_name(file) != file:
        return False
    line = rpp.Element("SOURCE", ["WAVE"], [["FILE", file]])
    found: list[str] = rpp.loads(rpp.dumps(line)).find("FILE")
    return found == ["FILE", file]


def native_colour(colour: str) -> int:
    """Return ``#rrggbb`` as REAPER stores it: blue, green, red from the top, with the flag for "custom"."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue << 16 | green << 8 | red | _CUSTOM_COLOUR


def _number(value: float) -> str:
    return f"{value:.14f}".rstrip("0").rstrip(".")


def _name(text: str) -> str:
    """Return a name in one line, with plain spaces: the format separates values by spaces, and quotes those that have some."""
    return " ".join(text.split())


def _time(frame: int, rate_hz: int) -> str:
    """Return a frame in seconds with 14 decimals: at any rate in use, off by less than a millionth of a frame."""
    return _number(frame / rate_hz)


def _guid(name: str) -> str:
    return f"{{{str(uuid.uuid5(_NAMESPACE, name)).upper()}}}"


def _marker(number: int, marker: Marker, rate_hz: int) -> list[list[str]]:
    is_region = "0" if marker.stop is None else "1"
    colour = str(native_colour(marker.colour)) if marker.colour else "0"
    guid = _guid(f"marker {number} {marker.name}")
    line = [
        "MARKER",
        str(number),
        _time(marker.start, rate_hz),
        _name(marker.name),
        is_region,
        colour,
        "1",
        "R",
        guid,
        "0",
    ]
    if marker.stop is None:
        return [line]
    return [line, ["MARKER", str(number), _time(marker.stop, rate_hz), "", "1"]]


def _tracks(track: Track, rate_hz: int, names: Mapping[str, str], *, path: str, closes: int) -> list[rpp.Element]:
    """Return a track and all below it, flat; ``closes`` counts the folders that end with it."""
    path = f"{path}/{track.name}"
    guid = _guid(f"track {path}")
    folder = ("1", "1") if track.children else ("2", str(-closes)) if closes else ("0", "0")
    element = rpp.Element("TRACK", [guid])
    element.extend(
        [
            ["NAME", _name(track.name)],
            ["PEAKCOL", str(native_colour(track.colour) if track.colour else _NO_COLOUR)],
            ["BEAT", "-1"],
            ["AUTOMODE", "0"],
            ["VOLPAN", "1", "0", "-1", "-1", "1"],
            ["MUTESOLO", str(int(track.muted)), "0", "0"],
            ["ISBUS", *folder],
            ["NCHAN", "2"],
            ["FX", "1"],
            ["TRACKID", guid],
            ["MAINSEND", "1", "0"],
        ]
    )
    element.extend(
        _item(item, rate_hz, names, number, f"{path} {number}") for number, item in enumerate(track.items, start=1)
    )
    flat = [element]
    for child in track.children:
        last = child is track.children[-1]
        flat.extend(_tracks(child, rate_hz, names, path=path, closes=closes + 1 if last else 0))
    return flat


def _item(item: Item, rate_hz: int, names: Mapping[str, str], number: int, path: str) -> rpp.Element:
    element = rpp.Element("ITEM", [])
    element.extend(
        [
            ["POSITION", _time(item.start, rate_hz)],
            ["SNAPOFFS", "0"],
            ["LENGTH", _time(item.frames, rate_hz)],
            ["LOOP", "0"],
            ["ALLTAKES", "0"],
            # Shape, length, length of the automatic crossfade: none of either, the seams are in the audio.
            ["FADEIN", "0", "0", "0"],
            ["FADEOUT", "0", "0", "0"],
            ["MUTE", str(int(item.muted)), "0"],
            ["IGUID", _guid(f"item {path}")],
            ["IID", str(number)],
            *_take(Take(item.name, item.file, item.frames, item.offset), rate_hz, names, f"take {path}"),
        ]
    )
    for count, take in enumerate(item.others, start=2):
        element.extend([["TAKE"], *_take(take, rate_hz, names, f"take {path} {count}")])
    return element


def _take(take: Take, rate_hz: int, names: Mapping[str, str], identity: str) -> list[list[str] | rpp.Element]:
    return [
        ["NAME", _name(take.name)],
        ["VOLPAN", "1", "0", "1", "-1"],
        ["SOFFS", _time(take.offset, rate_hz)],
        ["PLAYRATE", "1", "1", "0", "-1", "0", "0.0025"],
        ["CHANMODE", "0"],
        ["GUID", _guid(identity)],
        rpp.Element("SOURCE", [_source(take.file)], [["FILE", names.get(take.file, take.file)]]),
    ]


def _source(file: str) -> str:
    return _SOURCES.get(PurePath(file).suffix.lower(), "WAVE")
