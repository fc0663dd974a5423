"""A REAPER project as text: tracks in folders, items that sit on exact frames, markers and regions.

The format is REAPER's own and not documented; the elements used here are those that REAPER 6 and 7 write.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import rpp

_NO_COLOUR = 16576
_CUSTOM_COLOUR = 0x1000000
_NAMESPACE = uuid.UUID("6f1e0c5c-7a0c-4f0e-9a52-acebacebaceb")


@dataclass(frozen=True)
class Item:
    """``frames`` frames of a WAV ``file`` (relative to the project), from its frame ``offset`` on, at frame ``start``."""

    name: str
    file: str
    start: int
    frames: int
    offset: int = 0
    muted: bool = False


@dataclass(frozen=True)
class Track:
    """A track, or a folder when it has ``children``. ``colour`` is ``#rrggbb`` or empty."""

    name: str
    colour: str = ""
    items: tuple[Item, ...] = ()
    children: tuple[Track, ...] = ()
    muted: bool = False


@dataclass(frozen=True)
class Marker:
    """A marker at a frame, or a region up to frame ``stop``."""

    name: str
    start: int
    stop: int | None = None
    colour: str = ""


def project(tracks: Sequence[Track], markers: Sequence[Marker], *, bpm: float, beats_per_bar: int, rate_hz: int) -> str:
    """Return the text of a project file. Equal arguments give equal text."""
    root = rpp.Element("REAPER_PROJECT", ["0.1", "6.24", "0"])
    root.extend(
        [
            # Items keep their time in seconds when the tempo is changed.
            ["TIMELOCKMODE", "0"],
            ["PROJOFFS", "0", "0", "0"],
            ["SAMPLERATE", str(rate_hz), "1", "0"],
            ["TEMPO", _number(bpm), str(beats_per_bar), "4"],
            ["CURSOR", "0"],
            ["PLAYRATE", "1", "0", "0.25", "4"],
            ["MASTER_VOLUME", "1", "0", "-1", "-1", "1"],
        ]
    )
    for number, marker in enumerate(markers, start=1):
        root.extend(_marker(number, marker, rate_hz))
    for track in tracks:
        root.extend(_tracks(track, rate_hz, path="", closes=0))
    return str(rpp.dumps(root))


def native_colour(colour: str) -> int:
    """Return ``#rrggbb`` as REAPER stores it: blue, green, red from the top, with the flag for "custom"."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue << 16 | green << 8 | red | _CUSTOM_COLOUR


def _number(value: float) -> str:
    return f"{value:.14f}".rstrip("0").rstrip(".")


def _time(frame: int, rate_hz: int) -> str:
    """Return a frame in seconds with 14 decimals: at any rate in use, off by less than a millionth of a frame."""
    return _number(frame / rate_hz)


def _guid(name: str) -> str:
    return f"{{{str(uuid.uuid5(_NAMESPACE, name)).upper()}}}"


def _marker(number: int, marker: Marker, rate_hz: int) -> list[list[str]]:
    is_region = "0" if marker.stop is None else "1"
    colour = str(native_colour(marker.colour)) if marker.colour else "0"
    guid = _guid(f"marker {number} {marker.name}")
    line = ["MARKER", str(number), _time(marker.start, rate_hz), marker.name, is_region, colour, "1", "R", guid, "0"]
    if marker.stop is None:
        return [line]
    return [line, ["MARKER", str(number), _time(marker.stop, rate_hz), "", "1"]]


def _tracks(track: Track, rate_hz: int, *, path: str, closes: int) -> list[rpp.Element]:
    """Return a track and all below it, flat; ``closes`` counts the folders that end with it."""
    path = f"{path}/{track.name}"
    guid = _guid(f"track {path}")
    folder = ("1", "1") if track.children else ("2", str(-closes)) if closes else ("0", "0")
    element = rpp.Element("TRACK", [guid])
    element.extend(
        [
            ["NAME", track.name],
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
    element.extend(_item(item, rate_hz, number, f"{path} {number}") for number, item in enumerate(track.items, start=1))
    flat = [element]
    for child in track.children:
        last = child is track.children[-1]
        flat.extend(_tracks(child, rate_hz, path=path, closes=closes + 1 if last else 0))
    return flat


def _item(item: Item, rate_hz: int, number: int, path: str) -> rpp.Element:
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
            ["NAME", item.name],
            ["VOLPAN", "1", "0", "1", "-1"],
            ["SOFFS", _time(item.offset, rate_hz)],
            ["PLAYRATE", "1", "1", "0", "-1", "0", "0.0025"],
            ["CHANMODE", "0"],
            ["GUID", _guid(f"take {path}")],
            rpp.Element("SOURCE", ["WAVE"], [["FILE", item.file]]),
        ]
    )
    return element
