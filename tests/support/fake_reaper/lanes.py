"""Fixed lanes and free positioning: what switching between them does, and how lanes are arranged again."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper.state import Track

NONE, FREE, FIXED = 0, 1, 2  # I_FREEMODE
_REMOVES_EMPTY = 1  # C_LANESETTINGS


def set_mode(track: Track, mode: int) -> None:
    """Give a track another I_FREEMODE. Free places of items are lost in lanes; lanes that did not play stay silent after."""
    before = int(track["I_FREEMODE"])
    track.values["I_FREEMODE"] = mode
    if mode == FIXED and before != FIXED:
        track.had_lanes = False
        lowest = max([int(item["I_FIXEDLANE"]) for item in track.items], default=0)
        track["I_NUMFIXEDLANES"] = max(track["I_NUMFIXEDLANES"], lowest + 1)
    if before == FIXED and mode != FIXED:
        track.had_lanes = True
    arrange(track)


def arrange(track: Track) -> None:
    """Draw the items where their lanes are."""
    if int(track["I_FREEMODE"]) != FIXED:
        return
    for item in track.items:
        item["F_FREEMODE_H"] = 1 / track["I_NUMFIXEDLANES"]
        item["F_FREEMODE_Y"] = item["I_FIXEDLANE"] * item["F_FREEMODE_H"]


def settle(project: Any) -> bool:
    """Arrange all lanes again: empty ones at the bottom go, where that is set. Whether there was anything to do."""
    found = False
    for track in project.tracks:
        if int(track["I_FREEMODE"]) != FIXED:
            continue
        used = max([int(item["I_FIXEDLANE"]) for item in track.items], default=0) + 1
        if int(track["C_LANESETTINGS"]) & _REMOVES_EMPTY and used < track["I_NUMFIXEDLANES"]:
            track["I_NUMFIXEDLANES"] = used
            track.lanes = {lane: how for lane, how in track.lanes.items() if lane < used} or {0: 1}
            found = True
        arrange(track)
    return found


def plays(track: Track, lane: int) -> int:
    """Return an item's C_LANEPLAYS."""
    if int(track["I_FREEMODE"]) != FIXED and track.had_lanes and lane not in track.lanes:
        return -1
    return track.lanes.get(lane, 0)
