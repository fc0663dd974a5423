"""Items and takes: finding, making, moving, selection, values by key."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.support.fake_reaper import lanes
from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.calls_tracks import at, has_lanes, string_of
from tests.support.fake_reaper.state import LANE_ITEM_VALUES, Item, Take, Track, new_guid

Call = Any


@api("AddMediaItemToTrack")
def add_media_item_to_track(r: Call, track: Track) -> Item:
    """Whether it has fades and loops is open (`behaviour`)."""
    item = Item(track)
    if r.ways["new_items"] == "plain":
        item.values.update(D_FADEINLEN=0, D_FADEOUTLEN=0, B_LOOPSRC=0)
    track.items.append(item)
    return item


@api("DeleteTrackMediaItem")
def delete_track_media_item(_r: Call, track: Track, item: Item) -> bool:
    if item not in track.items:
        return False
    track.items.remove(item)
    return True


@api("MoveMediaItemToTrack")
def move_media_item_to_track(_r: Call, item: Item, track: Track) -> bool:
    item.track.items.remove(item)
    item.track = track
    track.items.append(item)
    return True


@api("CountMediaItems")
def count_media_items(_r: Call, project: Any) -> int:
    return sum(len(track.items) for track in project.tracks)


@api("GetMediaItem")
def get_media_item(_r: Call, project: Any, index: int) -> Any:
    for track in project.tracks if index >= 0 else ():
        if index < len(track.items):
            return track.sorted_items()[index]
        index -= len(track.items)
    return None


@api("GetMediaItem_Track")
def get_media_item_track_1(_r: Call, item: Item) -> Track:
    return item.track


@api("GetMediaItemTrack")
def get_media_item_track(_r: Call, item: Item) -> Track:
    return item.track


@api("GetItemProjectContext")
def get_item_project_context(_r: Call, item: Item) -> Any:
    return item.track.project


# Selection


def _selection(r: Call, project: Any) -> list[Item]:
    """Return the selected items, track by track."""
    key = "selection", project
    if key not in r.found:
        chosen: list[Item] = []
        for track in project.tracks:
            here = [item for item in track.items if item.values["B_UISEL"]]
            chosen += sorted(here, key=lambda item: item.values["D_POSITION"])
        r.found[key] = chosen
    return r.found[key]  # type: ignore[no-any-return]


@api("CountSelectedMediaItems")
def count_selected_media_items(r: Call, project: Any) -> int:
    return len(_selection(r, project))


@api("GetSelectedMediaItem")
def get_selected_media_item(r: Call, project: Any, index: int) -> Any:
    chosen = _selection(r, project)
    return chosen[index] if 0 <= index < len(chosen) else None


@api("IsMediaItemSelected")
def is_media_item_selected(_r: Call, item: Item) -> bool:
    return bool(item["B_UISEL"])


@api("SetMediaItemSelected")
def set_media_item_selected(_r: Call, item: Item, selected: bool) -> None:
    item["B_UISEL"] = int(selected)


@api("SelectAllMediaItems")
def select_all_media_items(_r: Call, project: Any, selected: bool) -> None:
    for item in project.items():
        item["B_UISEL"] = int(selected)


# Values of items


@api("GetMediaItemInfo_Value")
def get_media_item_info_value(r: Call, item: Item, key: str) -> float:
    if key == "IP_ITEMNUMBER":
        return item.track.sorted_items().index(item)
    if key == "B_MUTE_ACTUAL":
        return item["B_MUTE"]
    if key == "C_LANEPLAYS" and has_lanes(r):
        return lanes.plays(item.track, int(item["I_FIXEDLANE"]))
    _check(r, item, key)
    return item[key]


@api("SetMediaItemInfo_Value")
def set_media_item_info_value(r: Call, item: Item, key: str, value: float) -> bool:
    _check(r, item, key)
    if key == "I_CURTAKE" and not 0 <= value < len(item.takes):
        raise ApiMisuse(f"I_CURTAKE {value:.0f}: the item has {len(item.takes)} takes")
    if key == "I_FIXEDLANE" and item.track["I_FREEMODE"] != lanes.FIXED:
        lanes.set_mode(item.track, lanes.FIXED)
    if key == "I_FIXEDLANE" and not 0 <= value < item.track["I_NUMFIXEDLANES"]:
        raise ApiMisuse(f"I_FIXEDLANE {value:.0f}: the track has {item.track['I_NUMFIXEDLANES']:.0f} lanes")
    if key == "D_LENGTH" and value < 0:
        raise ApiMisuse(f"D_LENGTH {value}")
    if key.startswith(("D_FADEINLEN", "D_FADEOUTLEN")) and r.ways["fade_length"] == "no":
        value = min(value, item["D_LENGTH"])  # REAPER's fades end with the item: set the length first
    item[key] = value
    return True


def _check(r: Call, item: Item, key: str) -> None:
    if key not in item.values or (key in LANE_ITEM_VALUES and not has_lanes(r)):
        raise ApiMisuse(f"an item of REAPER {r.version} has no value {key} in this fake, or it is read-only")


@api("SetMediaItemPosition")
def set_media_item_position(_r: Call, item: Item, position: float, _refresh: bool) -> bool:
    item["D_POSITION"] = position
    return True


@api("SetMediaItemLength")
def set_media_item_length(_r: Call, item: Item, length: float, _refresh: bool) -> bool:
    item["D_LENGTH"] = length
    return True


@api("GetSetMediaItemInfo_String")
def get_set_media_item_info_string(_r: Call, item: Item, key: str, value: str, is_set: bool) -> tuple[bool, str]:
    return string_of(item, {"P_NOTES": "notes", "GUID": "guid"}, key, value, is_set)


@api("SplitMediaItem")
def split_media_item(r: Call, item: Item, position: float) -> Any:
    """Returns the right part. Which of them keeps its GUIDs is open (`behaviour`)."""
    if not item["D_POSITION"] < position < item.end:
        return None
    right = Item(item.track, notes=item.notes, values=dict(item.values), ext=dict(item.ext))
    gone = position - item["D_POSITION"]
    right.values.update(D_FADEINLEN=0)
    right.takes = [_copy_take(take, right) for take in item.takes]
    move_left_edge(right, gone)
    item.values.update(D_LENGTH=gone, D_FADEOUTLEN=0)
    item.track.items.append(right)
    if r.ways["split_identity"] == "right":
        for old, new in ((item, right), *zip(item.takes, right.takes, strict=True)):
            old.guid, new.guid = new.guid, old.guid
    return right


def move_left_edge(item: Item, by_s: float) -> None:
    """Move an item's left edge, as the mouse does: all that counts from it stays where it is in the project."""
    item.values.update(D_POSITION=item["D_POSITION"] + by_s, D_LENGTH=item["D_LENGTH"] - by_s)
    item["D_SNAPOFFSET"] = max(0.0, item["D_SNAPOFFSET"] - by_s)
    for take in item.takes:
        rate = take["D_PLAYRATE"]
        take["D_STARTOFFS"] += by_s * rate
        take.stretch = [(at - by_s * rate, source) for at, source in take.stretch]
        for envelope in take.envelopes:
            envelope.points = [(at - by_s * rate, value) for at, value in envelope.points]


