"""Playing a song of notes: with a General MIDI sound font where there is one, else with our own voices.

notes ─► events by frame ─► sound font, a block between two events ─┐
      ─► `dsp` voices, two seconds at a time ───────────────────────┴─► level ─► ``[N, 2]`` at 48 kHz

Equal songs give equal samples on one machine. What is played is for a model to follow: no reverb, and one level for all songs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acestep_runtime.audio.samples import Samples
from acestep_runtime.dsp.general_midi import DRUM_KIT, piece_of_note, voice_of_program
from acestep_runtime.dsp.players import Note as Played
from acestep_runtime.dsp.render import Mixer
from acestep_runtime.dsp.render import render as mix_bars
from acestep_runtime.errors import InvalidValue, printable
from acestep_runtime.midi.sound_fonts import find_sound_font
from acestep_runtime.notes import MidiSong, Note, Part
from acestep_runtime.units import ENGINE_RATE_HZ, db_to_gain, seconds_to_frames

#: RMS level of what sounds, and the greatest peak, in dBFS.
LEVEL_DB, PEAK_DB = -20.0, -1.0
#: Blocks that are this much softer than the loudest do not count for the level: they are rests.
_REST_DB = -50.0
_BLOCK = ENGINE_RATE_HZ // 10
#: Melodic channels that a sound font plays at once, and that of its drums.
_CHANNELS, _DRUMS = tuple(channel for channel in range(16) if channel != 9), 9
#: Headroom of the sound font before the level is set; and its voices at once.
_GAIN_DB, _VOICES = -12.0, 512
#: Our own voices: seconds a block, room, and the level at which nothing is limited.
_BAR_S, _ROOM_S, _DRY_GAIN_DB = 2.0, 0.3, -24.0


@dataclass(frozen=True)
class Rendering:
    """The samples ``[N, 2]`` of a song, and what played it, in words."""

    samples: Samples
    played_by: str


def render(song: MidiSong, frames: int, check: Callable[[], None] = lambda: None) -> Rendering:
    """Play the first ``frames`` frames of a song, silent after its end; ``check`` is called between blocks and may raise.

    Raises `InvalidValue` where the setting ``sound_font`` names a file that cannot be used.
    """
    font = find_sound_font()
    samples = np.zeros((frames, 2), np.float32)
    for start, block in _play_own(song, frames) if font is None else _play_font(song, frames, font):
        check()
        samples[start : start + len(block)] += block
    _set_level(samples)
    return Rendering(samples, "AceBridge's own voices" if font is None else f"the sound font {font.resolve().stem}")


def _set_level(samples: Samples) -> None:
    """Bring samples to `LEVEL_DB` where they sound, and no peak above `PEAK_DB`; in place."""
    blocks = [samples[start : start + _BLOCK] for start in range(0, len(samples), _BLOCK)]
    power = np.array([np.mean(block.astype(np.float64) ** 2) for block in blocks])
    sounding = power[power > power.max(initial=0.0) * db_to_gain(_REST_DB) ** 2]
    if len(sounding):
        peak = max(float(np.abs(block).max()) for block in blocks)
        gain = min(db_to_gain(LEVEL_DB) / np.sqrt(sounding.mean()), db_to_gain(PEAK_DB) / peak)
        samples *= np.float32(gain)


@dataclass(frozen=True)
class _KeyEvent:
    """A note that begins (``velocity`` above 0) or ends at a frame, on a channel of the sound font."""

    frame: int
    channel: int
    pitch: int
    velocity: int


def _play_font(song: MidiSong, frames: int, font: Path) -> Iterator[tuple[int, Samples]]:
    """Yield blocks of a song, each with its first frame; songs with many programs come in several layers of such blocks."""
    import tinysoundfont

    drums = [part for part in song.parts if part.is_drums]
    melodic = [part for part in song.parts if not part.is_drums]
    programs = list(dict.fromkeys(part.program for part in melodic))
    groups = [programs[at : at + len(_CHANNELS)] for at in range(0, len(programs), len(_CHANNELS))] or [[]]
    data = font.read_bytes()
    for number, group in enumerate(groups):
        synth = tinysoundfont.Synth(gain=_GAIN_DB, samplerate=ENGINE_RATE_HZ)
        loaded = _load(synth, data, font)
        channels = dict(zip(group, _CHANNELS, strict=False))
        for program, channel in channels.items():
            has_it = synth.sfpreset_name(loaded, 0, program) is not None
            synth.program_select(channel, loaded, 0, program if has_it else 0)
        synth.program_select(_DRUMS, loaded, 128, 0, is_drums=True)
        parts = [(channels[part.program], part) for part in melodic if part.program in channels]
        parts += [(_DRUMS, part) for part in drums] if number == 0 else []
        yield from _between_events(synth, _events(parts, frames), frames)


def _load(synth: Any, data: bytes, font: Path) -> int:
    try:
        return int(synth.sfload(data, max_voices=_VOICES))
    except Exception as error:  # the binding raises RuntimeError, its loader others
        raise InvalidValue("sound_font", printable(font.name), "a sound font that is whole",
                           message=f"The sound font {printable(font.name)} cannot be played: it is broken.",
                           remedy="Name another one in the setting sound_font, or none.") from error  # fmt: skip


def _events(parts: Sequence[tuple[int, Part]], frames: int) -> list[_KeyEvent]:
    """Return beginnings and ends of notes by frame; a pitch of a channel ends before it begins again."""
    by_channel: dict[int, list[Note]] = {}
    for channel, part in parts:
        by_channel.setdefault(channel, []).extend(part.notes)
    events: list[_KeyEvent] = []
    for channel, notes in by_channel.items():
        for note, stop_s in _without_overlap(notes):
            first = seconds_to_frames(note.start_s, ENGINE_RATE_HZ)
            if first < frames:
                last = max(first + 1, seconds_to_frames(stop_s, ENGINE_RATE_HZ))
                events.append(_KeyEvent(first, channel, note.pitch, note.velocity))
                events.append(_KeyEvent(min(last, frames), channel, note.pitch, 0))
    return sorted(events, key=lambda event: (event.frame, event.velocity > 0))


def _without_overlap(notes: Sequence[Note]) -> Iterator[tuple[Note, float]]:
    """Yield notes, each with its end: no later than the next note of its pitch begins."""
    by_pitch: dict[int, list[Note]] = {}
    for note in notes:
        by_pitch.setdefault(note.pitch, []).append(note)
    for row in by_pitch.values():
        row.sort(key=lambda note: note.start_s)
        following_s = [*(note.start_s for note in row[1:]), math.inf]
        for struck, next_s in zip(row, following_s, strict=True):
            yield struck, max(struck.start_s, min(struck.end_s, next_s))


def _between_events(synth: Any, events: Sequence[_KeyEvent], frames: int) -> Iterator[tuple[int, Samples]]:
    at = number = 0
    while at < frames:
        while number < len(events) and events[number].frame <= at:
            event = events[number]
            if event.velocity:
                synth.noteon(event.channel, event.pitch, event.velocity)
            else:
                synth.noteoff(event.channel, event.pitch)
            number += 1
        following = events[number].frame if number < len(events) else frames
        stop = min(frames, following, at + _BLOCK)
        block = np.frombuffer(synth.generate(stop - at), np.float32).reshape(-1, 2)
        yield at, block
        at = stop


def _play_own(song: MidiSong, frames: int) -> Iterator[tuple[int, Samples]]:
    """Yield blocks of a song as the draft engine's voices play it, each with its first frame."""
    bars: dict[int, list[Played]] = {}
    for part in song.parts:
        for note in part.notes:
            bars.setdefault(int(note.start_s // _BAR_S), []).append(to_player_note(note, part))
    count = int(np.ceil(frames / ENGINE_RATE_HZ / _BAR_S)) + 1
    mixer = Mixer(seed=0, brightness=0.0, room_s=_ROOM_S, gain_db=_DRY_GAIN_DB)
    at = 0
    for block in mix_bars(((bars.get(bar, []), (bar + 1) * _BAR_S) for bar in range(count)), frames, mixer):
        yield at, block
        at += len(block)


def to_player_note(note: Note, part: Part) -> Played:
    """Return a note of a part as the draft engine plays it, with the voice of its program."""
    loud = max(0.05, note.velocity / 127)
    if part.is_drums:
        track, piece = piece_of_note(note.pitch)
        return Played(note.start_s, note.end_s - note.start_s, track, DRUM_KIT, loud, piece=piece)
    track, voice = voice_of_program(part.program)
    return Played(note.start_s, note.end_s - note.start_s, track, voice, loud, (note.pitch,))
