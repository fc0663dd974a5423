from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.hosts.osc.surfaces.timeline import Clip, Timeline, beats_per_minute, describe, session_fields
from acestep_runtime.values import TRACKS

CLIP = Clip(Path("/music/song.wav"), position_s=10.0, offset_s=2.0, length_s=5.0)


def following(**values: object) -> Timeline:
    return Timeline(is_clip_known=True, **values)


@pytest.mark.parametrize(
    ("range_s", "inside"),
    [
        ((11.0, 12.0), (3.0, 4.0)),
        ((8.0, 12.0), (2.0, 4.0)),  # begins before the clip
        ((14.0, 20.0), (6.0, 7.0)),  # ends after it
        ((0.0, 99.0), (2.0, 7.0)),
        ((10.0, 15.0), (2.0, 7.0)),
    ],
)
def test_a_range_counts_in_the_file_of_the_clip(range_s: tuple[float, float], inside: tuple[float, float]) -> None:
    fields = session_fields(following(clip=CLIP, range_s=range_s))
    assert fields == {"source": "/music/song.wav", "start": inside[0], "end": inside[1]}


@pytest.mark.parametrize("range_s", [(0.0, 10.0), (15.0, 16.0)])
def test_a_range_beside_the_clip_leaves_nothing_to_start_from(range_s: tuple[float, float]) -> None:
    assert session_fields(following(clip=CLIP, range_s=range_s)) == {"source": None, "start": None, "end": None}


def test_without_a_clip_that_could_be_known_there_is_no_source() -> None:
    assert session_fields(following(range_s=(1.0, 2.0), problem="Two.")) == {"source": None, "start": None, "end": None}


def test_without_a_range_the_clips_whole_file_is_the_source() -> None:
    assert session_fields(following(clip=CLIP)) == {"source": "/music/song.wav", "start": None, "end": None}


def test_where_clips_are_not_known_the_source_is_the_users() -> None:
    assert session_fields(Timeline(range_s=(1.5, 2.5))) == {"start": 1.5, "end": 2.5}


@given(st.floats(0, 1e5), st.floats(0.001, 1e4), st.floats(0, 1e4), st.floats(0, 1e5), st.floats(0.001, 1e4))
def test_what_is_inside_is_never_outside_of_the_clip(
    position: float, length: float, offset: float, start: float, duration: float
) -> None:
    inside = Clip(Path("a.wav"), position, offset, length).overlap(start, start + duration)
    if inside is not None:
        assert offset - 1e-6 <= inside[0] < inside[1] <= offset + length + 1e-6
        assert inside[1] - inside[0] <= duration + 1e-6


@pytest.mark.parametrize(("bpm", "value"), [(120.0, 120.0), (29.9, None), (300.0, 300.0), (301.0, None)])
def test_a_tempo_that_no_task_takes_is_not_set(bpm: float, value: float | None) -> None:
    assert session_fields(Timeline(bpm=bpm))["bpm"] == value


@pytest.mark.parametrize(("beats", "value"), [(3, 3), (5, None)])
def test_a_meter_that_no_task_takes_is_not_set(beats: int, value: int | None) -> None:
    assert session_fields(Timeline(timesignature=beats))["timesignature"] == value


def test_a_tempo_counts_in_the_beats_of_the_meter() -> None:
    assert beats_per_minute(120.0, 4) == 120
    assert beats_per_minute(120.0, 8) == 240
    assert beats_per_minute(120.0, 2) == 60


@pytest.mark.parametrize("name", TRACKS)
def test_a_track_named_as_one_of_the_twelve_chooses_it(name: str) -> None:
    written = f" {name.replace('_', ' ').title()} "
    assert session_fields(Timeline(track=written))["tracks"] == name
    assert "tracks" not in session_fields(Timeline(track=f"My {name}"))


def test_results_go_to_the_folder_of_the_session() -> None:
    assert session_fields(Timeline(output=Path("/music/session/export")))["output"] == "/music/session/export"


@pytest.mark.parametrize(
    ("timeline", "words"),
    [
        (
            following(clip=CLIP, range_s=(11.0, 12.5), track="Gtr", bpm=98.5),
            "3.000 s to 4.500 s of song.wav on Gtr, 98.5 bpm",
        ),
        (Timeline(range_s=(1.0, 2.0)), "1.000 s to 2.000 s of the source of the session"),
        (following(problem="Two regions."), "Two regions."),
        (Timeline(), "No time selection and no loop that a clip of the selected track plays."),
    ],
)
def test_it_is_described_in_a_line(timeline: Timeline, words: str) -> None:
    assert describe(timeline) == words
