"""A project as REAPER 7 writes it to a file, as far as the fake knows it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import rpp

from tests.support.fake_reaper.state import Item, Marker, Take, Track

_NO_COLOUR = 16576


def text_of(project: Any, folder: Path) -> str:
    """Return the text of a project file in ``folder``; media below it are named relative to it."""
    root = rpp.Element("REAPER_PROJECT", ["0.1", "7.40/fake", "0"])
    root.extend(
        [
            ["PANLAW", _number(project.pan_law)],
            ["PANMODE", str(project.pan_mode)],
            ["CURSOR", _number(project.cursor)],
            ["SAMPLERATE", str(project.rate), str(int(project.rate_used)), "0"],
            ["TEMPO", _number(project.bpm), *map(str, project.meter)],
            ["SELECTION", *map(_number, project.loop)],
            ["SELECTION2", *map(_number, project.time_selection)],
        ]
    )
    if project.tempos:
        points = [
            ["PT", _number(t.position), _number(t.bpm), "0" if t.linear else "1", *_meter(t)] for t in project.tempos
        ]
        root.append(rpp.Element("TEMPOENVEX", [], points))
    for marker in project.markers:
        root.extend(_marker(marker))
    for track in project.tracks:
        root.append(_track(track, folder))
    if project.ext:
        root.append(_extensions(project.ext))
    return str(rpp.dumps(root))


def _number(value: float) -> str:
    return f"{value:.14f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def _meter(tempo: Any) -> list[str]:
    return [str(tempo.unit * 65536 + tempo.beats)] if tempo.beats else []


def _marker(marker: Marker) -> list[list[str]]:
    kind = str(int(marker.is_region))
    line = ["MARKER", str(marker.number), _number(marker.position), marker.name, kind, str(marker.colour), "1", "R"]
    return [line, ["MARKER", str(marker.number), _number(marker.end), "", kind]] if marker.is_region else [line]


def _track(track: Track, folder: Path) -> rpp.Element:
    depth = int(track["I_FOLDERDEPTH"])
    element = rpp.Element("TRACK", [track.guid])
    element.extend(
        [
            ["NAME", track.name],
            ["PEAKCOL", str(int(track["I_CUSTOMCOLOR"]) or _NO_COLOUR)],
            ["VOLPAN", _number(track["D_VOL"]), _number(track["D_PAN"]), "-1", "-1", "1"],
            ["MUTESOLO", str(int(track["B_MUTE"])), str(int(track["I_SOLO"])), "0"],
            ["ISBUS", *(("1", "1") if depth > 0 else ("2", str(depth)) if depth < 0 else ("0", "0"))],
            ["FREEMODE", str(int(track["I_FREEMODE"]))],
            ["SEL", str(int(track["I_SELECTED"]))],
            ["NCHAN", str(int(track["I_NCHAN"]))],
            ["TRACKID", track.guid],
            ["MAINSEND", str(int(track["B_MAINSEND"])), "0"],
        ]
    )
    if track["I_FREEMODE"] == 2:
        plays = sum(1 << lane for lane in track.lanes)
        element.append(["LANEREC", "-1", "-1", str(int(track["I_NUMFIXEDLANES"])), str(plays)])
    element.extend(["EXT", key.removeprefix("P_EXT:"), value] for key, value in track.ext.items())
    element.extend(_item(item, folder) for item in track.sorted_items())
    return element


def _item(item: Item, folder: Path) -> rpp.Element:
    element = rpp.Element("ITEM", [])
    element.extend(
        [
            ["POSITION", _number(item["D_POSITION"])],
            ["SNAPOFFS", _number(item["D_SNAPOFFSET"])],
            ["LENGTH", _number(item["D_LENGTH"])],
            ["LOOP", str(int(item["B_LOOPSRC"]))],
            ["ALLTAKES", str(int(item["B_ALLTAKESPLAY"]))],
            ["FADEIN", str(int(item["C_FADEINSHAPE"])), _number(item["D_FADEINLEN"]), "0"],
            ["FADEOUT", str(int(item["C_FADEOUTSHAPE"])), _number(item["D_FADEOUTLEN"]), "0"],
            ["BEAT", str(int(item["C_BEATATTACHMODE"]))],
            ["MUTE", str(int(item["B_MUTE"])), "0"],
            ["SEL", str(int(item["B_UISEL"]))],
            ["IGUID", item.guid],
        ]
    )
    if item["I_CUSTOMCOLOR"]:
        element.append(["COLOR", str(int(item["I_CUSTOMCOLOR"]))])
    if item["I_FIXEDLANE"]:
        element.append(["LANE", str(int(item["I_FIXEDLANE"]))])
    if item.notes:
        element.append(rpp.Element("NOTES", [], [[f"|{line}"] for line in item.notes.split("\n")]))
    for index, take in enumerate(item.takes):
        if index:
            element.append(["TAKE", *(["SEL"] if take is item.active else [])])
        element.extend(_take(item, take, folder))
    return element


def _take(item: Item, take: Take, folder: Path) -> list[Any]:
    lines: list[Any] = [
        ["NAME", take.name],
        ["VOLPAN", _number(item["D_VOL"]), "0", _number(take["D_VOL"]), _number(take["D_PANLAW"])],
        ["SOFFS", _number(take["D_STARTOFFS"])],
        [
            "PLAYRATE",
            _number(take["D_PLAYRATE"]),
            str(int(take["B_PPITCH"])),
            _number(take["D_PITCH"]),
            "-1",
            "0",
            "0.0025",
        ],
        ["CHANMODE", str(int(take["I_CHANMODE"]))],
        ["GUID", take.guid],
        *(["TKM", _number(position), name, str(colour)] for position, name, colour in take.markers),
        *(["EXT", key.removeprefix("P_EXT:"), value] for key, value in take.ext.items()),
    ]
    if take.source is not None:
        path = Path(take.source.path)
        name = os.path.relpath(path, folder) if path.is_relative_to(folder) else str(path)
        lines.append(rpp.Element("SOURCE", [take.source.kind], [["FILE", name]] if take.source.path else []))
    return lines


def _extensions(ext: dict[tuple[str, str], str]) -> rpp.Element:
    element = rpp.Element("EXTENSIONS", [])
    for section in sorted({section for section, _ in ext}):
        values = [[key, value] for (known, key), value in ext.items() if known == section]
        element.append(rpp.Element(section, [], values))
    return element
