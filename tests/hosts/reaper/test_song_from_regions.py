"""Song from regions: regions become sections, and a song lands on a new track, cut at the regions' borders."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support import schemas
from tests.support.fake_reaper.calls_time import Marker
from tests.support.reaper_scene import Scene
from tests.support.reaper_song import answer_song, level
from tests.support.reaper_studio import RATE_HZ, Studio

ACTION = "Song from regions"
#: On no round number: the first frame of the song.
AT = 2 * RATE_HZ + 77
#: Regions as name and length in frames.
SONG = (("Verse: soft piano", 30_001), ("Chorus", 25_000), ("Chorus", 20_003))


def lay_regions(project: Any, regions: Any = SONG, at: float = AT) -> None:
    markers = []
    for number, (name, frames) in enumerate(regions, 1):
        markers.append(Marker(number, True, at / RATE_HZ, (at + frames) / RATE_HZ, name, 0))
        at += frames
    project.markers = markers
    project.settle()


def send(scene: Scene, **form: str) -> dict[str, Any]:
    """Run the action; return the song of its request, which is as the protocol says."""
    folder = scene.send(ACTION, **form)
    request = scene.request(folder)
    schemas.check("request", request)
    return {**request["song"], "folder": folder}


def refusal(scene: Scene, **form: str) -> str:
    scene.start(ACTION, **form)
    scene.r.finish()
    assert not list((scene.r.resource / "AceBridge" / "jobs").glob("*/request.json"))
    (message,) = scene.r.messages
    return message.split("\n")[0]


def frames_of(item: Any) -> tuple[int, int]:
    start, stop = item.position * RATE_HZ, (item.position + item.length) * RATE_HZ
    assert (start, stop) == pytest.approx((round(start), round(stop)), abs=1e-6)
    return round(start), round(stop)


def test_regions_are_sections(scene: Scene) -> None:
    lay_regions(scene.project)
    song = send(scene, Style="folk", Takes="2", Seed="7")
    assert {key: song[key] for key in ("caption", "seed", "takes", "sample_rate", "position_s")} == {
        "caption": "folk", "seed": 7, "takes": 2, "sample_rate": RATE_HZ, "position_s": AT / RATE_HZ,
    }  # fmt: skip
    rows = [(row["name"], row["caption"], row.get("like")) for row in song["sections"]]
    assert rows == [("Verse", "soft piano", None), ("Chorus", "", None), ("Chorus 2", "", "Chorus")]
    borders = [(round(row["start_s"] * RATE_HZ), round(row["end_s"] * RATE_HZ)) for row in song["sections"]]
    assert borders == [(0, 30_001), (30_001, 55_001), (55_001, 75_004)]
    assert {row["bpm"] for row in song["sections"]} == {120}


def test_the_time_selection_says_which_regions(scene: Scene) -> None:
    lay_regions(scene.project)
    scene.project.time_selection = ((AT + 30_500) / RATE_HZ, (AT + 31_000) / RATE_HZ)
    scene.project.settle()
    song = send(scene)
    assert [row["name"] for row in song["sections"]] == ["Chorus"]
    assert song["position_s"] == (AT + 30_001) / RATE_HZ


@pytest.mark.parametrize("off", [-0.4, 0.4])
def test_a_time_selection_of_one_region_means_no_other(scene: Scene, off: float) -> None:
    lay_regions(scene.project, at=AT + off)
    region = scene.project.markers[1]
    scene.project.time_selection = (region.position, region.end)
    scene.project.settle()
    song = send(scene)
    assert [row["name"] for row in song["sections"]] == ["Chorus"]
    assert song["position_s"] == (AT + 30_001) / RATE_HZ


def test_a_tempo_that_rises_inside_a_region_is_refused(scene: Scene) -> None:
    lay_regions(scene.project)
    scene.project.tempo(0, 120, 4, 4, linear=True)
    scene.project.tempo(30, 180)
    scene.project.settle()
    assert refusal(scene) == 'The tempo changes little by little inside of "Verse".'


def test_lyrics_go_to_the_regions_that_they_name(scene: Scene) -> None:
    lay_regions(scene.project, (*SONG, ("[Outro]", 10_000)))
    song = send(scene, Lyrics="[Verse] / One / Two / [Chorus] / Three")
    assert [row.get("lyrics") for row in song["sections"]] == ["One\nTwo", "Three", "Three", None]
    assert song["sections"][3]["name"] == "Outro"


def test_a_song_lands_cut_at_the_borders_with_takes_as_takes(scene: Scene) -> None:
    lay_regions(scene.project)
    before = scene.project.state()
    song = send(scene, Takes="2")
    answer_song(song["folder"])
    scene.r.finish()
    assert scene.project.undo == [f"AceBridge: {ACTION}"]
    (track,) = scene.new_tracks()
    assert track.name == "Song"
    spans = [frames_of(item) for item in track.items]
    assert spans == [(AT, AT + 30_001), (AT + 30_001, AT + 55_001), (AT + 55_001, AT + 75_004)]
    assert [[take.name for take in item.takes] for item in track.items] == [
        ["Verse"] * 2, ["Chorus"] * 2, ["Chorus 2"] * 2,
    ]  # fmt: skip
    assert len({item.takes[0].source.path for item in track.items}) == 1
    played = scene.project.render(0, 10)[:, 0] - _without(scene, track)
    for number, (start, stop) in enumerate(spans):
        assert np.allclose(played[start:stop], level(number), atol=1e-6)
    for item in track.items:
        item["I_CURTAKE"] = 1
    played = scene.project.render(0, 10)[:, 0] - _without(scene, track)
    for number, (start, stop) in enumerate(spans):
        assert np.allclose(played[start:stop], level(number, 1), atol=1e-6)
    assert json.loads(track.items[1].takes[1].ext["P_EXT:AceBridge"])["seed"] == 11
    assert scene.project.step(-1)
    after = scene.project.state()
    assert {key: value for key, value in after.items() if key not in ("ext", "redo")} == {
        key: value for key, value in before.items() if key not in ("ext", "redo")
    }


def _without(scene: Scene, track: Any) -> Any:
    items, track.items = track.items, []
    samples = scene.project.render(0, 10)[:, 0]
    track.items = items
    return samples


def test_a_song_goes_along_with_its_regions(scene: Scene) -> None:
    lay_regions(scene.project)
    song = send(scene)
    lay_regions(scene.project, at=AT + 4_410)
    answer_song(song["folder"])
    scene.r.finish()
    assert scene.r.messages == []
    assert frames_of(scene.new_tracks()[0].items[0])[0] == AT + 4_410


@pytest.mark.parametrize("change", ["moved", "removed", "longer"])
def test_a_region_that_was_moved_meanwhile_leaves_the_song_where_it_was(scene: Scene, change: str) -> None:
    lay_regions(scene.project)
    song = send(scene)
    *others, last = scene.project.markers
    changed = {
        "moved": [dataclasses.replace(last, position=last.position + 1, end=last.end + 1)],
        "longer": [dataclasses.replace(last, end=last.end + 1)],
        "removed": [],
    }[change]
    scene.project.markers = [*others, *changed]
    answer_song(song["folder"])
    scene.r.finish()
    assert scene.r.messages == ["The regions were moved or changed meanwhile; the song lies where they were."]
    assert [frames_of(item)[0] for item in scene.new_tracks()[0].items] == [AT, AT + 30_001, AT + 55_001]


def test_a_message_names_sections_that_failed(scene: Scene) -> None:
    lay_regions(scene.project)
    song = send(scene)
    answer_song(song["folder"], 2, warnings=["Chorus 2: The engine broke. The song ends before it."])
    scene.r.finish()
    (message,) = scene.r.messages
    assert message.startswith("2 sections on a new track; not made: Chorus 2.")
    assert "The engine broke." in message
    assert len(scene.new_tracks()[0].items) == 2


def test_the_action_without_a_dialog_takes_what_was_entered_last(scene: Scene) -> None:
    lay_regions(scene.project)
    song = send(scene, Style="folk", Takes="2", Seed="7")
    answer_song(song["folder"])
    scene.r.finish()
    request = scene.request(scene.send(f"{ACTION} (no dialog)"))
    assert (request["song"]["caption"], request["song"]["takes"]) == ("folk", 2)
    assert "seed" not in request["song"]  # another song, not the same again


def test_what_is_no_song_is_refused_with_a_sentence(scene: Scene) -> None:
    assert refusal(scene) == "The project has no regions."


@pytest.mark.parametrize(("by", "what"), [(441, "there is a gap between them"), (-441, "they overlap")])
def test_gaps_and_overlaps_are_refused(scene: Scene, by: int, what: str) -> None:
    lay_regions(scene.project)
    *others, last = scene.project.markers
    scene.project.markers = [*others, dataclasses.replace(last, position=last.position + by / RATE_HZ)]
    end_s, start_s = others[-1].end, others[-1].end + by / RATE_HZ
    assert refusal(scene) == f'"Chorus" ends at {end_s:.3f} s and "Chorus" begins at {start_s:.3f} s: {what}.'


def test_a_tempo_that_changes_inside_a_region_is_refused(scene: Scene) -> None:
    lay_regions(scene.project)
    at_s = (AT + 40_000) / RATE_HZ
    scene.project.tempo(0, 120, 4, 4)
    scene.project.tempo(at_s, 90)
    scene.project.settle()
    assert refusal(scene) == f'The tempo or the meter changes inside of "Chorus", at {at_s:.3f} s.'


@pytest.mark.parametrize("off", [-0.4, 0.0, 0.4])
def test_a_tempo_that_changes_between_regions_is_that_of_each(scene: Scene, off: float) -> None:
    lay_regions(scene.project, at=AT + off)  # bars lie between samples, most of the time
    scene.project.tempo(0, 120, 4, 4)
    scene.project.tempo(scene.project.markers[1].position, 90, 3, 4)
    scene.project.settle()
    song = send(scene)
    assert [(row["bpm"], row["timesignature"]) for row in song["sections"]] == [(120, 4), (90, 3), (90, 3)]


@pytest.mark.parametrize(
    ("lyrics", "says"),
    [
        ("One / Two", "The lyrics do not say which region has which words."),
        ("One / [Verse] / Two", 'The lyrics begin with "One", which belongs to no region.'),
        ("[Bridge] / Two", "The lyrics have a part [Bridge] for which there is no region."),
    ],
)
def test_lyrics_that_fit_no_region_are_refused(scene: Scene, lyrics: str, says: str) -> None:
    lay_regions(scene.project)
    assert refusal(scene, Lyrics=lyrics) == says


@pytest.mark.slow
def test_a_song_from_regions_through_the_command_and_the_daemon(studio: Studio) -> None:
    lay_regions(studio.project)
    studio.run(ACTION, Style="synth pop", Takes="2", Seed="3")
    assert studio.reaper.messages == []
    assert studio.project.undo == [f"AceBridge: {ACTION}"]
    assert studio.reaper.longest_tick_ms < 30
    (track,) = [track for track in studio.project.tracks if track.name == "Song"]
    assert [frames_of(item) for item in track.items] == [
        (AT, AT + 30_001), (AT + 30_001, AT + 55_001), (AT + 55_001, AT + 75_004),
    ]  # fmt: skip
    assert [len(item.takes) for item in track.items] == [2, 2, 2]
    song = soundfile.read(track.items[0].takes[0].source.path, dtype="float32")[0]
    assert len(song) == 75_004
    assert all(
        Path(take.source.path).parent == Path(studio.project.media_folder)
        for item in track.items
        for take in item.takes
    )


def rows_of(song: dict[str, Any], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row.get(key) for key in keys) for row in song["sections"]]


def test_names_say_what_a_section_is_like_and_which_chords_it_has(scene: Scene) -> None:
    regions = (
        ("Verse: soft | Am F | C G |", 30_000), ("Chorus: loud | F G | Am", 20_000), ("Verse 2 = verse", 10_000),
        ("Chorus 2 = Chorus 60%: brass", 10_000), ("Outro = Verse 2 | C", 10_000),
    )  # fmt: skip
    lay_regions(scene.project, regions)
    song = send(scene, Lyrics="[Verse] / One / [Chorus] / Two")
    assert rows_of(song, "name", "caption", "like", "like_strength", "chords", "lyrics") == [
        ("Verse", "soft", None, None, "| Am F | C G |", "One"),
        ("Chorus", "loud", None, None, "| F G | Am", "Two"),
        ("Verse 2", "soft", "Verse", None, "| Am F | C G |", "One"),
        ("Chorus 2", "brass", "Chorus", 0.6, "| F G | Am", "Two"),
        ("Outro", "soft", "Verse 2", None, "C", "One"),
    ]


@pytest.mark.parametrize(
    ("extensions", "rows"),
    [
        (
            ("SWS",),
            [
                ("Verse", "soft piano", None, None, "Am F"),
                ("Chorus", "", None, None, None),
                ("Chorus 2", "quiet", "Verse", 0.4, "C"),
            ],
        ),
        (
            (),
            [
                ("Verse", "soft piano", None, None, None),
                ("Chorus", "", None, None, None),
                ("Chorus 2", "", "Chorus", None, None),
            ],
        ),
    ],
)
def test_notes_of_regions_say_the_same_where_sws_is_there(
    scene: Scene, extensions: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    scene.r.extensions = extensions
    lay_regions(scene.project)
    first, _, third = scene.project.markers
    first.notes = "Chords: Am F\nsung by two"
    third.notes = "like: Verse 40%\r\ncaption: quiet\r\nchords: C"
    scene.project.settle()
    assert rows_of(send(scene), "name", "caption", "like", "like_strength", "chords") == rows


def test_a_section_can_be_like_none_that_is_not_before_it(scene: Scene) -> None:
    lay_regions(scene.project, (("Verse = Chorus", 30_000), ("Chorus", 20_000)))
    assert refusal(scene) == '"Verse" is to be like "Chorus", and no section before it has that name.'
