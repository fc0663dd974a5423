"""Undo points and what goes with them: redrawing held back, the project's modified flag."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper import lanes
from tests.support.fake_reaper.api import ApiMisuse, api

Call = Any


@api("Undo_BeginBlock")
def undo_begin_block(r: Call) -> None:
    undo_begin_block2(r, r.project)


@api("Undo_BeginBlock2")
def undo_begin_block2(r: Call, project: Any) -> None:
    project.move_with_tempo()
    project.blocks += 1
    r.script.open_blocks += 1
    r.script.own_undo = True


@api("Undo_EndBlock")
def undo_end_block(r: Call, name: str, flags: int) -> None:
    undo_end_block2(r, r.project, name, flags)


@api("Undo_EndBlock2")
def undo_end_block2(r: Call, project: Any, name: str, flags: int) -> None:
    """Only the outermost block makes the point. Flags 0 would keep nothing of what has changed.

    Whether it makes one when nothing has changed is an open question (`behaviour`).
    """
    if project.blocks < 1:
        raise ApiMisuse("Undo_EndBlock2 without Undo_BeginBlock2")
    if flags == 0:
        raise ApiMisuse("Undo_EndBlock2 with flags 0 keeps nothing; -1 keeps all")
    project.blocks -= 1
    r.script.open_blocks -= 1
    if not project.blocks and (r.ways["empty_undo"] or project.has_unrecorded_change):
        r.user.disturb(f"undo point {name!r}")
        project.undo_point(name)


@api("Undo_OnStateChange")
def undo_on_state_change(r: Call, name: str) -> None:
    undo_on_state_change2(r, r.project, name)


@api("Undo_OnStateChange2")
def undo_on_state_change2(r: Call, project: Any, name: str) -> None:
    r.script.own_undo = True
    project.undo_point(name)


@api("Undo_OnStateChangeEx2")
def undo_on_state_change_ex2(r: Call, project: Any, name: str, _which: int, _parameter: int) -> None:
    undo_on_state_change2(r, project, name)


@api("Undo_OnStateChange_Item")
def undo_on_state_change_item(r: Call, project: Any, name: str, _item: Any) -> None:
    undo_on_state_change2(r, project, name)


@api("Undo_CanUndo2")
def undo_can_undo2(_r: Call, project: Any) -> Any:
    return project.undo[-1] if project.undo else None


@api("Undo_CanRedo2")
def undo_can_redo2(_r: Call, project: Any) -> Any:
    return project.redo[0] if project.redo else None


@api("Undo_DoUndo2")
def undo_do_undo2(_r: Call, project: Any) -> int:
    if project.blocks:
        raise ApiMisuse("Undo_DoUndo2 inside an undo block")
    if project.playing & 4:
        raise ApiMisuse("Undo_DoUndo2 while REAPER records")
    return int(project.step(-1))


@api("Undo_DoRedo2")
def undo_do_redo2(_r: Call, project: Any) -> int:
    return int(project.step(1))


@api("PreventUIRefresh")
def prevent_ui_refresh(r: Call, by: int) -> None:
    r.script.refresh += by
    if r.script.refresh < 0:
        r.script.refresh = 0
        raise ApiMisuse("PreventUIRefresh below 0")


@api("UpdateArrange")
def update_arrange(_r: Call) -> None: ...


@api("UpdateTimeline")
def update_timeline(r: Call) -> None:
    """Has items follow a changed tempo, and lanes arranged again: when else they do is open (`behaviour`)."""
    for project in r.projects:
        project.move_with_tempo()
        if r.ways["lane_layout"] == "UpdateTimeline":
            lanes.settle(project)


@api("UpdateItemLanes")
def update_item_lanes(_r: Call, project: Any) -> bool:
    return lanes.settle(project)


@api("TrackList_AdjustWindows")
def track_list_adjust_windows(r: Call, minor: bool) -> None:
    """Draws the track panels again; a minor update leaves the folders as they were drawn."""
    if not minor:
        for project in r.projects:
            project.stale_folders = False


@api("IsProjectDirty")
def is_project_dirty(_r: Call, project: Any) -> int:
    return int(project.dirty)


@api("MarkProjectDirty")
def mark_project_dirty(_r: Call, project: Any) -> None:
    project.dirty = True


@api("GetProjectStateChangeCount")
def get_project_state_change_count(_r: Call, project: Any) -> int:
    return project.changes
