"""Names that every format of project files can hold, whatever a file or a title is called."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import PurePath

from acebridge.file_names import file_name
from acebridge.project_files.arrangement import Arrangement, Item, Take, Track


def plain_name(text: str) -> str:
    """Return a name in one line, without control characters; what is no UTF-8 becomes a replacement character."""
    return "".join(map(_plain, text))


def _plain(c: str) -> str:
    kind = unicodedata.category(c)
    if kind == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    if kind in ("Cc", "Zl", "Zp"):
        return " " if c.isspace() else ""
    return c


def media_name(name: str) -> str:
    """Return the name of an audio file as any system can have it."""
    path = PurePath(name)
    return f"{file_name(path.stem) or 'audio'}{path.suffix and '.' + file_name(path.suffix[1:])}"


def with_plain_names(arrangement: Arrangement) -> Arrangement:
    """Return an arrangement whose title, tracks, items, takes and markers have plain names; its files are called the same."""
    return replace(
        arrangement,
        title=plain_name(arrangement.title),
        tracks=tuple(map(_track, arrangement.tracks)),
        markers=tuple(replace(marker, name=plain_name(marker.name)) for marker in arrangement.markers),
    )


def _track(track: Track) -> Track:
    items, children = tuple(map(_item, track.items)), tuple(map(_track, track.children))
    return replace(track, name=plain_name(track.name), items=items, children=children)


def _item(item: Item) -> Item:
    return replace(item, name=plain_name(item.name), others=tuple(map(_take, item.others)))


def _take(take: Take) -> Take:
    return replace(take, name=plain_name(take.name))
