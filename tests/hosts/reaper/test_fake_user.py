"""The musician of the fake REAPER: edits that leave what is heard where it was, the keyboard, recording, dragging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.state import Envelope
from tests.support.fake_reaper.user import EDITS, SPACE, UNDO
from tests.support.fake_says import assert_refused

RATE_HZ = 44_100


@pytest.fixture
def item(r: Reaper, wave: tuple[Path, np.ndarray]) -> Any:
    """Two seconds of noise at second 1, from half a second of the file on, that starts with markers and an envelope."""
    item = r.project.add_track("a").add_item(wave[0], position=1.0, length=2.0, offset=0.5)
    item["D_SNAPOFFSET"] = 1.5
    take = item.active
    take.stretch = [(0.25, 0.75), (1.75, 2.25)]  # as the take plays anyway
    take.envelopes.append(Envelope("Volume", [(0.0, 0.0), (2.0, 1.0)]))
    r.project.settle()
    return item


def test_trimming_leaves_the_music_in_place(r: Reaper, item: Any) -> None:
    before = r.project.render(0, 4)
    r.user.trim_left(item, 0.5)
    assert (item.position, item.length, item.active.offset, item["D_SNAPOFFSET"]) == (1.5, 1.5, 1.0, 1.0)
    assert item.active.stretch == [(-0.25, 0.75), (1.25, 2.25)]
    assert item.active.envelopes[0].points == [(-0.5, 0.0), (1.5, 1.0)]
    now = r.project.render(0, 4)
    assert not now[: int(1.5 * RATE_HZ)].any()
    assert np.abs(now[int(1.5 * RATE_HZ) :] - before[int(1.5 * RATE_HZ) :]).max() < 1e-6
    r.user.trim_right(item, 0.5)
    now = r.project.render(0, 4)
    assert not now[int(2.5 * RATE_HZ) :].any()
    assert r.project.undo == ["Resize media items", "Resize media items"]
    assert r.user.undo()
    assert r.user.undo()
    assert (r.project.render(0, 4) == before).all()


def test_a_start_offset_alone_moves_neither_markers_nor_envelopes(r: Reaper, item: Any) -> None:
    """Markers tie places of the item to the source, so what is heard stays as it was from the item's start on."""
    before = r.project.render(1, 3)
    item.active.offset -= 0.25
    item.position -= 0.25
    assert np.abs(r.project.render(0.75, 2.75) - before).max() < 1e-6


def test_splitting_and_gluing_are_inaudible(r: Reaper, item: Any) -> None:
    before = r.project.render(0, 4)
    right = r.user.split(item, 1.75)
    assert (item.end, right.position, right.end) == (1.75, 1.75, 3.0)
    assert np.abs(r.project.render(0, 4) - before).max() < 1e-6
    glued = r.user.glue(right)
    assert right not in r.project.items()
    assert (glued.active.stretch, glued.active.envelopes) == ([], [])
    assert np.abs(r.project.render(0, 4) - before).max() < 1e-6


def test_moving_and_another_rate(r: Reaper, item: Any) -> None:
    before = r.project.render(1, 3)
    r.user.move(item, 2.0)
    assert np.abs(r.project.render(3, 5) - before).max() < 1e-6
    r.user.change_rate(item, 2.0)
    assert (item.length, item.active.rate) == (1.0, 2.0)
    assert np.abs(r.project.render(3, 4)[5000:40_000] - before[::2][5000:40_000]).max() < 1e-6


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_happens_while_a_script_waits(r: Reaper, item: Any, name: str) -> None:
    r.user.move(item, 0.25)
    before = r.project.state()
    r.user.at_tick(5, lambda: EDITS[name](r.user, item))
    r.start(code="local n = 0 local function f() n = n + 1 if n < 20 then reaper.defer(f) end end f()")
    r.tick(3)
    assert r.project.state() == before
    r.finish()
    assert r.user.is_done
    assert r.project.state() != before or r.project.playing == 5


def test_when_waits_for_its_condition(r: Reaper) -> None:
    done: list[int] = []
    r.user.when(lambda: len(done) == 1, lambda: done.append(2))
    r.tick(3)
    assert done == []
    done.append(1)
    r.tick()
    assert done == [1, 2]


# Recording and dragging


def test_scripts_that_disturb_a_recording_are_noticed(r: Reaper, item: Any) -> None:
    r.project.cursor = 10.0
    r.user.record(item.track)
    r.run(code="reaper.ShowConsoleMsg(reaper.GetPlayStateEx(0) .. '') reaper.Undo_BeginBlock2(0) "
               "reaper.InsertTrackAtIndex(0, false) reaper.Undo_EndBlock2(0, 'x', -1) reaper.MB('hello', 'T', 0)")  # fmt: skip
    assert r.console == "5"
    assert r.user.disturbed == ["undo point 'x'", "dialog 'T'"]
    assert_refused(r, "reaper.Undo_DoUndo2(0)", "while REAPER records")
    assert_refused(r, "reaper.Main_OnCommand(42230, 0)", "a render while REAPER records")
    r.new_tab()
    r.select_tab(r.projects[0])
    assert_refused(r, "reaper.SelectProjectInstance((reaper.EnumProjects(1)))", "while REAPER records")
    recorded = r.user.stop(2.0)
    assert recorded is not None
    assert (recorded.position, recorded.length) == (10.0, 2.0)
    assert r.project.undo[-1] == "Recorded media"
    assert r.project.playing == 0


def test_an_item_may_hang_on_the_mouse(r: Reaper, item: Any) -> None:
    r.user.drag(item, 0.5)
    assert (item.position, r.project.undo) == (1.5, [])
    r.run(code="gfx.init('T', 100, 100) gfx.quit() reaper.defer(function() end)")
    assert r.user.disturbed == ["keyboard"]
    r.user.drop()
    assert r.project.undo == ["Move media items"]


# The keyboard

WINDOW = """
gfx.init("Jobs", 200, 100)
%s
local function f()
  local key = gfx.getchar()
  if key == 32 then reaper.ShowConsoleMsg("key ") end
  if gfx.getchar(65536) & 2 == 2 then reaper.ShowConsoleMsg("focus ") end
  if key ~= 27 and key ~= -1 then reaper.defer(f) end
end
f()
"""


def test_a_window_takes_the_keyboard(r: Reaper) -> None:
    r.start(code=WINDOW % "")
    assert r.user.press(SPACE) is False
    r.tick()
    assert (r.console, r.project.playing) == ("focus key focus ", 0)
    r.window().key(27)
    r.finish()
    assert r.user.press(SPACE) is True
    assert r.project.playing == 1


def test_a_script_can_give_the_keyboard_back(r: Reaper) -> None:
    r.start(code=WINDOW % "reaper.SetCursorContext(1, nil)")
    assert r.user.press(SPACE) is True
    r.tick()
    assert (r.console, r.project.playing, r.keyboard) == ("", 1, 1)
    r.project.undo_point("something")
    assert r.user.press(UNDO) is True
    assert r.project.undo == []
    r.window().key(" ")  # now the musician clicks into it first
    r.tick()
    assert r.console == "key focus "


def test_a_docked_window_moves_the_arrange_view(r: Reaper) -> None:
    r.run(code="gfx.init('T', 100, 100, 0) gfx.quit() reaper.defer(function() end)")
    assert r.layout_changes == 0
    r.run(code="gfx.init('T', 100, 100, 1) gfx.quit() reaper.defer(function() end)")
    assert r.layout_changes == 2


def test_a_script_may_press_play(r: Reaper) -> None:
    r.run(code="reaper.Main_OnCommand(40044, 0)")
    assert r.project.playing == 1
