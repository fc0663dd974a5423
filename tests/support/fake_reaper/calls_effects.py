"""Effects of takes and tracks."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.calls_tracks import at
from tests.support.fake_reaper.state import Fx, Take, Track

Call = Any
#: Some that come with REAPER: what the function finds them by → their names. None changes what it hears here.
STOCK = {"ReaEQ": "VST: ReaEQ (Cockos)", "ReaSynth": "VSTi: ReaSynth (Cockos)"}
_ALWAYS_ADD = -1


def _add(owner: Take | Track, name: str, how: int) -> int:
    if how != _ALWAYS_ADD:
        raise ApiMisuse(f"AddByName: this fake adds a new effect ({_ALWAYS_ADD}) and knows no {how}")
    if name not in STOCK:
        return -1
    owner.fx.append(Fx(STOCK[name], lambda samples, _rate: samples))
    return len(owner.fx) - 1


@api("TakeFX_AddByName")
def take_fx_add_by_name(_r: Call, take: Take, name: str, how: int) -> int:
    """The number of the new effect; -1 when there is none of that name."""
    return _add(take, name, how)


@api("TrackFX_AddByName")
def track_fx_add_by_name(_r: Call, track: Track, name: str, _of_input: bool, how: int) -> int:
    """The number of the new effect; -1 when there is none of that name."""
    return _add(track, name, how)


# Those of takes


@api("TakeFX_GetCount")
def take_fx_get_count(_r: Call, take: Take) -> int:
    return len(take.fx)


@api("TakeFX_GetFXName")
def take_fx_get_fx_name(_r: Call, take: Take, index: int) -> tuple[bool, str]:
    fx = at(take.fx, index)
    return fx is not None, fx.name if fx else ""


@api("TakeFX_CopyToTake")
def take_fx_copy_to_take(r: Call, take: Take, index: int, other: Take, place: int, is_move: bool) -> None:
    """The copy is loaded before this returns. Whether the envelopes of its parameters come along is open (`behaviour`)."""
    fx = at(take.fx, index)
    if fx is None:
        return
    if is_move:
        take.fx.remove(fx)
    copied = dataclasses.replace(fx)
    r.clock.work(copied.load_s)
    other.fx.insert(place if place >= 0 else len(other.fx), copied)
    if r.ways["fx_envelopes"] == "come along":
        theirs = [each.copy() for each in take.envelopes if each.fx is fx]
        for envelope in theirs:
            envelope.fx = copied
        other.envelopes += theirs


# Those of tracks


@api("TrackFX_GetCount")
def track_fx_get_count(_r: Call, track: Track) -> int:
    return len(track.fx)


@api("TrackFX_GetInstrument")
def track_fx_get_instrument(_r: Call, track: Track) -> int:
    return next((i for i, fx in enumerate(track.fx) if fx.is_instrument), -1)


@api("TrackFX_GetEnabled")
def track_fx_get_enabled(_r: Call, track: Track, index: int) -> bool:
    fx = at(track.fx, index)
    return fx is not None and fx.enabled


@api("TrackFX_GetOffline")
def track_fx_get_offline(_r: Call, _track: Track, _index: int) -> bool:
    return False


@api("TrackFX_GetFXName")
def track_fx_get_fx_name(_r: Call, track: Track, index: int) -> tuple[bool, str]:
    fx = at(track.fx, index)
    return fx is not None, fx.name if fx else ""
