"""Time: selections, cursor, view, tempo and meter, markers and regions.

Tempo markers start a measure each. A marker without a meter keeps the one before; a linear one ramps to the next marker.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.state import Marker, Tempo

Call = Any


@api("GetSet_LoopTimeRange")
def get_set_loop_time_range(
    r: Call, is_set: bool, loop: bool, start: float, end: float, seek: bool
) -> tuple[float, float]:
    return get_set_loop_time_range2(r, r.project, is_set, loop, start, end, seek)


@api("GetSet_LoopTimeRange2")
def get_set_loop_time_range2(
    _r: Call, project: Any, is_set: bool, loop: bool, start: float, end: float, _seek: bool
) -> tuple[float, float]:
    field = "loop" if loop else "time_selection"
    if is_set:
        setattr(project, field, (min(start, end), max(start, end)))
    return tuple(map(float, getattr(project, field)))


@api("GetSet_ArrangeView2")
def get_set_arrange_view2(
    _r: Call, project: Any, is_set: bool, _left: int, _right: int, start: float, end: float
) -> tuple[float, float]:
    if is_set:
        project.view = (start, end)
    return project.view


@api("GetCursorPosition")
def get_cursor_position(r: Call) -> float:
    return r.project.cursor


@api("GetCursorPositionEx")
def get_cursor_position_ex(_r: Call, project: Any) -> float:
    return project.cursor


@api("SetEditCurPos")
def set_edit_cur_pos(r: Call, time: float, move: bool, seek: bool) -> None:
    set_edit_cur_pos2(r, r.project, time, move, seek)


@api("SetEditCurPos2")
def set_edit_cur_pos2(_r: Call, project: Any, time: float, move: bool, _seek: bool) -> None:
    project.cursor = max(0.0, time)
    if move and not project.view[0] <= time <= project.view[1]:
        width = project.view[1] - project.view[0]
        project.view = (time, time + width)


@api("GetPlayState")
def get_play_state(r: Call) -> int:
    return r.project.playing


@api("GetPlayStateEx")
def get_play_state_ex(_r: Call, project: Any) -> int:
    return project.playing


@api("Master_GetPlayRate")
def master_get_play_rate(_r: Call, project: Any) -> float:
    return float(project.play_rate)


@api("GetPlayPosition")
def get_play_position(r: Call) -> float:
    return get_play_position_ex(r, r.project)


@api("GetPlayPositionEx")
def get_play_position_ex(r: Call, project: Any) -> float:
    """Where playback is: it goes on with the clock from where it began."""
    if not project.playing or project.played_since is None:
        return float(project.cursor)
    began, at = project.played_since
    return float(began + r.clock.now - at)


# Tempo


def _markers(project: Any) -> list[Tempo]:
    """Return the markers, the first one at 0."""
    found: list[Tempo] = list(project.tempos)
    if not found or found[0].position > 0:
        found.insert(0, Tempo(0.0, project.bpm, *project.meter))
    return found


def _segments(project: Any) -> list[tuple[float, float, float, float, int, int, float]]:
    """Return (start, end, bpm there, bpm at the end, beats, unit, quarters at the start) of each marker's stretch."""
    markers = _markers(project)
    beats, unit = project.meter
    found, quarters = [], 0.0
    for index, marker in enumerate(markers):
        beats, unit = (marker.beats, marker.unit) if marker.beats else (beats, unit)
        following = markers[index + 1] if index + 1 < len(markers) else None
        end = following.position if following else math.inf
        last = following.bpm if following and marker.linear else marker.bpm
        found.append((marker.position, end, marker.bpm, last, beats, unit, quarters))
        if following:
            quarters += (end - marker.position) * (marker.bpm + last) / 2 / 60
    return found


def _segment_at(project: Any, time: float) -> tuple[float, float, float, float, int, int, float]:
    return [segment for segment in _segments(project) if segment[0] <= time + 1e-12 or segment[0] == 0][-1]


def tempo_at(project: Any, time: float) -> float:
    """Return the tempo at a time."""
    start, end, first, last, *_ = _segment_at(project, time)
    return first if first == last else first + (last - first) * (time - start) / (end - start)


def quarters_at(project: Any, time: float) -> float:
    """Return the quarter notes from 0 to a time."""
    start, *_, quarters = _segment_at(project, time)
    first = _segment_at(project, time)[2]
    return quarters + (time - start) * (first + tempo_at(project, time)) / 2 / 60


def time_at(project: Any, quarters: float) -> float:
    """Return the time of a count of quarter notes."""
    segments = _segments(project)
    start, end, first, last, _, _, known = [s for s in segments if s[6] <= quarters + 1e-12 or s[0] == 0][-1]
    rest = (quarters - known) * 60
    if first == last:
        return start + rest / first
    slope = (last - first) / (end - start) / 2
    return start + (-first + math.sqrt(first * first + 4 * slope * rest)) / (2 * slope)


