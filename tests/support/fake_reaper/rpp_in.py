"""Opening a project file in the simulation, as far as it knows the format: tracks in folders, items, takes, markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rpp

from tests.support.fake_reaper.sound import open_source
from tests.support.fake_reaper.state import Item, Marker, Take

_NO_COLOUR = 16576


def open_project(project: Any, text: str, folder: Path) -> None:
    """Fill an empty project with what a file in ``folder`` holds. AssertionError for a file whose folders do not close."""
    root = rpp.loads(text)
    for row in root:
        if not isinstance(row, rpp.Element):
            _set_project(project, row)
        elif row.tag == "TRACK":
            _add_track(project, row, folder)
    assert sum(int(track["I_FOLDERDEPTH"]) for track in project.tracks) == 0, "a folder that nothing closes"


def _set_project(project: Any, row: list[str]) -> None:
    if row[0] == "TEMPO":
        project.bpm, project.meter = float(row[1]), (int(row[2]), int(row[3]))
    elif row[0] == "PANLAW":
        project.pan_law = float(row[1])
    elif row[0] == "SAMPLERATE":
        project.rate = int(row[1])
    elif row[0] == "MARKER":
        number, position, name = int(row[1]), float(row[2]), row[3]
        if name:
            region = row[4] == "1"
            project.markers.append(Marker(number, region, position, position, name, int(row[5])))
        else:  # the end of the region with that number
            next(marker for marker in project.regions if marker.number == number).end = position


def _add_track(project: Any, element: Any, folder: Path) -> None:
    colour = int(_field(element, "PEAKCOL")[0])
    track = project.add_track(
        _field(element, "NAME")[0],
        I_FOLDERDEPTH=int(_field(element, "ISBUS")[1]),
        I_CUSTOMCOLOR=0 if colour == _NO_COLOUR else colour,
        B_MUTE=int(_field(element, "MUTESOLO")[0]),
    )
    for each in element.findall("ITEM"):
        item = Item(track)
        item.values.update(
            D_POSITION=float(_field(each, "POSITION")[0]),
            D_LENGTH=float(_field(each, "LENGTH")[0]),
            B_LOOPSRC=int(_field(each, "LOOP")[0]),
            B_MUTE=int(_field(each, "MUTE")[0]),
            D_FADEINLEN=float(_field(each, "FADEIN")[1]),
            D_FADEOUTLEN=float(_field(each, "FADEOUT")[1]),
        )
        _add_takes(item, each, folder)
        track.items.append(item)


def _add_takes(item: Item, element: Any, folder: Path) -> None:
    """Add takes: the values before the first TAKE are those of the first one."""
    take = item.add_take()
    for row in element:
        if isinstance(row, rpp.Element):
            if row.tag == "SOURCE":
                take.source = open_source(folder / _field(row, "FILE")[0])
        elif row == "TAKE":  # a word alone
            take = item.add_take()
        elif row == ["TAKE", "SEL"]:
            take = item.add_take()
            item["I_CURTAKE"] = len(item.takes) - 1
        else:
            _set_take(take, row)


def _set_take(take: Take, row: list[str]) -> None:
    if row[0] == "NAME":
        take.name = row[1]
    elif row[0] == "SOFFS":
        take.offset = float(row[1])
    elif row[0] == "PLAYRATE":
        take.rate = float(row[1])


def _field(element: Any, name: str) -> list[str]:
    values: list[str] = element.find(name)[1:]
    return values
