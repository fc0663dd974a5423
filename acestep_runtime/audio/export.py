"""A result, which is a WAV file, in another format: the same music, as long, and what its chunks say as tags."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from acestep_runtime import units
from acestep_runtime.audio import convert, decode
from acestep_runtime.audio.encode import FORMATS, FileFormat, write_file
from acestep_runtime.audio.samples import Samples
from acestep_runtime.audio.tags.id3 import write_id3
from acestep_runtime.audio.tags.names import names_in_wave
from acestep_runtime.audio.tags.positions import read_cues, read_labels, read_loops, time_reference
from acestep_runtime.audio.tags.riff import WaveChunks, read_chunks_of
from acestep_runtime.audio.tags.vorbis import comment_body, tag_flac, tag_ogg
from acestep_runtime.temporary_files import temporary_path

_BEXT_TEXTS = {"ORIGINATOR": slice(256, 288), "BEXT_DESCRIPTION": slice(0, 256)}
_MIN_BEXT = 346


class Tags(NamedTuple):
    """Names, see `acestep_runtime.audio.tags.names`, further texts under names of their own, and marks in time."""

    names: dict[str, str]
    more: dict[str, str]
    chapters: dict[str, str]
    notes: list[str]


def export(source: Path, path: Path, bits: int = 0) -> tuple[str, ...]:
    """Write the WAV file ``source`` as ``path``, in the format of its ending, one of `FORMATS`; both may be in one folder.

    Integers have ``bits``, by default as many as the source has where the format holds them, else the usual ones. Return
    sentences on what is not as in the source. Raises ``OSError`` as the file system does.
    """
    format_ = FORMATS[path.suffix.lower()]
    info = decode.measure(source, name=path.name)
    rate_hz = format_.rate_for(info.sample_rate)
    depth = bits or (16 if info.subtype == "PCM_16" and 16 in format_.bits else 0)
    tags = _tags(read_chunks_of(source), info.sample_rate, rate_hz, path)
    encoded = temporary_path(path)
    try:
        peaks = write_file(encoded, _blocks(source, info, rate_hz), info.channels, rate_hz, format_, depth)
        notes = _write_tags(encoded, path, format_, tags)
    finally:
        encoded.unlink(missing_ok=True)
    said = [peaks.sentence(path.name) + " WAV (float32) holds everything."] if peaks.clipped else []
    if rate_hz != info.sample_rate:
        said.append(f"{path.name} has {rate_hz} Hz: {path.suffix[1:]} holds no {info.sample_rate} Hz.")
    return (*said, *tags.notes, *notes)


def _blocks(source: Path, info: decode.MediaInfo, rate_hz: int) -> Iterator[Samples]:
    frames = units.frames_to_frames(info.frames, info.sample_rate, rate_hz)
    stream, at = convert.StreamResampler(info.sample_rate, rate_hz, info.channels, frames), 0
    for block in decode.blocks(source):
        at += len(block)
        yield stream.push(block, last=at == info.frames)


def _tags(found: WaveChunks, from_hz: int, rate_hz: int, path: Path) -> Tags:
    names, more, notes = names_in_wave(found), {}, []
    by_name = {chunk.name: chunk.body for chunk in reversed(found.chunks)}
    bext = by_name.get(b"bext", b"")
    if len(bext) >= _MIN_BEXT:
        texts = {name: bext[place].split(b"\0")[0].decode("utf-8", "replace") for name, place in _BEXT_TEXTS.items()}
        more = {name: text for name, text in texts.items() if text}
        more["TIME_REFERENCE"] = str(units.frames_to_frames(time_reference(bext), from_hz, rate_hz))
    labels, chapters = read_labels(found.chunks), {}
    cues = sorted(read_cues(by_name.get(b"cue ", b"")).items(), key=lambda cue: cue[1])
    for number, (cue, frame) in enumerate(cues[:999], 1):
        chapters[f"CHAPTER{number:03}"] = _clock(units.frames_to_seconds(frame, from_hz))
        chapters[f"CHAPTER{number:03}NAME"] = labels.get(cue, f"Marker {cue}")
    if read_loops(by_name.get(b"smpl", b"")):
        notes.append(f"{path.name} holds no loops: {path.suffix[1:]} has no place for them.")
    return Tags(names, more, chapters, notes)


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def _write_tags(encoded: Path, path: Path, format_: FileFormat, tags: Tags) -> list[str]:
    """Copy an encoded file to ``path`` with its tags, atomically; return what did not fit."""
    unfinished, notes = temporary_path(path), []
    try:
        with encoded.open("rb") as source, unfinished.open("xb") as target:
            if format_.kind == "MP3":
                target.write(write_id3(tags.names, tags.more))
                shutil.copyfileobj(source, target)
                if tags.chapters:
                    notes.append(f"{path.name} holds no markers: mp3 has no place for them.")
            elif format_.kind == "FLAC":
                tag_flac(source, target, comment_body(tags.names, {**tags.more, **tags.chapters}))
            elif not tag_ogg(source, target, comment_body(tags.names, {**tags.more, **tags.chapters})):
                notes.append(f"{path.name} holds no names and no recipe: they are too long for {path.suffix[1:]}.")
            target.flush()
            os.fsync(target.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return notes
