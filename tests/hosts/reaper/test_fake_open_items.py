"""Items, splits, pointers and pasted text of the fake REAPER, in each way that nobody rules out; scripts come right in all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import Reaper, behaviour
from tests.support.fake_reaper.calls_dialogs import PastedText, split_offered
from tests.support.fake_reaper.calls_items import split_media_item
from tests.support.fake_says import assert_refused, says
from tests.support.reaper_answers import NEW, answer
from tests.support.reaper_scene import AT, LENGTH, START, STOP, Scene
from tests.support.reaper_studio import RATE_HZ

ITEM = "local item = reaper.AddMediaItemToTrack(reaper.GetTrack(0, 0)) "


@pytest.mark.parametrize("ways", behaviour.both("new_items"))
def test_what_a_new_item_has(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.project.add_track("a")
        says(r, ITEM)
        (item,) = r.project.items()
        plain = ways["new_items"] == "plain"
        assert (item.fade_in, item.fade_out, item["B_LOOPSRC"]) == ((0, 0, 0) if plain else (0.01, 0.01, 1))


@pytest.mark.parametrize("ways", behaviour.both("next_take"))
def test_the_takes_of_selected_items(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.project.add_track("a")
        make = "for i = 1, 2 do reaper.AddTakeToMediaItem(item) end reaper.SetMediaItemSelected(item, %s) "
        says(r, f"do {ITEM}{make % 'true'} end do {ITEM}{make % 'false'} end")
        selected, other = r.project.items()
        other["I_CURTAKE"] = 0
        found = []
        for action in (40125, 40125, 40125, 40126):
            selected["I_CURTAKE"] = selected["I_CURTAKE"] if found else 0
            says(r, f"reaper.Main_OnCommand({action}, 0)")
            found.append(selected["I_CURTAKE"])
        assert found == ([1, 0, 1, 0] if ways["next_take"] == "goes round" else [1, 1, 1, 0])
        assert other["I_CURTAKE"] == 0


@pytest.mark.parametrize("ways", behaviour.both("fade_length"))
def test_a_fade_and_the_length_of_its_item(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.project.add_track("a")
        says(r, ITEM + "reaper.SetMediaItemInfo_Value(item, 'D_FADEINLEN', 2)")
        assert r.project.items()[0].fade_in == (0 if ways["fade_length"] == "no" else 2)


@pytest.mark.parametrize("ways", behaviour.both("split_identity"))
def test_which_part_of_a_split_item_is_the_old_one(scene: Scene, ways: dict[str, str]) -> None:
    scene.r.ways.update(ways)
    before = scene.item.guid, scene.item.takes[0].guid
    right = split_media_item(scene.r, scene.item, START / RATE_HZ)
    kept = right if ways["split_identity"] == "right" else scene.item
    other = scene.item if kept is right else right
    assert (kept.guid, kept.takes[0].guid) == before
    assert (other.guid, other.takes[0].guid) != before


@pytest.mark.parametrize("ways", behaviour.both("undo_pointers"))
def test_pointers_and_undo(scene: Scene, ways: dict[str, str]) -> None:
    scene.project.ways.update(ways)
    scene.project.undo_point("x")
    says(
        scene.r,
        """
        local item = reaper.GetMediaItem(0, 0)
        reaper.Undo_DoUndo2(0)
        say(tostring(reaper.ValidatePtr2(0, item, "MediaItem*")))
    """,
    )
    assert scene.r.console == ("true" if ways["undo_pointers"] == "they live" else "false")


@pytest.mark.parametrize("ways", behaviour.both("paste"))
def test_pasted_lines(tmp_path: Path, ways: dict[str, str]) -> None:
    with Reaper(tmp_path, ways=ways) as r:
        r.form(Lyrics=PastedText("one\ntwo"))
        found = says(r, r"say((select(2, reaper.GetUserInputs('T', 1, 'Lyrics,separator=\n', ''))))")
        assert found == ("one" if ways["paste"] == "the first" else "onetwo")


@pytest.mark.parametrize(
    ("offered", "values"),
    [
        ("a,b", ["a", "b"]),
        ("a (x,y),b", ["a (x,y)", "b"]),
        ('"a,b",c', ['"a,b"', "c"]),
        ("it's,b", ["it's,b"]),
        ("a(,b", ["a(,b"]),
    ],
)
def test_quotes_and_brackets_hold_offered_values_together(r: Reaper, offered: str, values: list[str]) -> None:
    assert split_offered(offered, ",") == values
    r.form(None)
    says(r, f"reaper.GetUserInputs('T', 2, 'A,B', [[{offered}]])")
    assert r.dialogs[-1][2] == [*values, ""][:2]


def test_more_values_than_fields_are_refused(r: Reaper) -> None:
    assert_refused(r, "reaper.GetUserInputs('T', 1, 'A', 'a,b')", "for 1 fields")


# Actions

EACH = behaviour.others("new_items", "fade_length", "split_identity", "undo_pointers")


@pytest.mark.parametrize("ways", EACH)
@pytest.mark.parametrize("action", ["Repaint time selection", "Cover"])
def test_results_lie_where_the_music_is_after_a_split_and_an_undo(
    scene: Scene, ways: dict[str, Any], action: str
) -> None:
    scene.r.ways.update(ways)
    scene.project.ways.update(ways)
    if action == "Repaint time selection":
        scene.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
    scene.project.settle()
    before = scene.render()
    folder = scene.send(action)
    split_media_item(scene.r, scene.item, (START + 5_000) / RATE_HZ)
    scene.project.undo_point("Split")
    scene.item.position += 0.25
    scene.project.undo_point("Move")
    assert scene.project.step(-1)
    answer(folder)
    scene.r.finish()
    assert scene.r.messages == []
    expected = before.copy()
    if action == "Cover":
        expected = np.zeros_like(before)
        expected[AT : AT + LENGTH] = NEW
        scene.track.mute = 1
    else:
        expected[START:STOP] *= -1
    assert np.abs(scene.render() - expected).max() == 0


@pytest.mark.parametrize("ways", behaviour.both("new_items", "fade_length"))
def test_a_lane_has_the_fades_of_its_item(scene: Scene, ways: dict[str, Any]) -> None:
    scene.r.ways.update(ways)
    scene.r.ext["AceBridge", "repaint_as"] = "lane"
    scene.track.items.remove(scene.second)
    scene.item.fade_in, scene.item.fade_out = 0.5, 0.25
    scene.select()
    before = scene.render()
    scene.run("Repaint time selection")
    expected = before.copy()
    expected[START:STOP] *= -1
    assert np.abs(scene.render() - expected).max() < 1e-6


@pytest.mark.parametrize("ways", behaviour.both("paste"))
def test_pasted_lyrics_are_sent_as_the_field_has_them(scene: Scene, ways: dict[str, Any]) -> None:
    """What a field loses is lost; the item's notes hold all of it."""
    scene.r.ways.update(ways)
    scene.item.notes = "one\ntwo"
    scene.select()
    pasted = scene.run("Repaint time selection", Lyrics=PastedText("one\ntwo"))["parts"][0]["fields"]["music"]
    assert pasted["lyrics"] == ("one" if ways["paste"] == "the first" else "onetwo")
    noted = scene.run("Repaint time selection", Lyrics="item")["parts"][0]["fields"]["music"]
    assert noted["lyrics"] == "one\ntwo"
