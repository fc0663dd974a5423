"""Music as a DAW arranges it: tracks in folders, items on exact frames, markers. Every format of project files writes this.

All positions and lengths are frames at the rate of the arrangement, whatever the rate of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Take:
    """A WAV ``file`` that may play in an item instead of its own, from its frame ``offset`` on."""

    name: str
    file: str
    frames: int
    offset: int = 0


@dataclass(frozen=True)
class Item:
    """``frames`` frames of a WAV ``file`` (relative to the project's media), from its frame ``offset`` on, at frame ``start``.

    ``others`` are takes of the same place that do not play.
    """

    name: str
    file: str
    start: int
    frames: int
    offset: int = 0
    muted: bool = False
    others: tuple[Take, ...] = ()


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


@dataclass(frozen=True)
class Arrangement:
    """A whole project. ``beats_per_bar`` beats, each a note of length 1/``beat_unit``, make a bar."""

    title: str
    rate_hz: int
    tracks: tuple[Track, ...]
    markers: tuple[Marker, ...] = ()
    bpm: float = 120.0
    beats_per_bar: int = 4
    beat_unit: int = 4


def list_files(arrangement: Arrangement) -> list[str]:
    """Return the files of an arrangement in order, each once."""
    return list(dict.fromkeys(_files(arrangement.tracks)))


def _files(tracks: Iterable[Track]) -> Iterator[str]:
    for track in tracks:
        for item in track.items:
            yield item.file
            yield from (take.file for take in item.others)
        yield from _files(track.children)
