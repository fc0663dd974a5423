"""Place in time and markers as comments of FLAC, Ogg and MP3 hold them, and as the chunks of a WAV file.

``TIME_REFERENCE`` is that of bext, ``CHAPTER001`` and ``CHAPTER001NAME`` are time and name of a marker.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from acestep_runtime import units
from acestep_runtime.audio.tags.positions import read_cues, read_labels, time_reference
from acestep_runtime.audio.tags.riff import Chunk, WaveChunks, pack, text_in

_TIME, _ORIGINATOR, _DESCRIPTION = "TIME_REFERENCE", "ORIGINATOR", "BEXT_DESCRIPTION"
_CHAPTER = re.compile(r"chapter(\d{3})")
_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")
_MIN_BEXT, _BEXT_BYTES, _MAX_MARKS = 346, 602, 999


class Marks(NamedTuple):
    """The samples since midnight of the first frame, with texts of bext, and markers as seconds and name."""

    reference: int | None = None
    originator: str = ""
    description: str = ""
    markers: tuple[tuple[float, str], ...] = ()


def marks_in_wave(found: WaveChunks, rate_hz: int) -> Marks:
    """Return the marks in the chunks of a WAV file."""
    by_name = {chunk.name: chunk.body for chunk in reversed(found.chunks)}
    labels = read_labels(found.chunks)
    cues = sorted(read_cues(by_name.get(b"cue ", b"")).items(), key=lambda cue: cue[1])
    markers = tuple(
        (units.frames_to_seconds(frame, rate_hz), labels.get(cue, f"Marker {cue}")) for cue, frame in cues[:_MAX_MARKS]
    )
    bext = by_name.get(b"bext", b"")
    if len(bext) < _MIN_BEXT:
        return Marks(markers=markers)
    description, originator = (_field_text(part) for part in (bext[:256], bext[256:288]))
    return Marks(time_reference(bext), originator, description, markers)


def _field_text(field: bytes) -> str:
    """Return the text in a field of fixed size; in a full one the last letter may be cut."""
    text, end, _ = field.partition(b"\0")
    return text_in(text) if end else text.decode("utf-8", "replace")


def marks_in_comments(comments: Mapping[str, Sequence[str]]) -> Marks:
    """Return the marks in comments, whose names are in small letters."""

    def text(name: str) -> str:
        return next(iter(comments.get(name.lower(), ())), "")

    markers = []
    for name in sorted(comments):
        clock = _CLOCK.fullmatch(text(name).strip()) if _CHAPTER.fullmatch(name) else None
        if clock:
            seconds = 3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3])
            markers.append((seconds, text(f"{name}name")))
    reference = text(_TIME).strip()
    known = int(reference) if reference.isascii() and reference.isdigit() and int(reference) < 2**64 else None
    return Marks(known, text(_ORIGINATOR), text(_DESCRIPTION), tuple(markers[:_MAX_MARKS]))


def comments_of(marks: Marks, from_hz: int, rate_hz: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return the comments on the place in time, at ``rate_hz`` in a file that was at ``from_hz``, and those on markers."""
    place: dict[str, str] = {}
    if marks.reference is not None:
        texts = {_ORIGINATOR: marks.originator, _DESCRIPTION: marks.description}
        place = {name: text for name, text in texts.items() if text}
        place[_TIME] = str(units.frames_to_frames(marks.reference, from_hz, rate_hz))
    chapters: dict[str, str] = {}
    for number, (seconds, name) in enumerate(marks.markers, 1):
        chapters[f"CHAPTER{number:03}"] = _clock(seconds)
        chapters[f"CHAPTER{number:03}NAME"] = name
    return place, chapters


def chunks_of(marks: Marks, rate_hz: int) -> list[Chunk]:
    """Return marks as chunks of a WAV file at ``rate_hz``."""
    out = []
    if marks.reference is not None:
        texts = ((marks.description, 256), (marks.originator, 32))
        head = b"".join(text.encode("utf-8", "replace")[:size].ljust(size, b"\0") for text, size in texts)
        body = head + bytes(50) + struct.pack("<QH", marks.reference, 1)
        out.append(Chunk(b"bext", body.ljust(_BEXT_BYTES, b"\0")))
    if marks.markers:
        frames = [units.seconds_to_frames(seconds, rate_hz) for seconds, _ in marks.markers]
        cues = (struct.pack("<II4sIII", n, at, b"data", 0, 0, at) for n, at in enumerate(frames, 1))
        out.append(Chunk(b"cue ", struct.pack("<I", len(frames)) + b"".join(cues)))
        labels = (
            Chunk(b"labl", struct.pack("<I", n) + name.encode("utf-8", "replace") + b"\0")
            for n, (_, name) in enumerate(marks.markers, 1)
        )
        out.append(Chunk(b"LIST", b"adtl" + pack(labels)))
    return out


def _clock(seconds: float) -> str:
    """Return a time as chapters have it, to the millisecond."""
    return "{:02}:{:02}:{:02}.{:03}".format(*units.seconds_to_clock(seconds))
