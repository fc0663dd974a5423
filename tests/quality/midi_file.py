"""Reading and cutting Standard MIDI Files (RP-001): what the corpus knows of a song, without any code of the engine."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DRUM_CHANNEL = 9
#: Data bytes of a channel message by the upper half of its status.
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_DEFAULT_TEMPO = 500_000  # microseconds a quarter note


@dataclass(frozen=True)
class Note:
    """A note of a file: when it is pressed and released in ticks, MIDI pitch, velocity 1 to 127, channel 0 to 15."""

    start: int
    end: int
    pitch: int
    velocity: int
    channel: int
    program: int


@dataclass(frozen=True)
class MidiFile:
    """A song. ``tempos`` are (tick, microseconds a quarter), ``meters`` (tick, beats, unit), ``controls`` (tick, message)."""

    ticks_per_quarter: int
    notes: tuple[Note, ...]
    controls: tuple[tuple[int, bytes], ...]
    tempos: tuple[tuple[int, int], ...]
    meters: tuple[tuple[int, int, int], ...]
    end: int

    def seconds(self, ticks: npt.ArrayLike) -> Floats:
        """Return the times in seconds of some ticks."""
        at = np.array([tick for tick, _ in self.tempos], dtype=np.float64)
        per_tick = np.array([us for _, us in self.tempos]) / 1e6 / self.ticks_per_quarter
        starts = np.concatenate([[0.0], np.cumsum(np.diff(at) * per_tick[:-1])])
        wanted = np.asarray(ticks, dtype=np.float64)
        part = np.maximum(0, np.searchsorted(at, wanted, side="right") - 1)
        return np.asarray(starts[part] + (wanted - at[part]) * per_tick[part])

    def beats(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the tick of each beat until the end, and which of them begin a bar."""
        ticks: list[int] = []
        firsts: list[bool] = []
        for number, (tick, count, unit) in enumerate(self.meters):
            until = self.meters[number + 1][0] if number + 1 < len(self.meters) else self.end + 1
            for k, beat in enumerate(range(tick, until, 4 * self.ticks_per_quarter // unit)):
                ticks.append(beat)
                firsts.append(k % count == 0)
        return np.array(ticks, dtype=np.int64), np.array(firsts, dtype=bool)


def read(data: bytes) -> MidiFile:
    """Return the song in a file of type 0 or 1 in ticks a quarter; raise ValueError for anything else."""
    if data[:4] == b"RIFF":
        data = data[20:]
    if data[:4] != b"MThd" or len(data) < 14:
        raise ValueError("this is no Standard MIDI File: it does not begin with MThd")
    length, kind, _, division = struct.unpack(">IHHH", data[4:14])
    if kind > 1 or division & 0x8000 or not division:
        raise ValueError(
            f"a MIDI file of type {kind} with division {division:#06x}; only types 0 and 1 with ticks a quarter"
        )
    tracks = [list(_messages(body)) for name, body in _chunks(data, 8 + length) if name == b"MTrk"]
    events = sorted(
        ((tick, number, place, message) for number, track in enumerate(tracks) for place, (tick, message) in enumerate(track)),
        key=lambda event: event[:3],
    )  # fmt: skip
    return _collect(division, [(tick, message) for tick, _, _, message in events])


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size


def _messages(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tick, message); a meta event is b"\\xff", its kind, and its data without the length."""
    at = tick = status = 0
    while at < len(body):
        delta, at = _variable(body, at)
        tick += delta
        if at >= len(body):
            return
        if body[at] & 0x80:
            status, at = body[at], at + 1
        if status == 0xFF:
            if at >= len(body):
                return
            kind = body[at]
            size, at = _variable(body, at + 1)
            yield tick, bytes([0xFF, kind]) + body[at : at + size]
            at += size
        elif status in (0xF0, 0xF7):
            size, at = _variable(body, at)
            at += size
        elif status & 0xF0 in _DATA_BYTES:
            size = _DATA_BYTES[status & 0xF0]
            if at + size > len(body):
                return
            yield tick, bytes([status]) + body[at : at + size]
            at += size
        else:
            raise ValueError(f"a MIDI message that begins with {status:#04x}: a file holds none of that kind")


def _variable(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    while at < len(data):
        number = number << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            break
    return number, at


def _collect(division: int, events: Iterable[tuple[int, bytes]]) -> MidiFile:
    notes: list[Note] = []
    controls: list[tuple[int, bytes]] = []
    tempos, meters = {0: _DEFAULT_TEMPO}, {0: (4, 4)}
    pressed: dict[tuple[int, int], list[tuple[int, int]]] = {}
    programs = [0] * 16
    end = 0
    for tick, message in events:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if message[0] == 0xFF:
            if message[1] == 0x51 and len(message) == 5:
                tempos[tick] = max(1, int.from_bytes(message[2:], "big"))
            elif message[1] == 0x58 and len(message) >= 4 and message[2]:
                meters[tick] = (message[2], 2 ** message[3])
            continue
        end = max(end, tick)
        if kind == 0x90 and message[2]:
            pressed.setdefault((channel, message[1]), []).append((tick, message[2]))
        elif kind in (0x80, 0x90):
            if starts := pressed.get((channel, message[1])):
                start, velocity = starts.pop(0)
                if tick > start:
                    notes.append(Note(start, tick, message[1], velocity, channel, programs[channel]))
        else:
            if kind == 0xC0:
                programs[channel] = message[1]
            controls.append((tick, message))
    for (channel, pitch), starts in pressed.items():
        notes += [Note(t, end, pitch, velocity, channel, programs[channel]) for t, velocity in starts if end > t]
    notes.sort(key=lambda note: (note.start, note.channel, note.pitch))
    ordered = sorted(meters.items())
    # A meter that repeats the one before it begins no bar of its own unless it stands on one; files have many such.
    kept = [m for k, m in enumerate(ordered) if k == 0 or m[1] != ordered[k - 1][1]]
    return MidiFile(division, tuple(notes), tuple(controls), tuple(sorted(tempos.items())),
                    tuple((tick, *meter) for tick, meter in kept), end)  # fmt: skip


def cut(song: MidiFile, wanted: Callable[[Note], bool], start: int, stop: int, lead_s: float, tail_s: float) -> bytes:
    """Return a file of the ``wanted`` notes that begin between two ticks, ``lead_s`` seconds after its own beginning.

    Programs, controllers and bends before ``start`` stand at its beginning, in their order; notes that began before are left
    out, so what it plays is what its notes say. It ends ``tail_s`` seconds after ``stop``. Its ticks are milliseconds.
    """
    begin_s = float(song.seconds(start)) - lead_s
    notes = [note for note in song.notes if start <= note.start < stop and wanted(note)]
    channels = {note.channel for note in notes}

    def place(tick: int) -> int:
        return max(0, round((float(song.seconds(tick)) - begin_s) * 1000))

    # At one instant controllers come first, and notes end before others begin, or a repeated note would be cut off.
    events = [(0 if tick < start else place(tick), 0, message) for tick, message in song.controls
              if message[0] & 0x0F in channels and tick < stop]  # fmt: skip
    for note in notes:
        events.append((place(note.start), 2, bytes([0x90 | note.channel, note.pitch, note.velocity])))
        events.append((place(min(note.end, stop)), 1, bytes([0x80 | note.channel, note.pitch, 64])))
    events.sort(key=lambda event: event[:2])
    return write([(at, message) for at, _, message in events], place(stop) + round(tail_s * 1000))


def write(events: Iterable[tuple[int, bytes]], end_ms: int) -> bytes:
    """Return a file of type 0 whose ticks are milliseconds: messages in order, silence until its end."""
    body, now = b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big"), 0
    for at, message in events:
        body += _write_variable(at - now) + message
        now = at
    body += _write_variable(max(0, end_ms - now)) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 1000) + b"MTrk" + struct.pack(">I", len(body)) + body


def _write_variable(number: int) -> bytes:
    out = bytes([number & 0x7F])
    while number := number >> 7:
        out = bytes([number & 0x7F | 0x80]) + out
    return out
