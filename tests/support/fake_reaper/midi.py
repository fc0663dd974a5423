"""MIDI: notes in quarters from their item's start. They follow the tempo, also in an item that stays where it is."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from tests.support.fake_reaper.api import api
from tests.support.fake_reaper.calls_time import quarters_at, time_at
from tests.support.fake_reaper.state import Item, Take, Track

Call = Any
PPQ = 960
_LEVEL = 0.25


def _begin(take: Take) -> float:
    """Return the quarter of the project at which the source of a take begins, which its offset moves before the item."""
    project, item = take.item.track.project, take.item
    at_item = quarters_at(project, item["D_POSITION"])
    if not take["D_STARTOFFS"]:
        return at_item
    later = quarters_at(project, item["D_POSITION"] + take["D_STARTOFFS"] / take["D_PLAYRATE"])
    return 2 * at_item - later


def notes_of(item: Item) -> list[tuple[float, float, int]]:
    """Return the notes of an item's active take that begin in it: (start and end in seconds of the project, pitch)."""
    take, project = item.active, item.track.project
    if take is None or take.source is None or take.source.kind != "MIDI":
        return []
    begin, rate = _begin(take), take["D_PLAYRATE"]
    found = [(time_at(project, begin + start / rate), time_at(project, begin + end / rate), pitch)
             for start, end, pitch in take.source.notes]  # fmt: skip
    return [note for note in found if item["D_POSITION"] - 1e-9 <= note[0] < item.end]


def play(track: Track, rate: float, first: int, count: int) -> np.ndarray:
    """Return what an instrument makes of a track's notes ``[count, 2]``: a sine for each."""
    out = np.zeros((count, 2))
    time = np.arange(first, first + count) / rate
    for item in track.items:
        if item["B_MUTE"] or not track.plays(item):
            continue
        for start, end, pitch in notes_of(item):
            sounds = (time >= start) & (time < min(end, item.end))
            tone = _LEVEL * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * (time[sounds] - start))
            out[sounds] += tone[:, None]
    return out


@api("CreateNewMIDIItemInProj")
def create_new_midi_item_in_proj(_r: Call, track: Track, start: float, end: float, in_quarters: bool | None) -> Item:
    if in_quarters:
        start, end = (time_at(track.project, quarters) for quarters in (start, end))
    return track.add_midi(start, end - start)


@api("MIDI_CountEvts")
def midi_count_evts(_r: Call, take: Take) -> tuple[int, int, int, int]:
    notes, controls = (0, 0) if take.source is None else (len(take.source.notes), len(take.source.controls))
    return notes + controls, notes, controls, 0


@api("MIDI_GetNote")
def midi_get_note(_r: Call, take: Take, index: int) -> tuple[bool, bool, bool, float, float, int, int, int]:
    notes = take.source.notes if take.source is not None else ()
    if not 0 <= index < len(notes):
        return False, False, False, 0.0, 0.0, 0, 0, 0
    start, end, pitch = notes[index]
    velocity, channel = take.source.sounds[index] if take.source.sounds else (96, take.source.channel)
    return True, False, index < take.source.muted, start * PPQ, end * PPQ, channel, pitch, velocity


@api("MIDI_GetCC")
def midi_get_cc(_r: Call, take: Take, index: int) -> tuple[bool, bool, bool, float, int, int, int, int]:
    controls = take.source.controls if take.source is not None else ()
    if not 0 <= index < len(controls):
        return False, False, False, 0.0, 0, 0, 0, 0
    quarter, status, channel, first, second = controls[index]
    return True, False, False, quarter * PPQ, status, channel, first, second


@api("MIDI_GetProjQNFromPPQPos")
def midi_get_proj_qn_from_ppq_pos(_r: Call, take: Take, position: float) -> float:
    return _begin(take) + position / PPQ / take["D_PLAYRATE"]


@api("MIDI_GetProjTimeFromPPQPos")
def midi_get_proj_time_from_ppq_pos(_r: Call, take: Take, position: float) -> float:
    project = take.item.track.project
    return time_at(project, _begin(take) + position / PPQ / take["D_PLAYRATE"])


@api("MIDI_GetPPQPosFromProjQN")
def midi_get_ppq_pos_from_proj_qn(_r: Call, take: Take, quarters: float) -> float:
    return (quarters - _begin(take)) * PPQ * take["D_PLAYRATE"]


@api("MIDI_GetPPQPosFromProjTime")
def midi_get_ppq_pos_from_proj_time(_r: Call, take: Take, time: float) -> float:
    project = take.item.track.project
    return (quarters_at(project, time) - _begin(take)) * PPQ * take["D_PLAYRATE"]


@api("MIDI_SetAllEvts")
def midi_set_all_evts(_r: Call, take: Take, packed: str | bytes) -> bool:
    """Take events as REAPER does: an offset from the last one, flags, and a message with its length before it."""
    raw = packed if isinstance(packed, bytes) else packed.encode("utf-8", "surrogateescape")
    now, at, begun = 0, 0, {}
    notes: list[tuple[float, float, int]] = []
    sounds: list[tuple[int, int, int]] = []
    while at < len(raw):
        offset, _flags, size = struct.unpack_from("<iBi", raw, at)
        message, at, now = raw[at + 9 : at + 9 + size], at + 9 + size, now + offset
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == 0x90 and message[2]:
            begun[channel, message[1]] = now, message[2]
        elif kind in (0x80, 0x90) and (channel, message[1]) in begun:
            start, velocity = begun.pop((channel, message[1]))
            notes.append((start / PPQ, now / PPQ, message[1]))
            sounds.append((start, velocity, channel))
    order = sorted(range(len(notes)), key=lambda number: notes[number])
    take.source.notes = tuple(notes[number] for number in order)
    take.source.sounds = tuple(sounds[number][1:] for number in order)
    return not begun
