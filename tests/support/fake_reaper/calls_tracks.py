"""Tracks: finding, making, naming, folders, lanes, selection."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper import lanes, routing
from tests.support.fake_reaper.api import ApiMisuse, api, version_of
from tests.support.fake_reaper.state import LANE_TRACK_VALUES, SEND_VALUES, Send, Track

Call = Any


def has_lanes(r: Call) -> bool:
    """Return whether this version has fixed lanes."""
    return version_of(r.version) >= (7, 0)


def at(things: list[Any], index: int) -> Any:
    """Return an entry, or None outside."""
    return things[index] if 0 <= index < len(things) else None


@api("CountTracks")
def count_tracks(_r: Call, project: Any) -> int:
    return len(project.tracks)


@api("GetNumTracks")
def get_num_tracks(r: Call) -> int:
    return len(r.project.tracks)


@api("GetTrack")
def get_track(_r: Call, project: Any, index: int) -> Any:
    return at(project.tracks, index)


@api("GetMasterTrack")
def get_master_track(_r: Call, project: Any) -> Any:
    return project.master


def _insert(project: Any, index: int) -> None:
    index = min(max(index, 0), len(project.tracks))
    project.tracks.insert(index, Track(project))


@api("InsertTrackAtIndex")
def insert_track_at_index(r: Call, index: int, _defaults: bool) -> None:
    _insert(r.project, index)


@api("InsertTrackInProject")
def insert_track_in_project(_r: Call, project: Any, index: int, _flags: int) -> None:
    _insert(project, index)


@api("DeleteTrack")
def delete_track(_r: Call, track: Track) -> None:
    if track.is_master:
        raise ApiMisuse("the master track cannot be deleted")
    track.project.tracks.remove(track)


@api("GetTrackGUID")
def get_track_guid(_r: Call, track: Track) -> str:
    return track.guid


@api("GetTrackName")
def get_track_name(_r: Call, track: Track) -> tuple[bool, str]:
    return True, track.name or f"Track {track.project.tracks.index(track) + 1}"


@api("GetTrackDepth")
def get_track_depth(_r: Call, track: Track) -> int:
    depth, parent = 0, get_parent_track(_r, track)
    while parent is not None:
        depth, parent = depth + 1, get_parent_track(_r, parent)
    return depth


@api("GetParentTrack")
def get_parent_track(_r: Call, track: Track) -> Any:
    tracks = track.project.tracks
    if track.is_master:
        return None
    above = routing.parents(tracks)[tracks.index(track)]
    return tracks[above] if above >= 0 else None


@api("GetTrackColor")
def get_track_color(_r: Call, track: Track) -> int:
    return int(track["I_CUSTOMCOLOR"])


@api("SetTrackColor")
def set_track_color(_r: Call, track: Track, colour: int) -> None:
    track["I_CUSTOMCOLOR"] = colour | 0x1000000


@api("CountTrackMediaItems")
def count_track_media_items(_r: Call, track: Track) -> int:
    return len(track.items)


@api("GetTrackNumMediaItems")
def get_track_num_media_items(_r: Call, track: Track) -> int:
    return len(track.items)


@api("GetTrackMediaItem")
def get_track_media_item(_r: Call, track: Track, index: int) -> Any:
    return at(track.sorted_items(), index)


# Selection


def _selection(project: Any, with_master: bool) -> list[Track]:
    return [t for t in [project.master] * with_master + project.tracks if t["I_SELECTED"]]


@api("CountSelectedTracks")
def count_selected_tracks(_r: Call, project: Any) -> int:
    return len(_selection(project, False))


@api("CountSelectedTracks2")
def count_selected_tracks2(_r: Call, project: Any, with_master: bool) -> int:
    return len(_selection(project, with_master))


@api("GetSelectedTrack")
def get_selected_track(_r: Call, project: Any, index: int) -> Any:
    return at(_selection(project, False), index)


@api("GetSelectedTrack2")
def get_selected_track2(_r: Call, project: Any, index: int, with_master: bool) -> Any:
    return at(_selection(project, with_master), index)


@api("IsTrackSelected")
def is_track_selected(_r: Call, track: Track) -> bool:
    return bool(track["I_SELECTED"])


@api("SetTrackSelected")
def set_track_selected(_r: Call, track: Track, selected: bool) -> None:
    track["I_SELECTED"] = int(selected)


@api("SetOnlyTrackSelected")
def set_only_track_selected(_r: Call, track: Track) -> None:
    for other in track.project.tracks:
        other["I_SELECTED"] = int(other is track)


@api("AnyTrackSolo")
def any_track_solo(_r: Call, project: Any) -> bool:
    return any(track["I_SOLO"] for track in project.tracks)


@api("GetTrackEnvelopeByChunkName")
def get_track_envelope_by_chunk_name(_r: Call, track: Track, name: str) -> Any:
    return next((envelope for envelope in track.envelopes if envelope.name == name), None)


@api("GetTrackUIPan")
def get_track_ui_pan(_r: Call, track: Track) -> tuple[bool, float, float, int]:
    """The pan, or the two of dual pan; the width; the mode, which is the project's where the track has none."""
    mode = routing.pan_mode(track)
    if mode == 6:
        return True, track["D_DUALPANL"], track["D_DUALPANR"], mode
    return True, track["D_PAN"], track["D_WIDTH"], mode


# Sends: category 0 is what a track sends, -1 what it receives, 1 hardware, which there is none of


