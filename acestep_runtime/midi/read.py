"""Reading Standard MIDI Files of format 0 and 1.

bytes ─► events ─► all tracks in one order, with seconds ─► notes, by track, channel and program ─► parts

Files may be broken or hostile: whatever is in them, the answer is a song or an `InvalidValue`.
"""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from acestep_runtime.dsp.general_midi import DRUM_CHANNEL
from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi import events as smf
from acestep_runtime.midi.events import Event
from acestep_runtime.midi.files import MAX_BYTES
from acestep_runtime.notes import Meter, MidiSong, Note, Part, Tempo

#: The most notes, and the longest song, in seconds.
MAX_NOTES, MAX_S = 100_000, 1200.0
#: The fastest tempo, in quarter notes a minute: with a faster one a broken file would have millions of bars.
MAX_BPM = 1000
#: A note that ends where it begins gets this length: files have drums without one.
_SHORTEST_S = 0.01
_SUSTAIN, _SOUND_OFF, _NOTES_OFF = 64, 120, 123
#: From this value on a pedal is down.
_DOWN = 64
_DEFAULT_TEMPO_US = 500_000
#: Meters count at most 64ths.
_MAX_UNIT_POWER = 6
#: Frames a second of a header that counts frames of film; 29 is short for 30000/1001.
_FILM_RATES = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}
_FIRST = (smf.SET_TEMPO, smf.TIME_SIGNATURE)

Change = TypeVar("Change", Tempo, Meter)


def decode_midi(text: str, field: str = "midi") -> MidiSong:
    """Return the song in a file that is written as base64. Raises `InvalidValue`, which names ``field``."""
    try:
        return _decode(text)
    except InvalidValue as error:
        error.field = field
        raise


@lru_cache(maxsize=4)
def _decode(text: str) -> MidiSong:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidValue("midi", text, "a Standard MIDI File as base64") from error
    return read_midi(data)


def read_midi(data: bytes) -> MidiSong:
    """Return the song in a Standard MIDI File of format 0 or 1.

    A part is what one track plays on one channel with one program; channel 10 holds drums. Notes that a sustain pedal holds end
    when it is up, or when they are struck again. Notes that never end do so with the song. Times are those of the tempo map.

    Raises `InvalidValue` for what is above one of the limits of this module, for no notes, and for what is no such file.
    """
    if len(data) > MAX_BYTES:
        message = f"The MIDI file has {len(data)} bytes; allowed: at most {MAX_BYTES}."
        raise InvalidValue("midi", len(data), f"at most {MAX_BYTES} bytes", message=message, remedy="Leave tracks out.")
    file = smf.parse_file(data)
    reader = _Reader(_Clock.of_division(file.division))
    song = reader.read(_in_order(file.tracks), [_name(track) for track in file.tracks])
    if not song.parts:
        raise InvalidValue("midi", "a file without notes", "a file with notes", message="The MIDI file holds no notes.")
    return song


def _name(track: Sequence[Event]) -> str:
    names = (event.data for event in track if (event.kind, event.channel) == (smf.META, smf.TRACK_NAME))
    text = next(names, b"").decode("utf-8", "replace").replace("\0", " ")
    return " ".join(text.split())[:255]


def _in_order(tracks: Sequence[Sequence[Event]]) -> list[Event]:
    """Return all events by time; of one time tempo, meter and programs come first, then tracks in their order."""

    def order(event: Event) -> tuple[int, bool]:
        comes_first = event.kind == smf.PROGRAM or (event.kind == smf.META and event.channel in _FIRST)
        return event.tick, not comes_first

    return sorted((event for track in tracks for event in track), key=order)  # stable: a track keeps its order


