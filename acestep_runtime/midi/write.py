"""Writing a song as a Standard MIDI File of format 1: a track with the tempos and meters, then one for each part.

Letters: t ticks, of which a quarter note has `TICKS_PER_BEAT`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise, zip_longest

import mido

from acestep_runtime.dsp.general_midi import DRUM_CHANNEL
from acestep_runtime.errors import InvalidValue
from acestep_runtime.midi.beats import TempoMap
from acestep_runtime.notes import MidiSong, Note, Part, Tempo

TICKS_PER_BEAT = 960
#: What a file can say: microseconds a beat are 1 to 2^24 − 1.
MIN_BPM, MAX_BPM = 60e6 / (2**24 - 1), 6e7
#: A time of 10 hours is a mistake of whoever made it.
MAX_SECONDS = 36_000.0

_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
#: Notes end before others begin at the same tick, and a program is there before the first of them.
_ORDER = {"program_change": 0, "note_off": 1, "note_on": 2}


class TickMap:
    """Converts seconds to ticks by the tempos of a song, as a file holds them.

    Each tempo starts at a whole tick and has whole microseconds a beat; a `TempoMap` of these does the rest.
    """

    def __init__(self, tempos: Sequence[Tempo]) -> None:
        """Raises `InvalidValue` for tempos that a file cannot hold, or that do not begin at 0 and go on from there."""
        _check_tempos(tempos)
        self.ticks: list[int] = [0]
        #: Microseconds a beat.
        self.lengths_us: list[int] = [bpm_to_us(tempos[0].bpm)]
        start_s, starts_s = 0.0, [0.0]
        for tempo in tempos[1:]:
            tick_s = self.lengths_us[-1] / (1e6 * TICKS_PER_BEAT)
            count = round((tempo.start_s - start_s) / tick_s)
            start_s += count * tick_s
            starts_s.append(start_s)
            self.ticks.append(self.ticks[-1] + count)
            self.lengths_us.append(bpm_to_us(tempo.bpm))
        written = zip(starts_s, self.lengths_us, strict=True)
        self._beats = TempoMap(tuple(Tempo(start_s, 60e6 / length_us) for start_s, length_us in written))

    def s_to_tick(self, time_s: float) -> int:
        """Return the tick nearest to a time."""
        return round(self._beats.s_to_quarter(time_s) * TICKS_PER_BEAT)

    def tick_to_s(self, tick: int) -> float:
        """Return the time of a tick."""
        return self._beats.quarter_to_s(tick / TICKS_PER_BEAT)


def bpm_to_us(bpm: float) -> int:
    """Return the microseconds of a beat, as a file holds them."""
    return round(60e6 / bpm)


def write_midi(song: MidiSong) -> bytes:
    """Return a song as the bytes of a Standard MIDI File. Each time is that of the nearest tick; a note lasts a tick at least.

    A part has a channel of its own, up to 15 of them; of more parts those with the same program share one. Drums are on
    channel 10. A note that is struck again while it sounds ends there, as no file can hold both. Raises `InvalidValue`.
    """
    ticks = TickMap(song.tempos)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(_conductor_track(song, ticks))
    for part, channel in zip(song.parts, _channels(song.parts), strict=True):
        file.tracks.append(_part_track(part, channel, ticks))
    if song.end_s:
        end = ticks.s_to_tick(_check_time(song.end_s))
        file.tracks[0].append(mido.MetaMessage("end_of_track", time=max(0, end - _length(file.tracks[0]))))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _conductor_track(song: MidiSong, ticks: TickMap) -> mido.MidiTrack:
    events: list[tuple[int, mido.MetaMessage]] = [
        (tick, mido.MetaMessage("set_tempo", tempo=length_us))
        for tick, length_us in zip(ticks.ticks, ticks.lengths_us, strict=True)
    ]
    for meter in song.meters:
        if not 1 <= meter.beats <= 255 or meter.unit not in (1, 2, 4, 8, 16, 32, 64):
            raise InvalidValue("meter", f"{meter.beats}/{meter.unit}", "1 to 255 notes of 1/1, 1/2, 1/4 … 1/64 a bar")
        signature = mido.MetaMessage("time_signature", numerator=meter.beats, denominator=meter.unit)
        events.append((ticks.s_to_tick(_check_time(meter.start_s)), signature))
    return _track(sorted(events, key=lambda event: event[0]))


def _part_track(part: Part, channel: int, ticks: TickMap) -> mido.MidiTrack:
    events: list[tuple[int, mido.Message]] = []
    if not part.is_drums:
        if not 0 <= part.program <= 127:
            raise InvalidValue("program", part.program, "0 to 127")
        events.append((0, mido.Message("program_change", channel=channel, program=part.program)))
    for start, end, note in _cut_overlaps(part.notes, ticks):
        sound = {"channel": channel, "note": note.pitch}
        events.append((start, mido.Message("note_on", velocity=note.velocity, **sound)))
        events.append((end, mido.Message("note_off", velocity=0, **sound)))
    events.sort(key=lambda event: (event[0], _ORDER[event[1].type]))
    return _track(events, part.name)


def _cut_overlaps(notes: Sequence[Note], ticks: TickMap) -> Iterable[tuple[int, int, Note]]:
    """Return notes with their first and last-plus-one tick; of one pitch none sounds when the next begins."""
    by_place: dict[tuple[int, int], tuple[int, Note]] = {}
    for note in notes:
        _check_note(note)
        start = ticks.s_to_tick(note.start_s)
        end = max(start + 1, ticks.s_to_tick(note.end_s))
        if end > by_place.get((note.pitch, start), (0, note))[0]:
            by_place[note.pitch, start] = end, note  # of two at one tick the longer one stays
    places = sorted(by_place)
    for place, following in zip_longest(places, places[1:]):
        pitch, start = place
        end, note = by_place[place]
        yield start, min(end, following[1]) if following and following[0] == pitch else end, note


def _track(events: Iterable[tuple[int, mido.Message | mido.MetaMessage]], name: str = "") -> mido.MidiTrack:
    """Return a track of events at their ticks, which must be in order."""
    track, now = mido.MidiTrack(), 0
    if name:
        track.append(mido.MetaMessage("track_name", name=name))
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _length(track: mido.MidiTrack) -> int:
    return sum(message.time for message in track)


def _channels(parts: Sequence[Part]) -> list[int]:
    """Return a channel for each part, counted from 0."""
    pitched = [number for number, part in enumerate(parts) if not part.is_drums]
    if len(pitched) <= len(_CHANNELS):
        channels = dict(zip(pitched, _CHANNELS, strict=False))
        return [channels.get(number, DRUM_CHANNEL) for number in range(len(parts))]
    programs = list(dict.fromkeys(parts[number].program for number in pitched))
    if len(programs) > len(_CHANNELS):
        raise InvalidValue(
            "parts", len(programs), f"at most {len(_CHANNELS)} different programs",
            message=f"The song has parts with {len(programs)} programs; a MIDI file has {len(_CHANNELS)} channels for them.",
            remedy="Write the song as several files.",
        )  # fmt: skip
    by_program = dict(zip(programs, _CHANNELS, strict=False))
    return [DRUM_CHANNEL if part.is_drums else by_program[part.program] for part in parts]


def _check_tempos(tempos: Sequence[Tempo]) -> None:
    if not tempos or tempos[0].start_s != 0:
        raise InvalidValue("tempos", len(tempos), "a tempo at 0 and those after it")
    for tempo in tempos:
        if not MIN_BPM <= tempo.bpm <= MAX_BPM:
            raise InvalidValue("bpm", tempo.bpm, f"{MIN_BPM:.2f} to {MAX_BPM:.0f}")
        _check_time(tempo.start_s)
    if any(later.start_s < earlier.start_s for earlier, later in pairwise(tempos)):
        raise InvalidValue("tempos", "out of order", "tempos in the order of their times")


def _check_note(note: Note) -> None:
    if not 0 <= note.pitch <= 127:
        raise InvalidValue("pitch", note.pitch, "0 to 127")
    if not 1 <= note.velocity <= 127:
        raise InvalidValue("velocity", note.velocity, "1 to 127")
    if not _check_time(note.start_s) <= _check_time(note.end_s):
        raise InvalidValue("end_s", note.end_s, f"not before the start, {note.start_s:g} s")


def _check_time(time_s: float) -> float:
    if not (math.isfinite(time_s) and 0 <= time_s <= MAX_SECONDS):
        raise InvalidValue("time", time_s, f"0 to {MAX_SECONDS:g} seconds")
    return time_s
