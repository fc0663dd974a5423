"""MIDI: notes in quarters from their item's start. They follow the tempo, also in an item that stays where it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.fake_reaper.api import api
from tests.support.fake_reaper.calls_time import quarters_at, time_at
from tests.support.fake_reaper.state import Item, Take, Track

Call = Any
PPQ = 960
_LEVEL = 0.25


def notes_of(item: Item) -> list[tuple[float, float, int]]:
    """Return the notes of an item's active take that begin in it: (start and end in seconds of the project, pitch)."""
    take, project = item.active, item.track.project
    if take is None or take.source is None or take.source.kind != "MIDI":
        return []
    begin = quarters_at(project, item["D_POSITION"])
    found = [(time_at(project, begin + start), time_at(project, begin + end), pitch)
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
    count = len(take.source.notes) if take.source is not None else 0
    return count, count, 0, 0


@api("MIDI_GetNote")
def midi_get_note(_r: Call, take: Take, index: int) -> tuple[bool, bool, bool, float, float, int, int, int]:
    notes = take.source.notes if take.source is not None else ()
    if not 0 <= index < len(notes):
        return False, False, False, 0.0, 0.0, 0, 0, 0
    start, end, pitch = notes[index]
    return True, False, False, start * PPQ, end * PPQ, 0, pitch, 96


@api("MIDI_GetProjTimeFromPPQPos")
def midi_get_proj_time_from_ppq_pos(_r: Call, take: Take, position: float) -> float:
    project = take.item.track.project
    return time_at(project, quarters_at(project, take.item["D_POSITION"]) + position / PPQ)
