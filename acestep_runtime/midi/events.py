"""The events in a Standard MIDI File, as its bytes have them: no notes, no seconds.

Source: the MIDI Association's Standard MIDI Files 1.0. mido reads such files too, but loses the time before events that it does
not know, refuses a file for one key signature, and takes minutes for a time that is written with a great many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from acestep_runtime.errors import InvalidValue

#: Events by the upper half of their status.
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
META = 0xFF
#: Kinds of meta events.
TRACK_NAME, END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE = 0x03, 0x2F, 0x51, 0x58
#: Bytes of data by the upper half of a status.
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_EXCLUSIVE = (0xF0, 0xF7)
#: A number has at most this many bytes of seven bits.
_NUMBER_BYTES = 4
_REMEDY = "Export it again as a Standard MIDI File of format 0 or 1."


class Event(NamedTuple):
    """An event of a track: its tick from the start, its kind, its channel from 0, and its data.

    Of a meta event the channel is its kind, and the data are all its bytes.
    """

    tick: int
    track: int
    kind: int
    channel: int
    data: bytes


@dataclass(frozen=True)
class MidiFile:
    """A file: its division as the header has it, and the events of each track in their order."""

    division: int
    tracks: tuple[tuple[Event, ...], ...]


def file_error(reason: str) -> InvalidValue:
    """Return the sentence about a file that cannot be read."""
    message = f"The MIDI file cannot be read: {reason}."
    return InvalidValue("midi", "a broken file", "a Standard MIDI File", message=message, remedy=_REMEDY)


def parse_file(data: bytes) -> MidiFile:
    """Return what is in a file. Raises `InvalidValue` for what is no MIDI file, is cut off, or is of format 2."""
    if data[:4] != b"MThd" or len(data) < 14:
        raise file_error("it does not begin as one")
    size, form, _, division = struct.unpack(">IHHH", data[4:14])
    if form > 1:
        message = f"The MIDI file is of format {form}; allowed: 0 and 1."
        raise InvalidValue("midi", form, "format 0 or 1", message=message, remedy=_REMEDY)
    bodies = [body for name, body in _chunks(data, 8 + size) if name == b"MTrk"]
    if not bodies:
        raise file_error("it has no track")
    return MidiFile(division, tuple(tuple(_events(body, number)) for number, body in enumerate(bodies)))


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            raise file_error("it ends too early")
        yield data[at : at + 4], body
        at += 8 + size


def _events(body: bytes, track: int) -> Iterator[Event]:
    """Yield the events of a track. A status that is left out is that of the event before (running status)."""
    at = tick = status = 0
    while at < len(body):
        delta, at = _number(body, at)
        tick += delta
        if at >= len(body):
            raise file_error("a track ends too early")
        if body[at] >= 0x80:
            status, at = body[at], at + 1
        elif not 0x80 <= status < 0xF0:
            raise file_error("an event has no status")
        if status == META:
            kind, (size, at) = body[at : at + 1], _number(body, at + 1)
            payload = _take(body, at, size)
            at += size
            yield Event(tick, track, META, kind[0], payload)
            if kind[0] == END_OF_TRACK:
                return
        elif status in _SYSTEM_EXCLUSIVE:
            size, at = _number(body, at)
            _take(body, at, size)
            at += size
        elif status < 0xF0:
            size = _DATA_BYTES[status & 0xF0]
            payload = _take(body, at, size)
            if max(payload) > 0x7F:
                raise file_error("an event has a value above 127")
            at += size
            yield Event(tick, track, status & 0xF0, status & 0x0F, payload)
        else:
            raise file_error(f"a track has an event {status:#x}, which files do not have")


def _take(body: bytes, at: int, size: int) -> bytes:
    taken = body[at : at + size]
    if len(taken) < size:
        raise file_error("a track ends too early")
    return taken


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, seven bits a byte, and the place after it."""
    value = 0
    for byte in body[at : at + _NUMBER_BYTES]:
        value, at = value << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            return value, at
    raise file_error("a track ends too early" if at >= len(body) else "a number has more than four bytes")
