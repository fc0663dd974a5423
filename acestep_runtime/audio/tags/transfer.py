"""From the chunks of a WAV file to the tags of a file in another format."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO, NamedTuple

from acestep_runtime.audio.encode import FileFormat
from acestep_runtime.audio.tags.id3 import write_id3
from acestep_runtime.audio.tags.marks import comments_of, marks_in_wave
from acestep_runtime.audio.tags.names import names_in_wave
from acestep_runtime.audio.tags.positions import read_loops
from acestep_runtime.audio.tags.riff import WaveChunks
from acestep_runtime.audio.tags.vorbis import comment_body, tag_flac, tag_ogg
from acestep_runtime.temporary_files import replace_file

#: Formats by libsndfile's names that have tags here.
TAGGED = ("FLAC", "OGG", "MP3")


class Tags(NamedTuple):
    """Names, see `acestep_runtime.audio.tags.names`, further texts under names of their own, and marks in time."""

    names: dict[str, str]
    more: dict[str, str]
    chapters: dict[str, str]
    notes: list[str]


def tags_for(path: Path, found: WaveChunks, from_hz: int, rate_hz: int) -> Tags:
    """Return what the chunks of a WAV file at ``from_hz`` say, for the file ``path`` at ``rate_hz``."""
    notes: list[str] = []
    by_name = {chunk.name: chunk.body for chunk in reversed(found.chunks)}
    place, chapters = comments_of(marks_in_wave(found, from_hz), from_hz, rate_hz)
    if read_loops(by_name.get(b"smpl", b"")):
        notes.append(f"{path.name} holds no loops: {path.suffix[1:]} has no place for them.")
    return Tags(names_in_wave(found), place, chapters, notes)


def tag_file(encoded: Path, path: Path, format_: FileFormat, tags: Tags) -> list[str]:
    """Copy an encoded file, of a format in `TAGGED`, to ``path`` with tags, atomically; return what did not fit."""
    notes = []
    with encoded.open("rb") as source, replace_file(path) as target:
        if format_.kind == "MP3":
            target.write(write_id3(tags.names, tags.more))
            shutil.copyfileobj(source, target)
            if tags.chapters:
                notes.append(f"{path.name} holds no markers: mp3 has no place for them.")
        elif format_.kind == "FLAC":
            tag_flac(source, target, comment_body(tags.names, {**tags.more, **tags.chapters}))
        else:
            notes += _tag_ogg(source, target, path, tags)
    return notes


def _tag_ogg(source: BinaryIO, target: BinaryIO, path: Path, tags: Tags) -> list[str]:
    """Copy an Ogg file with as many tags as fit into its header; return what is left out."""
    more, kind = {**tags.more, **tags.chapters}, path.suffix[1:]
    if tag_ogg(source, target, comment_body(tags.names, more)):
        return []
    source.seek(0)
    target.seek(0)
    target.truncate()
    names = {name: text for name, text in tags.names.items() if name != "recipe"}
    if tag_ogg(source, target, comment_body(names, more)):
        return [f"{path.name} holds no recipe: it is too long for {kind}."]
    return [f"{path.name} holds no names and no recipe: they are too long for {kind}."]