def _sends(track: Track, category: int) -> list[Send]:
    if category not in (-1, 0, 1):
        raise ApiMisuse(f"sends have the categories -1, 0 and 1, not {category}")
    if category == 0:
        return track.sends
    everywhere = [send for other in track.project.tracks for send in other.sends] if category < 0 else []
    return [send for send in everywhere if send.destination is track]


@api("GetTrackNumSends")
def get_track_num_sends(_r: Call, track: Track, category: int) -> int:
    return len(_sends(track, category))


@api("CreateTrackSend")
def create_track_send(_r: Call, track: Track, other: Any) -> int:
    """Returns its index. Without another track it would be a hardware output."""
    if not isinstance(other, Track):
        raise ApiMisuse("CreateTrackSend: hardware outputs are not played by this fake")
    track.send_to(other)
    return len(track.sends) - 1


@api("RemoveTrackSend")
def remove_track_send(_r: Call, track: Track, category: int, index: int) -> bool:
    send = at(_sends(track, category), index)
    if send is None:
        return False
    send.origin.sends.remove(send)
    return True


@api("GetTrackSendInfo_Value")
def get_track_send_info_value(_r: Call, track: Track, category: int, index: int, key: str) -> Any:
    send = at(_sends(track, category), index)
    if send is None:
        return 0.0
    if key in ("P_DESTTRACK", "P_SRCTRACK"):
        return send.destination if key == "P_DESTTRACK" else send.origin
    if key not in SEND_VALUES:
        raise ApiMisuse(f"a send has no value {key} in this fake")
    return send.values[key]


@api("SetTrackSendInfo_Value")
def set_track_send_info_value(_r: Call, track: Track, category: int, index: int, key: str, value: float) -> bool:
    send = at(_sends(track, category), index)
    if key not in SEND_VALUES:
        raise ApiMisuse(f"a send has no value {key} in this fake, or it is read-only")
    if send is None:
        return False
    send.values[key] = value
    return True


# Values by key


@api("GetMediaTrackInfo_Value")
def get_media_track_info_value(r: Call, track: Track, key: str) -> float:
    if key == "IP_TRACKNUMBER":
        return -1 if track.is_master else track.project.tracks.index(track) + 1
    if key.startswith("C_LANEPLAYS:") and has_lanes(r):
        return track.lanes.get(_lane(track, key), 0)
    _check(r, track, key)
    return track[key]


@api("SetMediaTrackInfo_Value")
def set_media_track_info_value(r: Call, track: Track, key: str, value: float) -> bool:
    if key.startswith("C_LANEPLAYS:") and has_lanes(r):
        _play(track, _lane(track, key), int(value))
        return True
    _check(r, track, key)
    if key == "I_FREEMODE":
        if value == lanes.FIXED and not has_lanes(r):
            raise ApiMisuse(f"I_FREEMODE 2: REAPER {r.version} has no fixed lanes")
        lanes.set_mode(track, int(value))
        return True
    if key == "I_FOLDERDEPTH" and track[key] != value:
        track.project.stale_folders = True
    if key == "I_NUMFIXEDLANES":
        used = max([int(item["I_FIXEDLANE"]) for item in track.items], default=0)
        value = max(value, used + 1)
    track[key] = value
    return True


def _lane(track: Track, key: str) -> int:
    lane = int(key.partition(":")[2])
    if not 0 <= lane < track["I_NUMFIXEDLANES"] or track["I_FREEMODE"] != 2:
        raise ApiMisuse(
            f"{key}: the track has {track['I_NUMFIXEDLANES']:.0f} lanes, I_FREEMODE {track['I_FREEMODE']:.0f}"
        )
    return lane


def _play(track: Track, lane: int, how: int) -> None:
    """0 stops a lane, 1 lets it play alone, 2 with others."""
    if how not in (0, 1, 2):
        raise ApiMisuse(f"C_LANEPLAYS takes 0, 1 or 2, not {how}")
    if how == 1:
        track.lanes = {lane: 1}
    elif how == 0:
        track.lanes.pop(lane, None)
    else:
        track.lanes[lane] = 2
        track.lanes = dict.fromkeys(track.lanes, 2 if len(track.lanes) > 1 else 1)


def _check(r: Call, track: Track, key: str) -> None:
    if key not in track.values or (key in LANE_TRACK_VALUES and not has_lanes(r)):
        raise ApiMisuse(f"a track of REAPER {r.version} has no value {key} in this fake")


@api("GetSetMediaTrackInfo_String")
def get_set_media_track_info_string(_r: Call, track: Track, key: str, value: str, is_set: bool) -> tuple[bool, str]:
    names = {"P_NAME": "name", "P_RAZOREDITS": "razor", "GUID": "guid"}
    return string_of(track, names, key, value, is_set)


def string_of(thing: Any, names: dict[str, str], key: str, value: str, is_set: bool) -> tuple[bool, str]:
    """Get or set a text of a track, item or take: one of ``names``, or an extension ``P_EXT:key``."""
    if key.startswith("P_EXT:") and len(key) > len("P_EXT:"):
        if is_set:
            thing.ext[key] = value
            if not value:
                del thing.ext[key]
            return True, value
        return key in thing.ext, thing.ext.get(key, "")
    if key not in names:
        raise ApiMisuse(f"a {type(thing).__name__.lower()} has no text {key} in this fake")
    if is_set:
        setattr(thing, names[key], value)
        return True, value
    return True, getattr(thing, names[key])


@api("ColorToNative")
def color_to_native(_r: Call, red: int, green: int, blue: int) -> int:
    return blue << 16 | green << 8 | red


@api("ColorFromNative")
def color_from_native(_r: Call, colour: int) -> tuple[int, int, int]:
    return colour & 255, colour >> 8 & 255, colour >> 16 & 255
