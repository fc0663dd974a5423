"""Projects: tabs, names, paths, their state for scripts, render settings, pointers, actions by number."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.support.fake_reaper import render
from tests.support.fake_reaper.api import ApiMisuse, Pointer, alive, api
from tests.support.fake_reaper.rpp_in import open_project
from tests.support.fake_reaper.state import RENDER_STRINGS, RENDER_VALUES

Call = Any


@api("EnumProjects")
def enum_projects(r: Call, index: int) -> Any:
    """-1 is the one that is shown. nil and "" outside."""
    if index == -1:
        return r.project, r.project.file
    if not 0 <= index < len(r.projects):
        return None, ""
    return r.projects[index], r.projects[index].file


@api("SelectProjectInstance")
def select_project_instance(r: Call, project: Any) -> None:
    """Show a project. Not in an undo block, whose end would go to the wrong project, nor while redrawing is held back."""
    if project is r.project:
        return
    if any(each.blocks for each in r.projects):
        raise ApiMisuse("SelectProjectInstance in an undo block: switch before it begins, and back after it has ended")
    if any(script.refresh for script in r.scripts):
        raise ApiMisuse("SelectProjectInstance while PreventUIRefresh holds the screen")
    if r.project.playing & 4:
        raise ApiMisuse("SelectProjectInstance while REAPER records")
    r.user.disturb("tab")
    r.show(project)


@api("GetProjectName")
def get_project_name(_r: Call, project: Any) -> str:
    return project.name


@api("GetProjectPath")
def get_project_path(r: Call) -> str:
    return r.files.show(r.project.media_folder, r.os)


@api("GetProjectPathEx")
def get_project_path_ex(r: Call, project: Any) -> str:
    """Where media go. Nobody says that this folder exists: REAPER makes it when it first records or renders there."""
    return r.files.show(project.media_folder, r.os)


@api("GetProjectLength")
def get_project_length(_r: Call, project: Any) -> float:
    return project.length


@api("GetSetProjectNotes")
def get_set_project_notes(_r: Call, project: Any, is_set: bool, notes: str) -> str:
    if is_set:
        project.notes = notes
    return project.notes


@api("GetSetProjectAuthor")
def get_set_project_author(_r: Call, project: Any, is_set: bool, author: str) -> str:
    if is_set:
        project.author = author
    return project.author


@api("Main_SaveProject")
def main_save_project(_r: Call, project: Any, ask: bool) -> None:
    if ask or not project.file:
        raise ApiMisuse("Main_SaveProject would open a dialog")
    project.save_rpp(project.file)
    project.dirty = False


@api("Main_openProject")
def main_open_project(r: Call, name: str) -> None:
    """Open a project file in the tab that is shown."""
    prefix = "noprompt:"
    if not name.startswith(prefix):
        raise ApiMisuse(f"Main_openProject would ask whether to save; {prefix!r} before the name opens it without")
    before, path = r.project, Path(r.files.real_text(name.removeprefix(prefix)))
    open_project(r.new_tab(str(path)), path.read_text("utf-8"), path.parent)
    r.projects.remove(before)


# Extension state of a project


@api("SetProjExtState")
def set_proj_ext_state(_r: Call, project: Any, section: str, key: str, value: str) -> int:
    """An empty key clears the section, an empty value the key. Case does not matter for either. No undo point.

    Whether an undo brings back what was there is open (`behaviour`).
    """
    for known in [k for k in project.ext if _same(k[0], section) and (not key or _same(k[1], key))]:
        del project.ext[known]
    if key and value:
        project.ext[section, key] = value
    project.dirty = True
    return len(value)


@api("GetProjExtState")
def get_proj_ext_state(_r: Call, project: Any, section: str, key: str) -> tuple[int, str]:
    found = [value for known, value in project.ext.items() if _same(known[0], section) and _same(known[1], key)]
    return (1, found[0]) if found else (0, "")


def _same(one: str, other: str) -> bool:
    return one.upper() == other.upper()


@api("EnumProjExtState")
def enum_proj_ext_state(_r: Call, project: Any, section: str, index: int) -> tuple[bool, str, str]:
    entries = [(key, value) for (known, key), value in project.ext.items() if _same(known, section)]
    return (True, *entries[index]) if 0 <= index < len(entries) else (False, "", "")


# Settings


def _disturb_format(r: Call, project: Any, key: str) -> None:
    """Scripts that set RENDER_FORMAT last do so because another key spoils it; which one they do not say (`behaviour`)."""
    if key == r.ways["render_format"]:
        project.render_strings["RENDER_FORMAT"] = RENDER_STRINGS["RENDER_FORMAT"]


@api("GetSetProjectInfo")
def get_set_project_info(r: Call, project: Any, key: str, value: float, is_set: bool) -> float:
    if key in RENDER_VALUES:
        if is_set:
            project.render_values[key] = value
            _disturb_format(r, project, key)
        return project.render_values[key]
    if key in ("PROJECT_SRATE", "PROJECT_SRATE_USE"):
        field = "rate" if key == "PROJECT_SRATE" else "rate_used"
        if is_set:
            setattr(project, field, int(value) if field == "rate" else bool(value))
        return float(getattr(project, field))
    raise ApiMisuse(f"GetSetProjectInfo knows no {key} in this fake")


@api("GetSetProjectInfo_String")
def get_set_project_info_string(r: Call, project: Any, key: str, value: str, is_set: bool) -> tuple[bool, str]:
    if key in RENDER_STRINGS:
        if is_set:
            project.render_strings[key] = value
            _disturb_format(r, project, key)
        return True, project.render_strings[key]
    if key == "RENDER_TARGETS" and not is_set:
        return True, ";".join(str(path) for path in render.targets(project))
    if key == "RENDER_METADATA":
        return True, ""
    if key == "PROJECT_NAME" and not is_set:
        return True, project.name
    if key == "RECORD_PATH" and not is_set:
        return True, "Media"
    raise ApiMisuse(f"GetSetProjectInfo_String knows no {key} in this fake")


# Pointers


@api("ValidatePtr")
def validate_ptr(r: Call, pointer: Any, kind: str) -> bool:
    return validate_ptr2(r, r.project, pointer, kind)


@api("ValidatePtr2")
def validate_ptr2(r: Call, project: Any, pointer: Any, kind: str) -> bool:
    if not kind.endswith("*"):
        raise ApiMisuse(f'ValidatePtr2 takes a type such as "MediaTrack*", not {kind!r}')
    if not isinstance(pointer, Pointer) or f"{pointer.kind}*" != kind or not alive(r, pointer):
        return False
    return kind not in ("MediaTrack*", "MediaItem*", "MediaItem_Take*") or project.holds(pointer.target)


# Actions by number


def _build_peaks(_r: Call, project: Any) -> None:
    for item in project.items():
        for take in item.takes:
            if take.source is not None:
                take.source.peaks = True


def _unselect_items(_r: Call, project: Any) -> None:
    for item in project.items():
        item["B_UISEL"] = 0


def _unselect_tracks(_r: Call, project: Any) -> None:
    for track in project.tracks:
        track["I_SELECTED"] = 0


def _scroll_to_tracks(project: Any) -> None:
    project.scrolled_to = [track for track in project.tracks if track.selected]


def _mute_items(_r: Call, project: Any) -> None:
    for item in project.items():
        if item.selected:
            item["B_MUTE"] = 1


def _switch_takes(by: int) -> Any:
    """Make the next or the previous take of the selected items active; beyond the last one: see `behaviour`."""

    def switch(r: Call, project: Any) -> None:
        for item in project.items():
            number = int(item["I_CURTAKE"]) + by
            if not item.selected or len(item.takes) < 2:
                continue
            if r.ways["next_take"] == "goes round":
                item["I_CURTAKE"] = number % len(item.takes)
            else:
                item["I_CURTAKE"] = min(max(number, 0), len(item.takes) - 1)

    return switch


ACTIONS: dict[int, Any] = {
    40029: lambda _r, project: project.step(-1),  # Edit: Undo
    40030: lambda _r, project: project.step(1),  # Edit: Redo
    40047: _build_peaks,  # Peaks: Build any missing peaks
    40125: _switch_takes(1),  # Take: Switch items to next take
    40126: _switch_takes(-1),  # Take: Switch items to previous take
    40719: _mute_items,  # Item properties: Mute
    40289: _unselect_items,  # Item: Unselect (clear selection of) all items
    40297: _unselect_tracks,  # Track: Unselect (clear selection of) all tracks
    40044: lambda r, _project: r.user.toggle_play(),  # Transport: Play/stop
    40913: lambda _r, project: _scroll_to_tracks(project),  # Track: Vertical scroll selected tracks into view
    40635: lambda _r, project: setattr(project, "time_selection", (0.0, 0.0)),  # Time selection: Remove
    42230: render.run,  # File: Render project, using the most recent render settings, auto-close render dialog
}


@api("Main_OnCommand")
def main_on_command(r: Call, command: int, flag: int) -> None:
    main_on_command_ex(r, command, flag, r.project)


@api("Main_OnCommandEx")
def main_on_command_ex(r: Call, command: int, _flag: int, project: Any) -> None:
    r.actions.append(command)
    file = next((file for file, number in r.command_ids.items() if number == command), None)
    if file is not None:  # a script's action
        real = Path(r.files.real_text(file))
        r.launch(real, real.read_bytes())
        return
    if command not in ACTIONS:
        raise ApiMisuse(f"unknown action {command}")
    ACTIONS[command](r, project)


@api("NamedCommandLookup")
def named_command_lookup(r: Call, name: str) -> int:
    return r.command_ids.get(name, 0)


@api("ReverseNamedCommandLookup")
def reverse_named_command_lookup(r: Call, command: int) -> str | None:
    """The name of a script's command, without the underscore that its use begins with; it depends on the path."""
    path = next((path for path, number in r.command_ids.items() if number == command and Path(path).is_file()), None)
    return None if path is None else f"RS{hashlib.sha1(path.encode()).hexdigest()}"


@api("GetToggleCommandState")
def get_toggle_command_state(r: Call, command: int) -> int:
    return r.toggles.get(command, -1)


@api("SetToggleCommandState")
def set_toggle_command_state(r: Call, _section: int, command: int, state: int) -> bool:
    r.toggles[command] = state
    return True


@api("RefreshToolbar2")
def refresh_toolbar2(_r: Call, _section: int, _command: int) -> None: ...


@api("AddRemoveReaScript")
def add_remove_rea_script(r: Call, add: bool, _section: int, file: str, _commit: bool) -> int:
    if not Path(r.files.real_text(file)).is_file():
        return 0
    return r.command_ids.setdefault(file, 50000 + len(r.command_ids)) if add else int(bool(r.command_ids.pop(file, 0)))
