"""DAWproject files, checked against the schemas of their authors and read back with another XML library."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from acebridge.project_files import write_project
from acebridge.project_files.arrangement import Arrangement, Item, Track
from tests.support.arrangements import ARRANGEMENTS, FILES, RATE_HZ, write_files

_SCHEMAS = {
    name: etree.XMLSchema(etree.parse(Path(__file__).parent / "schemas" / f"{name}.xsd"))
    for name in ("Project", "MetaData")
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the audio files."""
    folder = tmp_path_factory.mktemp("project")
    write_files(folder)
    return folder


def save(arrangement: Arrangement, folder: Path) -> tuple[Any, zipfile.ZipFile]:
    """Write a project; return its tree, which is valid, and its archive."""
    path = folder / "song.dawproject"
    assert write_project(arrangement, path, {name: folder / name for name in FILES}) == []
    archive = zipfile.ZipFile(path)
    for name, inside in (("Project", "project.xml"), ("MetaData", "metadata.xml")):
        _SCHEMAS[name].assertValid(etree.fromstring(archive.read(inside)))
    return etree.fromstring(archive.read("project.xml")), archive


def frame(text: str) -> int:
    exact = float(text) * RATE_HZ
    assert abs(exact - round(exact)) < 1e-4
    return round(exact)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(arrangement=ARRANGEMENTS)
def test_everything_lies_on_its_frame(folder: Path, arrangement: Arrangement) -> None:
    root, archive = save(arrangement, folder)
    names = {element.get("id"): element for element in root.iter("Track")}
    lanes = {element.get("track"): element for element in root.iterfind("Arrangement/Lanes/Lanes")}

    def check(elements: list[Any], tracks: tuple[Track, ...]) -> None:
        assert [(element.get("name"), element.get("color", "")) for element in elements] == [
            (track.name, track.colour) for track in tracks
        ]
        for element, track in zip(elements, tracks, strict=True):
            assert element.find("Channel/Mute").get("value") == str(track.muted).lower()
            check(element.findall("Track"), track.children)
            own = lanes.get(element.get("id"))
            assert (own is not None) == bool(track.items)
            if own is not None:
                check_items(own, track.items)

    def check_items(own: Any, items: tuple[Item, ...]) -> None:
        first, *others = own.findall("Clips")
        found = [
            (clip.get("name"), *(frame(clip.get(key)) for key in ("time", "duration", "playStart")), clip.get("enable", "true"))
            for clip in first
        ]  # fmt: skip
        assert found == [
            (item.name, item.start, item.frames, item.offset, str(not item.muted).lower()) for item in items
        ]
        for clip, item in zip(first, items, strict=True):
            inside = clip.find("Audio/File").get("path")
            assert archive.read(inside) == (folder / item.file).read_bytes()
            assert int(clip.find("Audio").get("channels")) == FILES[item.file][1]
        takes = [(clip.get("name"), frame(clip.get("time")), clip.get("enable")) for lane in others for clip in lane]
        wanted = [
            (item.others[number].name, item.start, "false")
            for number in range(max(len(item.others) for item in items)) for item in items if number < len(item.others)
        ]  # fmt: skip
        assert takes == wanted

    *tracks, master = root.findall("Structure/Track")
    assert master.find("Channel").get("role") == "master"
    check(tracks, arrangement.tracks)
    assert all(names)
    marks = root.findall("Arrangement/Markers/Marker")
    assert sorted((mark.get("name"), frame(mark.get("time"))) for mark in marks) == sorted(
        (mark.name, mark.start) for mark in arrangement.markers
    )
    assert float(root.find("Transport/Tempo").get("value")) == arrangement.bpm
    meter = root.find("Transport/TimeSignature")
    assert (meter.get("numerator"), meter.get("denominator")) == (
        str(arrangement.beats_per_bar),
        str(arrangement.beat_unit),
    )


def test_a_folder_sums_its_tracks(folder: Path) -> None:
    inner = Track("inner", items=(Item("one", "one.wav", 0, 10),))
    root, _ = save(Arrangement("a", RATE_HZ, (Track("outer", children=(inner,)),)), folder)
    outer = root.find("Structure/Track")
    assert outer.find("Channel").get("role") == "submix"
    assert outer.find("Track/Channel").get("destination") == outer.find("Channel").get("id")
    assert outer.find("Channel").get("destination") == root.findall("Structure/Track")[-1].find("Channel").get("id")


def test_files_of_one_name_stay_apart(folder: Path, tmp_path: Path) -> None:
    other = write_files(tmp_path)["two.wav"].rename(tmp_path / "One.wav")
    items = (Item("a", "first", 0, 10), Item("b", "second", 10, 10))
    path = tmp_path / "x.dawproject"
    write_project(
        Arrangement("a", RATE_HZ, (Track("t", items=items),)), path, {"first": folder / "one.wav", "second": other}
    )
    archive = zipfile.ZipFile(path)
    assert archive.read("audio/one.wav") == (folder / "one.wav").read_bytes()
    assert archive.read("audio/One (2).wav") == other.read_bytes()


def test_equal_arrangements_give_equal_files(folder: Path) -> None:
    arrangement = Arrangement("a", RATE_HZ, (Track("t", items=(Item("one", "one.wav", 0, 10),)),))
    path = folder / "song.dawproject"
    once, again = (save(arrangement, folder) and path.read_bytes() for _ in range(2))
    assert once == again


def test_a_title_that_xml_cannot_hold(folder: Path) -> None:
    root, archive = save(Arrangement("a\x00b\ufffec", RATE_HZ, (Track("x\x1b<&>y"),)), folder)
    assert root.find("Structure/Track").get("name") == "x<&>y"
    assert etree.fromstring(archive.read("metadata.xml")).findtext("Title") == "abc"