@dataclass
class _Clock:
    """Seconds of ticks that come in order. With ``tick_s`` a tick has a length of its own, whatever the tempo."""

    quarter_ticks: int
    tick_s: float | None = None
    tempo_us: int = _DEFAULT_TEMPO_US
    at_tick: int = 0
    at_s: float = 0.0

    @classmethod
    def of_division(cls, division: int) -> _Clock:
        """Return the clock that a header asks for: ticks a quarter note, or frames of film and ticks of each."""
        if not division & 0x8000:
            if not division:
                raise smf.file_error("a quarter note has no ticks")
            return cls(division)
        rate, ticks = _FILM_RATES.get(256 - (division >> 8)), division & 0xFF
        if rate is None or not ticks:
            raise smf.file_error("it counts frames of film at a rate that there is none of")
        return cls(1, 1 / (rate * ticks))

    def seconds_at(self, tick: int) -> float:
        """Move on to a tick, and return its time."""
        each_s = self.tempo_us / 1e6 / self.quarter_ticks if self.tick_s is None else self.tick_s
        self.at_s += (tick - self.at_tick) * each_s
        self.at_tick = tick
        return self.at_s


@dataclass
class _Sound:
    """A note that sounds: when it was struck, how hard and with which program."""

    start_s: float
    velocity: int
    program: int


@dataclass
class _Key:
    """The notes of a pitch that sound, as they were struck: those that only the pedal holds, then the others.

    Two queues: a file may strike a pitch a hundred thousand times and release it as often.
    """

    held: deque[_Sound] = field(default_factory=deque)
    free: deque[_Sound] = field(default_factory=deque)


@dataclass
class _Voice:
    """What one track plays on one channel: its pedal and program where it sets them, and its keys by pitch."""

    is_down: bool | None = None
    program: int | None = None
    keys: dict[int, _Key] = field(default_factory=lambda: defaultdict(_Key))


