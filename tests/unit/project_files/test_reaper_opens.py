"""A REAPER project of any arrangement, opened in the simulated REAPER: everything lies on its frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from acebridge.project_files import write_project
from acebridge.project_files.arrangement import Arrangement, Track
from acebridge.project_files.reaper import native_colour
from tests.support.arrangements import ARRANGEMENTS, RATE_HZ, write_files
from tests.support.fake_reaper.project import Project
from tests.support.fake_reaper.rpp_in import open_project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the audio files."""
    folder = tmp_path_factory.mktemp("project")
    write_files(folder)
    return folder


def flat(tracks: tuple[Track, ...]) -> list[Track]:
    return [each for track in tracks for each in (track, *flat(track.children))]


def line(name: str) -> str:
    """A name as the format holds it: with plain spaces, and without the quote that nothing can hold."""
    return " ".join(name.split()).replace("`", "'")


def frame(seconds: float) -> int:
    exact = seconds * RATE_HZ
    assert abs(exact - round(exact)) < 1e-4
    return round(exact)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(arrangement=ARRANGEMENTS)
def test_everything_lies_on_its_frame(folder: Path, arrangement: Arrangement) -> None:
    write_project(
        arrangement, folder / "song.rpp", {name: folder / name for name in ("one.wav", "two.wav", "drei ß.wav")}
    )
    project = Project(folder, 48_000)
    open_project(project, (folder / "song.rpp").read_text("utf-8"), folder)
    assert (project.rate, project.meter) == (RATE_HZ, (arrangement.beats_per_bar, arrangement.beat_unit))
    assert project.bpm == pytest.approx(arrangement.bpm, abs=1e-12)
    wanted = flat(arrangement.tracks)
    assert [(line(track.name), bool(track.mute)) for track in project.tracks] == [
        (line(track.name), track.muted) for track in wanted
    ]
    for track, want in zip(project.tracks, wanted, strict=True):
        assert track.colour == (native_colour(want.colour) if want.colour else 0)
        found = [
            (line(item.takes[0].name), Path(item.takes[0].source.path).name, frame(item.position), frame(item.length),
             frame(item.takes[0].offset), bool(item.mute))
            for item in track.sorted_items()
        ]  # fmt: skip
        assert found == [
            (line(item.name), item.file, item.start, item.frames, item.offset, item.muted) for item in want.items
        ]
        assert [[take.source.path for take in item.takes[1:]] for item in track.sorted_items()] == [
            [str(folder / take.file) for take in item.others] for item in want.items
        ]
        assert all((item.active, item.fade_in, item.fade_out) == (item.takes[0], 0, 0) for item in track.items)
    assert [
        (line(mark.name), frame(mark.position), frame(mark.end) if mark.is_region else None) for mark in project.markers
    ] == [(line(mark.name), mark.start, mark.stop) for mark in arrangement.markers]