def _copy_take(take: Take, item: Item) -> Take:
    values, ext, markers = dict(take.values), dict(take.ext), list(take.markers)
    source = dataclasses.replace(take.source) if take.source else None
    envelopes = [each.copy() for each in take.envelopes]
    return Take(item, source, take.name, new_guid(), values, ext, markers, list(take.stretch), list(take.fx), envelopes)


@api("UpdateItemInProject")
def update_item_in_project(_r: Call, _item: Item) -> None: ...


# Takes


@api("AddTakeToMediaItem")
def add_take_to_media_item(_r: Call, item: Item) -> Take:
    return item.add_take()


@api("CountTakes")
def count_takes(_r: Call, item: Item) -> int:
    return len(item.takes)


@api("GetMediaItemNumTakes")
def get_media_item_num_takes(_r: Call, item: Item) -> int:
    return len(item.takes)


@api("GetTake")
def get_take(_r: Call, item: Item, index: int) -> Any:
    return at(item.takes, index)


@api("GetMediaItemTake")
def get_media_item_take(_r: Call, item: Item, index: int) -> Any:
    return item.active if index < 0 else at(item.takes, index)


@api("GetActiveTake")
def get_active_take(_r: Call, item: Item) -> Any:
    return item.active


@api("SetActiveTake")
def set_active_take(_r: Call, take: Take) -> None:
    take.item["I_CURTAKE"] = take.item.takes.index(take)


