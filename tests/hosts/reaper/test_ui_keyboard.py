"""The panel never takes the keyboard: keys reach REAPER before, during and after clicks, unless a text is edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.ui_panel import BACKENDS, CTRL_Z, ENTER, ESCAPE, SPACE, open_panel

#: Jobs whose rows change in every frame, and a widget of each kind.
BODY = """
  v.frame = (v.frame or 0) + 1
  if ui.button("go", "Generate") then out("go", "yes") end
  v.on = ui.checkbox("on", "Vocals", v.on)
  v.steps = ui.slider("steps", "Steps", 0, 100, v.steps, "%d")
  v.style = ui.line_edit("style", "Style", v.style or "", "style words")
  v.other = ui.line_edit("other", "Other", v.other or "", "other words")
  v.task = ui.choice("task", "Task", { "Repaint", "Cover" }, v.task or "Repaint")
  if ui.section("jobs", "Jobs", true) then
    for job = 1, v.frame // 5 % 3 do
      ui.card_begin("job " .. job)
      ui.text("Job " .. job .. ", frame " .. v.frame)
      ui.progress(v.frame % 50 / 50, "running")
      ui.card_end()
    end
  end
  out("style", v.style)
"""


@pytest.fixture(params=BACKENDS)
def panel(request: pytest.FixtureRequest, tmp_path: Path, lua: str) -> Any:
    with open_panel(tmp_path, request.param, BODY, lua=lua, place="0 460 900") as panel:
        yield panel


def reaches_reaper(panel: Any) -> bool:
    """Press Space, s and Ctrl+Z; whether REAPER had all three, and did what it does for them."""
    project = panel.r.project
    was_playing, undone = project.playing, len(project.undo)
    project.undo_point("an edit")
    had = [panel.r.user.press(code) for code in (SPACE, ord("s"), CTRL_Z)]
    return all(had) and bool(project.playing) != bool(was_playing) and len(project.undo) == undone


def test_opening_leaves_the_keyboard_where_it_is(panel: Any) -> None:
    assert reaches_reaper(panel)
    assert not panel.has_focus


def test_jobs_that_change_leave_it_there(panel: Any) -> None:
    for _ in range(40):
        panel.tick()
        assert reaches_reaper(panel)


@pytest.mark.parametrize("name", ["Generate", "Vocals", "Jobs"])
def test_clicks_leave_it_there(panel: Any, name: str) -> None:
    window = panel.window if hasattr(panel, "window") else panel.context
    window.click(name)
    for _ in range(6):
        panel.tick()
        if not hasattr(panel, "window") and panel.context.mouse.button is not None:
            continue  # ReaImGui loses a click whose window loses the keyboard
        assert reaches_reaper(panel)
    assert name != "Generate" or panel.value("go") == "yes"


def test_drags_and_menus_leave_it_there(panel: Any) -> None:
    panel.drag("steps", "Steps", 0.2, 0.5, 0.7)
    assert reaches_reaper(panel)
    panel.choose("task", "Repaint", "Cover", ["Repaint", "Cover"])
    panel.tick(2)
    assert reaches_reaper(panel)
    panel.wheel("steps", "Steps", 2)
    assert reaches_reaper(panel)
    panel.right_click("steps", "Steps")
    assert reaches_reaper(panel)


def test_keys_between_a_press_and_the_next_frame_are_passed_on(panel: Any) -> None:
    window = panel.window if hasattr(panel, "window") else panel.context
    for key in (SPACE, CTRL_Z):
        panel.r.project.undo_point("an edit")
        window.take_focus()
        assert panel.r.user.press(key) is False
        panel.tick(2)
        assert not panel.has_focus
    assert panel.r.project.playing == 1
    assert panel.r.project.undo == ["an edit"]


def test_a_click_on_the_title_bar_gives_it_back(panel: Any) -> None:
    (panel.window if hasattr(panel, "window") else panel.context).take_focus()
    panel.tick(8)
    assert reaches_reaper(panel)


def test_a_window_that_is_dragged_by_its_title_keeps_the_keyboard_as_long(tmp_path: Path, lua: str) -> None:
    with open_panel(tmp_path, "gfx", BODY, lua=lua) as panel:
        panel.window.take_focus()
        for _ in range(20):
            panel.window.x += 5
            panel.tick()
            assert panel.has_focus
        panel.tick(8)
        assert reaches_reaper(panel)


@pytest.mark.parametrize("end", ["Enter", "Escape", "a click elsewhere", "a click on a button"])
def test_only_a_text_that_is_edited_gets_keys(panel: Any, end: str) -> None:
    panel.click("style words")
    assert panel.is_editing
    assert panel.has_focus
    panel.type("slow jazz")
    panel.tick(20)  # jobs go on meanwhile
    panel.type(" s")
    assert panel.value("style") == "slow jazz s"
    assert panel.r.project.playing == 0
    if end in ("Enter", "Escape"):
        panel.press({"Enter": ENTER, "Escape": ESCAPE}[end])
    elif end == "a click elsewhere" and hasattr(panel, "window"):
        panel.mouse((450, 890, 0), (450, 890, 1), (450, 890, 0))
    else:
        panel.click("Generate")
        assert panel.value("go") == "yes"
    panel.tick(3)
    assert not panel.is_editing
    assert reaches_reaper(panel)
    assert panel.value("style") == "slow jazz s"


def test_from_one_field_to_another(panel: Any) -> None:
    panel.click("style words")
    panel.click("other words")
    assert panel.is_editing
    panel.type("x")
    assert panel.value("style") == ""
    panel.press(ESCAPE)
    assert reaches_reaper(panel)


def test_who_goes_to_the_arrange_view_ends_the_editing(panel: Any) -> None:
    panel.click("style words")
    panel.type("x")
    for window in panel.r.windows():
        window.has_focus = False  # a click there
    panel.tick(3)
    assert not panel.is_editing
    assert reaches_reaper(panel)
    assert panel.value("style") == "x"


def test_a_field_that_disappears_gives_it_back(tmp_path: Path, lua: str) -> None:
    body = """
      v.frame = (v.frame or 0) + 1
      if v.frame < 30 then ui.line_edit("style", "Style", "", "style words") end
      ui.text("frame")"""
    for backend in BACKENDS:
        with open_panel(tmp_path, backend, body, lua=lua) as panel:
            panel.click("style words")
            assert panel.is_editing
            panel.tick(40)
            assert not panel.is_editing
            assert not panel.has_focus
