"""The names in a file of any kind: title, artist, album, date, track, genre, comment, copyright, composer, bpm, key.

``software`` is what made the file, ``recipe`` how AceBridge did. Texts are as the file has them, cut to a sensible length.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

from acestep_runtime.audio.tags.info import info_names, read_info
from acestep_runtime.audio.tags.ixml import read_recipe
from acestep_runtime.audio.tags.riff import MAX_IXML_BYTES, WaveChunks

#: Under which names a recipe stands in the comments of FLAC and Ogg, and in the custom text of ID3.
RECIPE_FIELD = "ACEBRIDGE_RECIPE"
NAMES = (
    "title", "artist", "album", "date", "track", "genre", "comment", "copyright", "composer", "bpm", "key", "software",
)  # fmt: skip
#: Name → attributes of TinyTag, or keys of what it calls other, the first that holds something.
_SOURCES = {
    "title": ("title",), "artist": ("artist", "albumartist"), "album": ("album",), "date": ("year",),
    "track": ("track",), "genre": ("genre",), "comment": ("comment",), "copyright": ("copyright",),
    "composer": ("composer",), "bpm": ("bpm", "tempo"), "key": ("initial_key", "initialkey", "key"),
    "software": ("encoded_by", "encoder"), "recipe": (RECIPE_FIELD.lower(),),
}  # fmt: skip
_MAX_LETTERS, _MAX_RECIPE = 4000, MAX_IXML_BYTES


class FileTags(NamedTuple):
    """Names, and all other comments of a file by their own names in small letters."""

    names: dict[str, str]
    others: dict[str, list[str]]


def read_tags(file: BinaryIO) -> FileTags:
    """Return what a file that is no WAV file says of itself; nothing where it has no tags, or damaged ones."""
    from tinytag import TinyTag, TinyTagException

    file.seek(0)
    try:
        tag = TinyTag.get(file_obj=file, duration=False)
    except (TinyTagException, OSError, ValueError, struct.error, zlib.error):
        return FileTags({}, {})
    names = {name: text for name, keys in _SOURCES.items() if (text := _first(tag, keys, name))}
    return FileTags(names, {name.lower(): list(values) for name, values in tag.other.items()})


def read_names(file: BinaryIO) -> dict[str, str]:
    """Return the names in a file that is no WAV file, see `read_tags`."""
    return read_tags(file).names


def _first(tag: Any, keys: tuple[str, ...], name: str) -> str:
    for key in keys:
        value = getattr(tag, key, None)
        values = [value] if value is not None else tag.other.get(key, [])
        text = " ".join(str(values[0]).replace("\0", " ").split("\r")) if values else ""
        if text.strip():
            return text.strip()[: _MAX_RECIPE if name == "recipe" else _MAX_LETTERS]
    return ""


def names_in_wave(found: WaveChunks) -> dict[str, str]:
    """Return what the chunks of a WAV file say of it: INFO first, then its ID3 tag, then the text of bext."""
    names = info_names(read_info(found.chunks))
    for chunk in found.chunks:
        more: dict[str, str] = {}
        if chunk.name in (b"id3 ", b"ID3 "):
            more = read_names(BytesIO(chunk.body))
        elif chunk.name == b"iXML" and (recipe := read_recipe(chunk.body)):
            more = {"recipe": recipe}
        names = {**more, **names}
    return names