@api("GetMediaItemTake_Item")
def get_media_item_take_item(_r: Call, take: Take) -> Item:
    return take.item


@api("GetMediaItemTake_Track")
def get_media_item_take_track(_r: Call, take: Take) -> Track:
    return take.item.track


@api("GetMediaItemTakeByGUID")
def get_media_item_take_by_guid(r: Call, project: Any, guid: str) -> Any:
    key = "takes", project
    if key not in r.found:
        r.found[key] = {take.guid: take for track in project.tracks for item in track.items for take in item.takes}
    return r.found[key].get(guid)


@api("GetTakeName")
def get_take_name(_r: Call, take: Take) -> str:
    return take.name


@api("GetMediaItemTakeInfo_Value")
def get_media_item_take_info_value(_r: Call, take: Take, key: str) -> float:
    if key == "IP_TAKENUMBER":
        return take.item.takes.index(take)
    if key not in take.values:
        raise ApiMisuse(f"a take has no value {key} in this fake")
    return take[key]


@api("SetMediaItemTakeInfo_Value")
def set_media_item_take_info_value(_r: Call, take: Take, key: str, value: float) -> bool:
    if key not in take.values:
        raise ApiMisuse(f"a take has no value {key} in this fake, or it is read-only")
    if key == "D_PLAYRATE" and value <= 0:
        raise ApiMisuse(f"D_PLAYRATE {value}")
    take[key] = value
    return True


@api("GetSetMediaItemTakeInfo_String")
def get_set_media_item_take_info_string(_r: Call, take: Take, key: str, value: str, is_set: bool) -> tuple[bool, str]:
    return string_of(take, {"P_NAME": "name", "GUID": "guid"}, key, value, is_set)


@api("TakeIsMIDI")
def take_is_midi(_r: Call, take: Take) -> bool:
    return take.source is not None and take.source.kind == "MIDI"


@api("GetTakeNumStretchMarkers")
def get_take_num_stretch_markers(_r: Call, take: Take) -> int:
    return len(take.stretch)


@api("GetTakeStretchMarker")
def get_take_stretch_marker(_r: Call, take: Take, index: int) -> tuple[int, float, float]:
    if not 0 <= index < len(take.stretch):
        return -1, 0.0, 0.0
    return (index, *take.stretch[index])


@api("SetTakeStretchMarker")
def set_take_stretch_marker(_r: Call, take: Take, index: int, position: float, source: float | None) -> int:
    entry = (position, take["D_STARTOFFS"] + position if source is None else source)
    if index < 0:
        take.stretch.append(entry)
        take.stretch.sort()
        return take.stretch.index(entry)
    take.stretch[index] = entry
    return index


@api("DeleteTakeStretchMarkers")
def delete_take_stretch_markers(_r: Call, take: Take, index: int, count: int | None) -> int:
    """Returns how many went."""
    gone = take.stretch[index : index + (1 if count is None else count)]
    del take.stretch[index : index + len(gone)]
    return len(gone)


@api("GetNumTakeMarkers")
def get_num_take_markers(_r: Call, take: Take) -> int:
    return len(take.markers)


@api("GetTakeMarker")
def get_take_marker(_r: Call, take: Take, index: int) -> tuple[float, str, int]:
    return take.markers[index] if 0 <= index < len(take.markers) else (-1.0, "", 0)


@api("SetTakeMarker")
def set_take_marker(_r: Call, take: Take, index: int, name: str, position: float | None, colour: int | None) -> int:
    """Positions are in the source's time. They stay sorted."""
    if index < 0:
        entry = (position or 0.0, name, colour or 0)
        take.markers.append(entry)
    else:
        old = take.markers[index]
        entry = (old[0] if position is None else position, name, old[2] if colour is None else colour)
        take.markers[index] = entry
    take.markers.sort()
    return take.markers.index(entry)


@api("DeleteTakeMarker")
def delete_take_marker(_r: Call, take: Take, index: int) -> bool:
    if not 0 <= index < len(take.markers):
        return False
    del take.markers[index]
    return True