@api("TimeMap_GetTimeSigAtTime")
def time_map_get_time_sig_at_time(_r: Call, project: Any, time: float) -> tuple[int, int, float]:
    segment = _segment_at(project, time)
    return segment[4], segment[5], tempo_at(project, time)


@api("TimeMap2_timeToQN")
def time_map2_time_to_qn(_r: Call, project: Any, time: float) -> float:
    return quarters_at(project, time)


@api("TimeMap2_QNToTime")
def time_map2_qn_to_time(_r: Call, project: Any, quarters: float) -> float:
    return time_at(project, quarters)


@api("TimeMap_timeToQN")
def time_map_time_to_qn(r: Call, time: float) -> float:
    return quarters_at(r.project, time)


@api("TimeMap_QNToTime")
def time_map_qn_to_time(r: Call, quarters: float) -> float:
    return time_at(r.project, quarters)


@api("TimeMap_GetMeasureInfo")
def time_map_get_measure_info(_r: Call, project: Any, measure: int) -> tuple[float, float, float, int, int, float]:
    number = 0
    for start, end, _, _, beats, unit, quarters in _segments(project):
        length = beats * 4 / unit
        last = quarters_at(project, end) if end < math.inf else math.inf
        count = math.ceil((last - quarters) / length - 1e-9) if end < math.inf else math.inf
        if measure < number + count:
            first = quarters + (measure - number) * length
            time = time_at(project, first) if measure > number else start
            return time, first, min(first + length, last), beats, unit, tempo_at(project, time)
        number += int(count)
    raise AssertionError("the last stretch never ends")


@api("TimeMap2_timeToBeats")
def time_map2_time_to_beats(r: Call, project: Any, time: float) -> tuple[float, int, int, float, int]:
    """Beats since the measure's start, the measure from 0, its beats, beats since 0, and what a beat is."""
    measure = 0
    while time_map_get_measure_info(r, project, measure + 1)[0] <= time + 1e-9:
        measure += 1
    _, first, _, beats, unit, _ = time_map_get_measure_info(r, project, measure)
    quarters = quarters_at(project, time)
    return (quarters - first) * unit / 4, measure, beats, quarters * unit / 4, unit


@api("GetProjectTimeSignature2")
def get_project_time_signature2(_r: Call, project: Any) -> tuple[float, float]:
    return project.bpm, float(project.meter[0])


@api("Master_GetTempo")
def master_get_tempo(r: Call) -> float:
    return r.project.bpm


@api("CountTempoTimeSigMarkers")
def count_tempo_time_sig_markers(_r: Call, project: Any) -> int:
    return len(project.tempos)


@api("GetTempoTimeSigMarker")
def get_tempo_time_sig_marker(r: Call, project: Any, index: int) -> Any:
    if not 0 <= index < len(project.tempos):
        return False, 0.0, 0, 0.0, 0.0, 0, 0, False
    marker = project.tempos[index]
    beat, measure, *_ = time_map2_time_to_beats(r, project, marker.position)
    return True, marker.position, measure, beat, marker.bpm, marker.beats or -1, marker.unit or -1, marker.linear


def _attachment(project: Any, item: Any) -> int:
    return int(
        next((m for m in (item["C_BEATATTACHMODE"], item.track["C_BEATATTACHMODE"]) if m >= 0), project.timebase)
    )


def _keeping_beats(project: Any, change: Callable[[], None]) -> None:
    """Change the tempo map: items and markers that are attached to beats go with them, as in REAPER.

    When they do is open (`behaviour`): at once, or with UpdateTimeline, by what is attached to beats then.
    """
    project.move_with_tempo()
    before = [(item, quarters_at(project, item["D_POSITION"]), quarters_at(project, item.end))
              for item in project.items()]  # fmt: skip
    marks = [(marker, quarters_at(project, marker.position), quarters_at(project, marker.end))
             for marker in project.markers]  # fmt: skip
    change()
    project.waits_for_tempo = lambda: _go_with_beats(project, before, marks)
    if project.ways["tempo"] == "at once":
        project.move_with_tempo()


def _go_with_beats(project: Any, items: list[tuple[Any, float, float]], marks: list[tuple[Any, float, float]]) -> None:
    for item, start, end in items:
        mode = _attachment(project, item)
        if mode <= 0:
            continue
        item["D_POSITION"] = time_at(project, start)
        length = time_at(project, end) - item["D_POSITION"]
        if mode == 1 and length > 0 and abs(length - item["D_LENGTH"]) > 1e-12:
            for take in item.takes:
                take["D_PLAYRATE"] *= item["D_LENGTH"] / length
            item["D_LENGTH"] = length
    for marker, start, end in marks:
        marker.position, marker.end = time_at(project, start), time_at(project, end) if marker.is_region else 0.0


