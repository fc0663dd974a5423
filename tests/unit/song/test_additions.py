"""Songs that change after they are made: sections added at the end, another take, a section like another, another place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acestep_runtime.audio import decode
from acestep_runtime.errors import InvalidValue
from acestep_runtime.song import choose_take, make_like, make_song, show_song
from acestep_runtime.song.build import Song, build_song, read_song
from acestep_runtime.song.plan_file import plan_of
from tests.support.songs import NAMES, files_of, mapping, toml
from tests.unit.song.test_build import BEAT, FADE, SECOND, Runner, build


def seeds_of(song: Song) -> list[int]:
    return [made.choice.seed for made in song.state.sections]


def test_a_section_that_is_added_at_the_end_is_made_and_nothing_before_it(tmp_path: Path) -> None:
    folder, runner = tmp_path / "song", Runner()
    before = build(folder, Runner(), NAMES[:2], takes=2)
    takes = {name: data for name, data in files_of(folder).items() if "take-" in name}
    assert before.is_finished
    assert not read_song(plan_of(mapping(NAMES[:3], takes=2)), folder).is_finished
    after = build(folder, runner, NAMES[:3], takes=2)
    assert after.is_finished
    assert len(runner.orders) == 1
    assert seeds_of(after)[:2] == seeds_of(before)
    assert {name: data for name, data in files_of(folder).items() if name in takes} == takes
    assert [row["name"] for row in json.loads((folder / "sections.json").read_text("utf-8"))["sections"]] == list(
        NAMES[:3]
    )
    assert len(decode.read(after.file)) == 3 * SECOND
    # The one that was the last ends as a song does, so its last beat is made again with the new one.
    assert runner.orders[0].fields["start_s"] == 2.0 - BEAT / SECOND
    new = after.state.sections[2].choice
    assert new.at == 2 * SECOND - BEAT - FADE
    samples, old = decode.read(after.file), decode.read(folder / after.state.sections[1].choice.file)
    assert np.array_equal(
        samples[SECOND : new.at], old[SECOND - after.state.sections[1].choice.at :][: new.at - SECOND]
    )
    assert np.array_equal(samples[new.at :], decode.read(folder / new.file))


def test_a_song_of_one_section_grows_from_the_middle_of_its_last_bar_at_most(tmp_path: Path) -> None:
    runner = Runner()
    build(tmp_path / "song", Runner(), NAMES[:1])
    song = build(tmp_path / "song", runner, NAMES[:3])
    assert runner.orders[0].fields["start_s"] == 0.5  # a bar of a second would be all of it
    assert song.is_finished
    assert runner.orders[1].fields["start_s"] == 2.0  # the second one was not the last


def test_a_grown_song_is_the_same_however_it_was_interrupted(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        build(folder, Runner(), NAMES[:2], takes=2)
    with pytest.raises(Exception, match="The engine broke"):
        build(folders[0], Runner(fails=1), NAMES[:4], takes=2)
    for folder in folders:
        build(folder, Runner(), NAMES[:4], takes=2)
    assert files_of(folders[0]) == files_of(folders[1])


def test_a_take_is_chosen_by_its_score(tmp_path: Path) -> None:
    folder = tmp_path / "song"
    first = build(folder, Runner(), takes=3)
    best = first.state.sections[1].best
    other = 1 + best % 3
    build(folder, Runner(), takes=3, choice=("Verse", other))
    runner = Runner()
    back = build(folder, runner, takes=3, choice=("Verse", None))
    assert back.state.sections[1].chosen == best
    assert len(runner.orders) == 1  # the section after it alone
    assert files_of(folder) == files_of(build(tmp_path / "calm", Runner(), takes=3).folder)


def like_plan(engine: str = "fake", **more: Any) -> dict[str, Any]:
    sections = [{"name": "A", "bars": 2}, {"name": "B", "bars": 1}, {"name": "C", "like": "A", **more}]
    return {**mapping(()), "engine": engine, "section": sections}


@pytest.mark.parametrize(
    ("strength", "fields"),
    [
        (None, {"mode": "conservative"}),
        (1, {"mode": "conservative"}),
        (0.25, {"mode": "balanced", "strength": 0.75}),
        (0, {"mode": "balanced", "strength": 1.0}),
    ],
)
def test_the_strength_of_a_likeness_is_the_share_of_bars_that_stay(
    tmp_path: Path, strength: float | None, fields: dict[str, Any]
) -> None:
    runner = Runner()
    more = {} if strength is None else {"like_strength": strength}
    build_song(plan_of(like_plan(**more)), tmp_path / "song", runner)
    found = runner.orders[2].fields
    assert {name: found.get(name) for name in ("mode", "strength", "sampling")} == {
        "strength": None,
        "sampling": None,
    } | fields


def test_a_plan_without_new_keys_has_the_fingerprints_it_had() -> None:
    # What version 0.1.0 wrote before plans had chords and the strength of a likeness: songs of that time go on.
    assert plan_of(like_plan()).fingerprint(0) == "2afe1bab5f984d4c952b206f8485f36a206813251fb025c4ff351b20f9530fff"


def test_only_sections_with_something_before_them_are_scored_by_how_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acestep_runtime.song.orders._NEEDS_SOURCE", ("quality",))
    runner = Runner()
    build(tmp_path / "song", runner, takes=2, score_by="quality")
    outputs: list[Any] = [order.fields["output"] for order in runner.orders]
    assert [output.get("score_by") for output in outputs] == [None, "quality", "quality"]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "night.toml"
    path.write_text(toml(NAMES[:3], takes=2), "utf-8")
    return path


def test_a_section_is_made_like_another_one(plan: Path) -> None:
    before = make_song(plan)
    after = make_like(plan, "chorus", "Intro", strength=0.5)
    assert 'name = "Chorus"\nlike_strength = 0.5\nlike = "Intro"\n' in plan.read_text("utf-8")
    assert [row["seed"] for row in after.sections[:2]] == [row["seed"] for row in before.sections[:2]]
    assert after.sections[2]["takes"][0]["seed"] == after.sections[0]["seed"]  # type: ignore[index, call-overload]
    assert after.file is not None
    assert make_song(plan) == after  # nothing is to be done
    kept = files_of(after.folder)
    make_like(plan, "Chorus", "Intro")  # the same again
    assert files_of(after.folder) == kept


def test_what_can_be_like_nothing_leaves_the_plan_as_it_is(plan: Path) -> None:
    text = plan.read_text("utf-8")
    with pytest.raises(
        InvalidValue, match="like of section \"Intro\" is 'Chorus'; allowed: nothing: no section is earlier"
    ):
        make_like(plan, "Intro", "Chorus")
    with pytest.raises(InvalidValue, match="section is 'Solo'; allowed: Intro, Verse, Chorus"):
        make_like(plan, "Solo", "Intro")
    with pytest.raises(InvalidValue, match="like is 'Solo'; allowed: Intro, Verse, Chorus"):
        make_like(plan, "Chorus", "Solo")
    with pytest.raises(InvalidValue, match="like_strength of section"):
        make_like(plan, "Chorus", "Intro", strength=1.5)
    assert plan.read_text("utf-8") == text


def test_a_song_is_shown_and_nothing_is_made(plan: Path) -> None:
    assert show_song(plan).sections == ()
    assert not plan.with_suffix(".song").exists()
    made = make_song(plan, pick="ear")
    shown = show_song(plan)
    assert (shown, shown.waiting) == (made, "Intro")
    text = plan.read_text("utf-8")
    plan.write_text(text.replace("synth pop", "metal"), "utf-8")
    with pytest.raises(InvalidValue, match="has changed"):
        show_song(plan)
    plan.write_text(text, "utf-8")
    assert choose_take(plan, "Intro").waiting == "Verse"


def test_a_song_goes_on_elsewhere_and_under_another_name(tmp_path: Path, plan: Path) -> None:
    with pytest.raises(Exception, match="The engine broke"):
        build_song(plan_of(mapping(NAMES[:3], takes=2, title="night")), plan.with_suffix(".song"), Runner(fails=2))
    moved = tmp_path / "öther" / "day.toml"
    moved.parent.mkdir()
    moved.write_text('title = "day"\n' + plan.read_text("utf-8").replace('key = "A minor"\n', ""), "utf-8")
    plan.with_suffix(".song").rename(moved.with_suffix(".song"))
    song = make_song(moved)
    calm = build(tmp_path / "calm", Runner(), takes=2, title="day")
    assert files_of(song.folder) == files_of(calm.folder)
    # A song that is done gets the title of its plan.
    moved.write_text(moved.read_text("utf-8").replace('"day"', '"dusk"'), "utf-8")
    assert json.loads((make_song(moved).folder / "sections.json").read_text("utf-8"))["title"] == "dusk"


def test_reading_a_song_changes_nothing(tmp_path: Path) -> None:
    made = build(tmp_path / "song", Runner())
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert read_song(made.plan, made.folder).state == made.state
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == kept


def test_orders_have_the_chords_of_their_section(tmp_path: Path) -> None:
    runner = Runner()
    plan = mapping(NAMES[:2], chords="Am F")
    plan["section"][1]["chords"] = "C | G"
    build_song(plan_of(plan), tmp_path / "song", runner)
    music: list[Any] = [order.fields["music"] for order in runner.orders]
    assert [each["chords"] for each in music] == ["Am F", "C | G"]
    # Chords begin with the bar in which a region begins, so one that is added begins close before its own.
    plan["section"].append({"name": "Outro", "bars": 1})
    build_song(plan_of(plan), tmp_path / "song", runner)
    assert runner.orders[2].fields["start_s"] == 2.0 - 0.2


@pytest.mark.slow
def test_the_draft_engine_plays_the_chords_of_each_section(tmp_path: Path) -> None:
    sections = [
        {"name": "Verse", "bars": 2, "chords": "Am | F"},
        {"name": "Chorus", "bars": 2, "chords": "C | G"},
        {"name": "Outro", "bars": 2, "chords": "Dm | Bb"},
    ]
    plan = {"bpm": 120, "seed": 3, "engine": "draft", "style": "pop, piano, bass", "section": sections[:2]}
    make_song(plan, tmp_path / "song")
    song = make_song({**plan, "section": sections}, tmp_path / "song")  # the last one is added
    state = json.loads((song.folder / "song.json").read_text("utf-8"))
    for section, row in zip(sections, song.sections, strict=True):
        take = state["sections"][NAMES.index("Intro") + sections.index(section)]["takes"][0]
        first_s = int(str(row["start_frame"])) / SECOND - take["at"] / SECOND
        chords = {round(each["start_s"] - first_s, 1): each["name"] for each in take["metadata"]["chords"]}
        wanted = str(section["chords"]).split(" | ")
        assert [chords.get(0.0), chords.get(2.0)] == wanted, (section, take["metadata"]["chords"])
