"""Every action, from a selection to tracks, through the real command and the real daemon with the draft engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acestep_runtime.audio.tags.describe import describe_file
from acestep_runtime.recipes import parse_recipe
from tests.support.reaper_studio import ITEM_AT_S, RATE_HZ, Studio, media
from tests.support.signals import song

pytestmark = pytest.mark.slow

#: A selection on no round number, and on the project's samples.
START, STOP = 176_401, 308_701
START_S, STOP_S = START / RATE_HZ, STOP / RATE_HZ
CROSSFADE = 882
STYLE = "Style"
#: What a musician types who knows no ASCII.
AWKWARD = 'brighter piano, "bell", l\'été, 반짝이는 ✨'


def samples(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def facts(take: Any) -> dict[str, Any]:
    return json.loads(take.ext["P_EXT:AceBridge"])


def original(studio: Studio) -> dict[str, Any]:
    """What every action has to leave alone: the takes and items that were there, their media, cursor, view, selection."""
    state = studio.project.state()
    tracks = (studio.band, studio.pad)
    return {
        "media": {path.name: path.read_bytes() for path in studio.folder.glob("*.wav")},
        "seen": {key: state[key] for key in ("cursor", "time_selection", "loop", "view", "render")},
        "takes": [
            (t.source.path, t.offset, t.rate, t.volume, t.name) for track in tracks for t in track.items[0].takes[:1]
        ],
        "items": [{**track.items[0].values, "I_CURTAKE": None} for track in tracks],
        "tracks": [(track.name, dict(track.values)) for track in tracks],
    }


def assert_placed(studio: Studio, title: str) -> None:
    """Assert what holds after everything that landed: one undo step, no message, no long tick, nothing left to place."""
    reaper = studio.reaper
    assert reaper.messages == []
    assert reaper.console == ""
    assert studio.project.undo == [f"AceBridge: {title}"]
    assert reaper.longest_tick_ms < 30
    assert all((folder / "placed").exists() for folder in studio.jobs())


def undone(studio: Studio, before: Any) -> None:
    """Assert that one undo brings back what was there."""
    assert studio.project.step(-1)
    assert studio.visible_state() == before


def select(studio: Studio) -> None:
    studio.project.time_selection = (START_S, STOP_S)
    studio.item.selected = 1
    studio.project.settle()


def on_tracks(studio: Studio) -> list[Any]:
    return [track for track in studio.project.tracks if track not in (studio.band, studio.pad)]


def exact(studio: Studio, item: Any, start: int, frames: int) -> None:
    """Assert that an item lies on these samples of the project, plays all of its file and nothing else."""
    assert item.position == start / RATE_HZ
    assert item.length == frames / RATE_HZ
    assert item["B_LOOPSRC"] == 0
    assert item["C_BEATATTACHMODE"] == -1
    for take in item.takes:
        info = soundfile.info(take.source.path)
        assert (info.samplerate, info.frames) == (RATE_HZ, frames)
        assert Path(take.source.path).parent == Path(studio.project.media_folder)
        assert (take.offset, take.rate, take.pitch) == (0, 1, 0)
        assert take.source.peaks


def test_repaint_is_a_new_take_equal_to_the_old_one_outside(studio: Studio) -> None:
    select(studio)
    before, seen, received = original(studio), studio.visible_state(), studio.project.render()
    studio.run("Repaint time selection", **{STYLE: AWKWARD, "Seed": "7"})
    assert_placed(studio, "Repaint time selection")
    assert original(studio) == before
    old, new = studio.item.takes
    assert studio.item.active is new
    source, made = samples(old.source.path)[RATE_HZ // 2 :][: 12 * RATE_HZ], samples(new.source.path)
    assert made.shape == source.shape
    assert new.offset == 0
    begin, end = START - 44_123, STOP - 44_123
    outside = np.r_[0 : begin - CROSSFADE, end + CROSSFADE : len(made)]
    assert (made[outside] == source[outside]).all()
    assert np.abs(made[begin:end] - source[begin:end]).max() > 1e-2
    now = studio.project.render()
    outside = np.r_[0 : START - CROSSFADE, STOP + CROSSFADE : len(received)]
    assert (now[outside] == received[outside]).all()
    made_by = facts(new)
    assert (made_by["seed"], made_by["engine"], made_by["action"], made_by["caption"]) == (
        7,
        "draft",
        "repaint",
        AWKWARD,
    )
    undone(studio, seen)


def test_a_take_that_does_not_play_straight_is_read_through_reaper(studio: Studio) -> None:
    studio.item.takes[0].rate = 0.5
    studio.item.takes[0].volume = 0.25
    select(studio)
    studio.run("Repaint time selection")
    assert_placed(studio, "Repaint time selection")
    old, new = studio.item.takes
    made = samples(new.source.path)
    assert (len(made), new.rate, new.offset, new.volume) == (12 * RATE_HZ, 1, 0, 0.25)
    read = samples(studio.jobs()[0] / "source-1.wav")
    begin = START - 44_123
    assert (made[: begin - CROSSFADE] == read[: begin - CROSSFADE]).all()
    assert old.rate == 0.5


def test_repaints_of_several_items_are_one_step(studio: Studio) -> None:
    other = studio.pad.items[0]
    studio.project.time_selection = (3.0, 5.0)
    studio.item.selected = other.selected = 1
    studio.project.settle()
    studio.run("Repaint time selection", **{STYLE: "strings", "Takes": "2"})
    assert_placed(studio, "Repaint time selection")
    assert [len(item.takes) for item in (studio.item, other)] == [3, 3]
    assert len({facts(take)["seed"] for take in studio.item.takes[1:]}) == 2


def test_a_repaint_may_go_on_a_lane(studio: Studio) -> None:
    studio.reaper.ext[("AceBridge", "repaint_as")] = "lane"
    select(studio)
    studio.run("Repaint time selection")
    assert_placed(studio, "Repaint time selection")
    old, new = studio.band.items
    assert len(old.takes) == 1
    assert (new.lane, new.position, new.length) == (1, old.position, old.length)
    assert studio.band["I_FREEMODE"] == 2
    assert studio.band.plays(new)
    assert not studio.band.plays(old)


@pytest.mark.parametrize(
    ("action", "form", "names"),
    [
        (
            "Extract stems",
            {"Tracks": "vocals, drums, bass"},
            ['Stems: 기타 "lead"', "Vocals", "Drums", "Bass", "Other"],
        ),
        (
            "Add layer",
            {"Tracks": "Strings, backing vocals", STYLE: AWKWARD},
            ['Layers: 기타 "lead"', "Strings", "Backing vocals"],
        ),
        ("Complete", {"Tracks": "drums, bass"}, ['Accompaniment: 기타 "lead"', "Drums", "Bass"]),
    ],
)
def test_tracks_come_in_one_folder_below_the_source(
    studio: Studio, action: str, form: dict[str, str], names: list[str]
) -> None:
    select(studio)
    before, seen = original(studio), studio.visible_state()
    studio.run(action, **form)
    assert_placed(studio, action)
    assert original(studio) == before
    made = studio.project.tracks[1:-1]
    assert [track.name for track in made] == names
    assert [track.depth for track in made] == [1, *[0] * (len(names) - 2), -1]
    for track in made[1:]:
        (item,) = track.items
        exact(studio, item, START, STOP - START)
        assert track.colour or track.name == "Other"
    if action == "Extract stems":
        stems = sum(samples(track.items[0].active.source.path) for track in made[1:])
        first = START - 44_123 + RATE_HZ // 2
        assert np.abs(stems - samples(studio.song)[first : first + STOP - START]).max() < 1e-5
    undone(studio, seen)


def test_an_accompaniment_that_is_played_at_once_is_a_track_and_replaces_its_source(studio: Studio) -> None:
    """Neural engines give no tracks of their own, but all with the source."""
    studio.reaper.ext[("AceBridge", "mute_source")] = "yes"
    studio.item.selected = 1
    studio.reaper.form(**{"Tracks": "drums"})
    studio.reaper.start("AceBridge_Complete.lua")
    studio.wait_until_sent()
    studio.end_scripts()
    (folder,) = studio.jobs()
    studio.reaper.until(lambda: (folder / "result.json").exists())
    result = json.loads((folder / "result.json").read_text("utf-8"))
    (take,) = result["parts"][0]["takes"]
    assert [output["role"] for output in take["outputs"]] == ["mix", "drums"]
    del take["outputs"][1]
    (folder / "result.json").write_text(json.dumps(result), "utf-8")
    studio.reaper.start("AceBridge_Job list.lua")
    studio.reaper.until(lambda: (folder / "placed").exists())
    assert_placed(studio, "Complete")
    (track,) = on_tracks(studio)[1:]
    assert track.items[0].length == studio.item.length
    assert studio.item["B_MUTE"] == 1


@pytest.mark.parametrize("capture", ["pre", "post"])
def test_cover_uses_the_mix(studio: Studio, capture: str) -> None:
    studio.reaper.ext[("AceBridge", "capture")] = capture
    studio.band.volume, studio.band.pan = 0.5, -1.0
    studio.band.add_fx(lambda received, _rate: -received)
    studio.project.time_selection = (START_S, STOP_S)
    studio.project.settle()
    before, received = original(studio), studio.project.render(START_S, STOP_S)
    studio.run("Cover", **{STYLE: "jazz trio", "Takes": "2"})
    assert_placed(studio, "Cover")
    assert original(studio) == before
    (track,) = on_tracks(studio)
    (item,) = track.items
    exact(studio, item, START, STOP - START)
    assert len(item.takes) == 2
    sent = samples(studio.jobs()[0] / ("source-1.wav" if capture == "post" else "mix-1.wav"))
    if capture == "post":
        assert np.abs(sent - received).max() < 1e-6
    else:  # the same but for the effect, which turns the band over
        pad = samples(studio.pad.items[0].active.source.path)
        assert np.abs(sent[:, 1] - received[:, 1]).max() < 1e-6
        assert pad.size
        assert np.abs(sent[:, 0]).max() > 0.1


def test_a_cover_may_change_the_words_and_keep_the_arrangement(studio: Studio) -> None:
    studio.reaper.ext[("AceBridge", "dcw")] = "double"
    studio.project.time_selection = (START_S, STOP_S)
    studio.project.settle()
    answers = {
        STYLE: "jazz trio",
        "Lyrics": "one / two",
        "Morph (": "words",
        "Morph from style": "folk",
        "Morph from lyrics": "three / four",
    }
    studio.run("Cover", **answers)
    assert_placed(studio, "Cover")
    (item,) = on_tracks(studio)[0].items
    recipe = parse_recipe(describe_file(Path(item.active.source.path))[1], "take.wav")
    assert recipe.fields["morph"] == {"mode": "words", "caption": "folk", "lyrics": "three\nfour"}
    assert recipe.fields["music"]["lyrics"] == "one\ntwo"
    assert recipe.fields["sampling"]["dcw"] == "double"
    studio.run("Cover", **{**answers, "Morph (": "off"})
    fields = [
        json.loads((folder / "request.json").read_text("utf-8"))["parts"][0]["fields"] for folder in studio.jobs()
    ]
    assert [each.get("morph") is None for each in fields] == [False, True]


def test_several_tracks_are_rendered_as_one(studio: Studio) -> None:
    studio.reaper.ext[("AceBridge", "capture")] = "post"
    loud = studio.project.add_track("not meant")
    loud.add_item(studio.song)
    studio.band.selected = studio.pad.selected = 1
    studio.project.time_selection = (START_S, STOP_S)
    studio.project.settle()
    loud.mute = 1
    meant = studio.project.render(START_S, STOP_S)
    loud.mute = 0
    studio.project.settle()
    before = original(studio)
    studio.run("Cover", **{STYLE: "jazz trio"})
    assert_placed(studio, "Cover")
    assert original(studio) == before
    assert np.abs(samples(studio.jobs()[0] / "source-1.wav") - meant).max() < 1e-6


def test_generate_lands_on_the_selected_track_or_on_a_new_one(studio: Studio) -> None:
    free = studio.project.add_track("free")
    free.selected = 1
    studio.project.time_selection = (START_S, STOP_S)
    studio.project.settle()
    studio.run("Generate here", **{STYLE: AWKWARD})
    assert_placed(studio, "Generate here")
    (item,) = free.items
    exact(studio, item, START, STOP - START)
    assert facts(item.active)["bpm"] == pytest.approx(100)
    studio.run("Generate here", **{STYLE: "rock"})
    assert studio.project.tracks[-1] is not free
    exact(studio, studio.project.tracks[-1].items[0], START, STOP - START)


def test_compose_makes_a_song_of_a_sentence_at_the_cursor(studio: Studio) -> None:
    studio.project.cursor = 20.0
    studio.run("Compose from a description", Description="a sad waltz with strings", Seconds="8", Instrumental="yes")
    assert_placed(studio, "Compose from a description")
    item = studio.project.tracks[-1].items[0]
    exact(studio, item, 20 * RATE_HZ, 8 * RATE_HZ)
    assert "waltz" in facts(item.active)["caption"]


@pytest.mark.parametrize(("action", "side"), [("Extend", 1), ("Prepend", -1)])
def test_an_item_grows_and_its_old_take_stays_in_place(studio: Studio, action: str, side: int) -> None:
    studio.item.position += 14.0
    studio.item.selected = 1
    studio.project.settle()
    seen, at, received = studio.visible_state(), studio.item.position, studio.project.render()
    studio.run(action, Bars="2")
    assert_placed(studio, action)
    old, new = studio.item.takes
    grown = samples(new.source.path)
    bars_s = 2 * 4 * 60 / 90
    added = round(bars_s * RATE_HZ)
    assert len(grown) == 12 * RATE_HZ + added
    assert studio.item.length == pytest.approx(12 + added / RATE_HZ, abs=1e-12)
    assert studio.item.position == (at if side > 0 else pytest.approx(at - added / RATE_HZ, abs=1e-12))
    assert studio.item.active is new
    source = samples(old.source.path)[RATE_HZ // 2 :][: 12 * RATE_HZ]
    kept = grown[: len(source)] if side > 0 else grown[added:]
    same = slice(0, -CROSSFADE) if side > 0 else slice(CROSSFADE, None)
    assert (kept[same] == source[same]).all()
    studio.item["I_CURTAKE"] = 0
    now = studio.project.render()
    span = slice(round(at * RATE_HZ), round((at + 12) * RATE_HZ))
    assert np.abs(now[span] - received[span]).max() < 1e-6
    assert studio.project.step(-1)
    assert studio.visible_state() == seen


def test_a_join_is_smoothed_on_both_items(studio: Studio) -> None:
    second = studio.band.add_item(
        media(studio.folder / "second.wav", song(bpm=100, bars=3, rate_hz=RATE_HZ, seed=5)),
        position=ITEM_AT_S + 12.5,
        length=6.0,
    )
    studio.item.selected = second.selected = 1
    studio.item["D_FADEOUTLEN"] = second["D_FADEINLEN"] = 0.5
    studio.project.settle()
    seen, received = studio.visible_state(), studio.project.render()
    studio.run("Smooth the join of two items", **{"Seconds on each side": "1"})
    assert_placed(studio, "Smooth the join of two items")
    assert studio.item.active.source.path == second.active.source.path
    assert studio.item.end == pytest.approx(second.position, abs=1e-9)
    now = studio.project.render()
    join = round((ITEM_AT_S + 12) * RATE_HZ)
    outside = np.r_[0 : join - RATE_HZ - CROSSFADE - 1, join + round(1.5 * RATE_HZ) + CROSSFADE + 1 : len(received)]
    assert np.abs(now[outside] - received[outside]).max() < 1e-6
    assert np.abs(now[join : join + RATE_HZ // 2]).max() > 0.05  # the gap is full of music
    undone(studio, seen)


def test_lyrics_become_regions(studio: Studio) -> None:
    studio.item.notes = '[Verse]\n기타 소리\nover the "river", it\'s late\n'
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Lyrics to regions")
    assert_placed(studio, "Lyrics to regions")
    regions = studio.project.regions
    section, *lines = regions
    assert section.name == "[Verse]"
    assert (section.position, section.end) == (lines[0].position, lines[-1].end)
    assert [line.name for line in lines] == ["기타 소리", 'over the "river", it\'s late']
    assert all(ITEM_AT_S <= region.position < region.end <= ITEM_AT_S + 12 for region in regions)


def test_scores_choose_the_take(studio: Studio) -> None:
    hiss = media(studio.folder / "silence.wav", np.zeros((12 * RATE_HZ, 2), np.float32))
    from tests.support.fake_reaper.sound import open_source

    studio.item.add_take(open_source(hiss), "silence")
    studio.item["I_CURTAKE"] = 1
    studio.item.selected = 1
    studio.project.settle()
    studio.run("Score takes")
    (message,) = studio.reaper.messages
    assert message.startswith("take 1")
    assert "quality" in message
    assert studio.item.active is studio.item.takes[0]
    assert facts(studio.item.takes[0])["score"]["quality"] > facts(studio.item.takes[1])["score"]["quality"]
    assert studio.project.undo == ["AceBridge: Score takes"]


def test_again_makes_another_take_with_a_new_seed(studio: Studio) -> None:
    select(studio)
    studio.run("Repaint time selection", **{STYLE: "brighter piano", "Seed": "7"})
    studio.project.time_selection = (START_S, STOP_S)
    studio.run("Repeat last")
    first, second = (facts(take) for take in studio.item.takes[1:])
    assert first["seed"] == 7
    assert second["seed"] != 7
    assert second["caption"] == "brighter piano"
    studio.run("Previous take")
    assert studio.item["I_CURTAKE"] == 1
    studio.run("Next take")
    assert studio.item["I_CURTAKE"] == 2
    studio.run("Next take")  # past the last: the first one again
    assert (len(studio.item.takes), studio.item["I_CURTAKE"]) == (3, 0)
    studio.run("Previous take")
    studio.run("Another take")
    assert len(studio.item.takes) == 4
    assert studio.project.undo == [
        "AceBridge: Repaint time selection", "AceBridge: Repaint time selection", "AceBridge: Previous take",
        "AceBridge: Next take", "AceBridge: Next take", "AceBridge: Previous take", "AceBridge: Repaint time selection",
    ]  # fmt: skip


def test_without_a_dialog_the_last_values_are_taken(studio: Studio) -> None:
    select(studio)
    studio.run("Cover", **{STYLE: "jazz trio"})
    asked = len(studio.reaper.dialogs)
    studio.run("Cover (no dialog)")
    assert len(studio.reaper.dialogs) == asked
    assert [facts(track.items[0].active)["caption"] for track in on_tracks(studio)] == ["jazz trio", "jazz trio"]


def test_the_project_can_be_saved_and_read_back(studio: Studio) -> None:
    import rpp

    select(studio)
    studio.run("Extract stems")
    file = studio.project.save_rpp(studio.folder / "saved.rpp")
    tree = rpp.loads(file.read_text("utf-8"))
    assert [track.find("NAME")[1] for track in tree.findall("TRACK")] == [track.name for track in studio.project.tracks]