class _Reader:
    """Goes through events in order and collects notes, tempos and meters."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._voices: dict[tuple[int, int], _Voice] = defaultdict(_Voice)
        self._programs = [0] * 16
        self._pedals = [False] * 16
        # By channel, the tracks with sounds, and those of them that the channel's pedal holds: a file with thousands of tracks
        # may move its pedals a hundred thousand times.
        self._sounding: dict[int, set[int]] = defaultdict(set)
        self._held: dict[int, set[int]] = defaultdict(set)
        self._notes: dict[tuple[int, int, int], list[Note]] = defaultdict(list)
        self._count = 0
        self._tempos = [Tempo(0.0, 60e6 / _DEFAULT_TEMPO_US)]
        self._meters = [Meter(0.0, 4, 4)]

    def read(self, events: Sequence[Event], names: Sequence[str]) -> MidiSong:
        """Return the song of all events; ``names`` are those of the tracks."""
        now_s = 0.0
        for event in events:
            now_s = self._clock.seconds_at(event.tick)
            self._take(event, now_s)
        for track, channel in list(self._voices):
            self._end_all(track, channel, now_s)
        end_s = max([now_s, *(note.end_s for notes in self._notes.values() for note in notes)])
        if end_s > MAX_S:
            message = f"The MIDI file is {end_s:.0f} s long; allowed: at most {MAX_S:g} s."
            raise InvalidValue("midi", end_s, f"at most {MAX_S:g} seconds", message=message, remedy="Shorten it.")
        return MidiSong(tuple(self._parts(names)), tuple(self._tempos), tuple(self._meters), end_s)

    def _parts(self, names: Sequence[str]) -> Iterator[Part]:
        for (track, channel, program), notes in sorted(self._notes.items(), key=lambda item: item[0]):
            in_order = sorted(notes, key=lambda note: (note.start_s, note.pitch, note.end_s, note.velocity))
            yield Part(names[track], tuple(in_order), program, channel == DRUM_CHANNEL)

    def _take(self, event: Event, now_s: float) -> None:
        data = event.data
        match event.kind:
            case smf.NOTE_ON if data[1]:
                self._strike(event, now_s)
            case smf.NOTE_ON | smf.NOTE_OFF:
                self._release(event.track, event.channel, data[0], now_s)
            case smf.CONTROL:
                self._control(event, now_s)
            case smf.PROGRAM:
                self._programs[event.channel] = self._voices[event.track, event.channel].program = data[0]
            case smf.META if event.channel == smf.SET_TEMPO and len(data) == 3:
                self._set_tempo(int.from_bytes(data, "big"), now_s)
            case smf.META if event.channel == smf.TIME_SIGNATURE and len(data) >= 2:
                if data[0] and data[1] <= _MAX_UNIT_POWER:
                    _put(self._meters, Meter(now_s, data[0], 2 ** data[1]))

    def _set_tempo(self, tempo_us: int, now_s: float) -> None:
        if tempo_us * MAX_BPM < 60e6:
            allowed = f"at most {MAX_BPM} quarter notes a minute"
            message = f"The MIDI file has a tempo of {tempo_us} microseconds a quarter note; allowed: {allowed}."
            raise InvalidValue("midi", tempo_us, allowed, message=message, remedy="Correct its tempo map.")
        self._clock.tempo_us = tempo_us
        _put(self._tempos, Tempo(now_s, 60e6 / tempo_us))

    def _strike(self, event: Event, now_s: float) -> None:
        voice, pitch = self._voices[event.track, event.channel], event.data[0]
        key = voice.keys[pitch]
        while key.held:  # struck again
            self._end(event.track, event.channel, pitch, now_s)
        program = self._programs[event.channel] if voice.program is None else voice.program
        key.free.append(_Sound(now_s, event.data[1], 0 if event.channel == DRUM_CHANNEL else program))
        self._sounding[event.channel].add(event.track)
        self._count += 1
        if self._count > MAX_NOTES:
            message = f"The MIDI file has more than {MAX_NOTES} notes."
            raise InvalidValue(
                "midi", self._count, f"at most {MAX_NOTES} notes", message=message, remedy="Leave tracks out."
            )

    def _release(self, track: int, channel: int, pitch: int, now_s: float) -> None:
        key = self._voices[track, channel].keys[pitch]
        if channel != DRUM_CHANNEL and self._is_down(track, channel):
            if key.free:
                key.held.append(key.free.popleft())
                if self._voices[track, channel].is_down is None:
                    self._held[channel].add(track)
        elif key.held or key.free:
            self._end(track, channel, pitch, now_s)

    def _is_down(self, track: int, channel: int) -> bool:
        """Return whether the pedal is down: a track's own, else what another track says for the channel."""
        own = self._voices[track, channel].is_down
        return self._pedals[channel] if own is None else own

    def _control(self, event: Event, now_s: float) -> None:
        number, value = event.data
        track, channel = event.track, event.channel
        if number == _SUSTAIN:
            is_down = self._pedals[channel] = self._voices[track, channel].is_down = value >= _DOWN
            self._held[channel].discard(track)
            if not is_down:
                for held in (track, *self._held.pop(channel, ())):
                    self._end_all(held, channel, now_s, only_held=True)
        elif number in (_SOUND_OFF, _NOTES_OFF):
            for sounding in self._sounding.pop(channel, ()):
                self._end_all(sounding, channel, now_s)

    def _end_all(self, track: int, channel: int, now_s: float, *, only_held: bool = False) -> None:
        for pitch, key in self._voices[track, channel].keys.items():
            while key.held or (key.free and not only_held):
                self._end(track, channel, pitch, now_s)

    def _end(self, track: int, channel: int, pitch: int, now_s: float) -> None:
        """End the note of a pitch that was struck first."""
        key = self._voices[track, channel].keys[pitch]
        sound = (key.held or key.free).popleft()
        end_s = max(now_s, sound.start_s + _SHORTEST_S)
        self._notes[track, channel, sound.program].append(Note(sound.start_s, end_s, pitch, sound.velocity))


def _put(changes: list[Change], change: Change) -> None:
    """Add a tempo or a meter: it replaces one of the same time, and is left out where nothing changes."""
    if changes[-1].start_s == change.start_s:
        changes.pop()
    if not changes or _value(changes[-1]) != _value(change):
        changes.append(change)


def _value(change: Tempo | Meter) -> tuple[float, ...]:
    return (change.bpm,) if isinstance(change, Tempo) else (change.beats, change.unit)