@api("SetTempoTimeSigMarker")
def set_tempo_time_sig_marker(
    _r: Call,
    project: Any,
    index: int,
    time: float,
    measure: int,
    beat: float,
    bpm: float,
    beats: int,
    unit: int,
    linear: bool,
) -> bool:
    """-1 adds one. By time only: measure and beat have to be -1."""
    if measure != -1 or beat != -1 or time < 0 or bpm <= 0 or (beats > 0) != (unit > 0):
        given = (time, measure, beat, bpm, beats, unit)
        raise ApiMisuse(f"SetTempoTimeSigMarker: by time, with measure and beat -1 and a whole meter or none: {given}")
    if index >= len(project.tempos):
        return False

    def change() -> None:
        project.tempos = [marker for i, marker in enumerate(project.tempos) if i != index]
        project.tempo(time, bpm, max(beats, 0), max(unit, 0), linear)

    _keeping_beats(project, change)
    return True


@api("AddTempoTimeSigMarker")
def add_tempo_time_sig_marker(
    r: Call, project: Any, time: float, bpm: float, beats: int, unit: int, linear: bool
) -> bool:
    return set_tempo_time_sig_marker(r, project, -1, time, -1, -1, bpm, beats, unit, linear)


@api("DeleteTempoTimeSigMarker")
def delete_tempo_time_sig_marker(_r: Call, project: Any, index: int) -> bool:
    if not 0 <= index < len(project.tempos):
        return False
    rest = [marker for i, marker in enumerate(project.tempos) if i != index]
    _keeping_beats(project, lambda: setattr(project, "tempos", rest))
    return True


@api("SetCurrentBPM")
def set_current_bpm(_r: Call, project: Any, bpm: float, want_undo: bool) -> None:
    def change() -> None:
        project.bpm = bpm
        if project.tempos and project.tempos[0].position == 0:
            project.tempos = [Tempo(0.0, bpm, project.tempos[0].beats, project.tempos[0].unit), *project.tempos[1:]]

    _keeping_beats(project, change)
    if want_undo:
        project.undo_point("Change tempo")


# Markers and regions


@api("AddProjectMarker")
def add_project_marker(r: Call, project: Any, is_region: bool, start: float, end: float, name: str, wanted: int) -> int:
    return add_project_marker2(r, project, is_region, start, end, name, wanted, 0)


@api("AddProjectMarker2")
def add_project_marker2(
    _r: Call, project: Any, is_region: bool, start: float, end: float, name: str, wanted: int, colour: int
) -> int:
    """Returns its number, or -1. ``wanted`` is taken when it is free."""
    if is_region and end <= start:
        return -1
    taken = {marker.number for marker in project.markers if marker.is_region == is_region}
    number = (
        wanted if wanted >= 0 and wanted not in taken else next(n for n in range(1, len(taken) + 2) if n not in taken)
    )
    marker = Marker(number, is_region, start, end if is_region else 0.0, name, colour)
    project.markers = sorted([*project.markers, marker], key=lambda m: m.position)
    return number


@api("CountProjectMarkers")
def count_project_markers(_r: Call, project: Any) -> tuple[int, int, int]:
    regions = sum(marker.is_region for marker in project.markers)
    return len(project.markers), len(project.markers) - regions, regions


@api("EnumProjectMarkers3")
def enum_project_markers3(_r: Call, project: Any, index: int) -> Any:
    """The first result is the next index, 0 after the last."""
    if not 0 <= index < len(project.markers):
        return 0, False, 0.0, 0.0, "", 0, 0
    marker = project.markers[index]
    return index + 1, marker.is_region, marker.position, marker.end, marker.name, marker.number, marker.colour


@api("NF_GetSWSMarkerRegionSub")
def nf_get_sws_marker_region_sub(r: Call, index: int) -> str:
    """Of the project that is shown; empty where there is none."""
    markers = r.project.markers
    return markers[index].notes if 0 <= index < len(markers) else ""


@api("EnumProjectMarkers2")
def enum_project_markers2(r: Call, project: Any, index: int) -> Any:
    return enum_project_markers3(r, project, index)[:6]


@api("EnumProjectMarkers")
def enum_project_markers(r: Call, index: int) -> Any:
    return enum_project_markers3(r, r.project, index)[:6]


@api("DeleteProjectMarker")
def delete_project_marker(_r: Call, project: Any, number: int, is_region: bool) -> bool:
    kept = [marker for marker in project.markers if (marker.number, marker.is_region) != (number, is_region)]
    found = len(kept) < len(project.markers)
    project.markers = kept
    return found


@api("DeleteProjectMarkerByIndex")
def delete_project_marker_by_index(_r: Call, project: Any, index: int) -> bool:
    if not 0 <= index < len(project.markers):
        return False
    project.markers = [marker for i, marker in enumerate(project.markers) if i != index]
    return True
