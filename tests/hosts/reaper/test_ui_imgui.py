"""The panel with ReaImGui: when it is used, what it leaves alone, and that hidden windows and menus do no harm."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.extensions import CONSTANTS
from tests.support.fake_reaper.imgui_context import LEFT, RIGHT, Mouse
from tests.support.lua_modules import IMPORT
from tests.support.ui_panel import colour, open_panel

Show = Callable[..., Any]


@pytest.fixture
def show(tmp_path: Path, lua: str) -> Iterator[Show]:
    with ExitStack() as stack:
        yield lambda body, **options: stack.enter_context(open_panel(tmp_path, "imgui", body, lua=lua, **options))


@pytest.mark.parametrize(
    ("version", "is_used"),
    [
        ("0.10.0.5", True),
        ("0.9.3.3", True),
        ("0.9.2", True),
        ("0.9.1", False),
        ("0.8.7.6", False),
        ("1.0", True),
        (None, False),
    ],
)
def test_it_is_used_where_it_is_new_enough(tmp_path: Path, lua: str, version: str | None, is_used: bool) -> None:
    with Reaper(tmp_path, lua=lua, extensions=("ReaImGui",) if version else ()) as r:
        r.reaimgui = version or ""
        r.run(
            code=f"""
            {IMPORT}
            local ui = import("ui/widgets")
            ui.open("AceBridge")
            ui.begin() ui.title("hello") ui.text("world") ui.finish()
            reaper.defer(function() ui.close() end)
            """
        )
        assert bool(r.contexts) == is_used
        if is_used:
            assert r.contexts[0].texts == ["hello", "world"]


def test_both_backends_have_the_same_functions(tmp_path: Path) -> None:
    with Reaper(tmp_path) as r:
        r.run(
            code=f"""
            {IMPORT}
            for _, name in ipairs({{ "ui/gfx", "ui/imgui" }}) do
              local names = {{}}
              for key in pairs(import(name)) do names[#names + 1] = key end
              table.sort(names)
              reaper.ShowConsoleMsg(table.concat(names, " ") .. "\\n")
            end"""
        )
        gfx, imgui = r.console.splitlines()
    assert gfx == imgui
    assert "text_edit" in gfx.split()


def test_it_docks_and_leaves_navigation_keys_alone(show: Show) -> None:
    panel = show('ui.text("x")')
    assert panel.context.flags == CONSTANTS["ConfigFlags_DockingEnable"]
    assert not panel.has_focus


def test_a_hidden_window_keeps_all_values_and_takes_no_clicks(show: Show) -> None:
    panel = show("""
        v.frame = (v.frame or 0) + 1
        v.on = ui.checkbox("on", "Vocals", v.on)
        v.style = ui.line_edit("style", "Style", v.style or "jazz", "words")
        v.words = ui.text_edit("words", "Lyrics", v.words or "la", 3)
        v.x = ui.slider("x", "Steps", 0, 100, v.x or 7, "%d")
        v.task = ui.choice("task", "Task", { "a", "b" }, v.task or "b")
        local is_open = ui.section("more", "More", true)
        ui.card_begin("card") ui.text("in") ui.same_line() ui.button("b", "B") ui.progress(nil, "running") ui.card_end()
        out("all", table.concat({ tostring(v.on), v.style, v.words, v.x, v.task, tostring(is_open) }, " "))
        out("frame", v.frame)""")
    before = panel.value("all")
    assert before == "nil jazz la 7 b true"
    panel.context.is_hidden = True
    frame = panel.value("frame")
    panel.tick(10)
    assert (panel.value("all"), panel.context.shown) == (before, [])
    assert panel.value("frame") != frame
    panel.context.is_hidden = False
    panel.tick(2)
    assert "Vocals" in panel.texts


def test_a_menu_stays_open_until_something_is_chosen(show: Show) -> None:
    panel = show('v.t = ui.choice("t", "Task", { "Repaint", "Cover" }, v.t or "Repaint") out("t", v.t)')
    panel.context.click("t")
    panel.tick(30)
    assert panel.context.menu
    panel.context.click("Cover")
    panel.tick(4)
    assert (panel.value("t"), panel.context.menu, panel.has_focus) == ("Cover", None, False)


def test_rows_that_are_too_narrow_stand_below_each_other(show: Show) -> None:
    panel = show("""
        ui.text("Repaint Guitar") ui.same_line() ui.button("a", "Cancel this job")
        ui.button("b", "One") ui.same_line() ui.button("c", "Two")""")
    text, cancel = panel.context.find("Repaint Guitar"), panel.context.find("a")
    one, two = panel.context.find("b"), panel.context.find("c")
    assert (text.y, one.y) == (cancel.y, two.y)
    assert cancel.x + cancel.w == pytest.approx(460 - 12)  # at the right edge
    panel.context.width = 200.0
    panel.tick(4)
    assert panel.context.find("a").y > panel.context.find("Repaint Guitar").y
    assert panel.context.find("b").y == panel.context.find("c").y


def test_labels_are_above_where_it_is_narrow(show: Show) -> None:
    panel = show('v.s = ui.line_edit("style", "Style", v.s or "", "words")')
    assert panel.context.find("Style").y == panel.context.find("style").y
    panel.context.width = 220.0
    panel.tick(3)
    assert panel.context.find("Style").y < panel.context.find("style").y
    assert panel.context.find("style").w == pytest.approx(220 - 24)


def test_tones_and_states_have_their_colours(show: Show) -> None:
    panel = show('ui.text("bad", "error") ui.text("fine", "good") ui.progress(1, "failed") ui.progress(0.5, "running")')

    def rgb(shown: Any) -> tuple[int, ...]:
        return tuple(shown.colour.to_bytes(4, "big")[:3])

    assert rgb(panel.context.find("bad")) == colour("error")
    assert rgb(panel.context.find("fine")) == colour("good")
    assert [rgb(shown) for shown in panel.context.shown if shown.kind == "bar"] == [colour("failed"), colour("running")]


def test_labels_may_hold_what_reaimgui_takes_for_an_id(show: Show) -> None:
    panel = show('if ui.button("go", "C## minor") then out("go", "yes") end ui.choice("c", "", { "a##b" }, "a##b")')
    panel.click("C# # minor")
    assert panel.value("go") == "yes"


@pytest.mark.parametrize("seed", range(2))
def test_no_way_to_use_it_is_an_error(show: Show, seed: int) -> None:
    panel = show("""
        v.n = (v.n or 0) + 1
        v.on = ui.checkbox("on", "Vocals", v.on)
        v.style = ui.line_edit("style", "Style", v.style or "jazz", "words")
        v.words = ui.text_edit("words", "Lyrics", v.words or "la", 3)
        v.x = ui.slider("x", "Steps", 0, 100, v.x or 7, "%d")
        v.task = ui.choice("task", "Task", { "a", "b" }, v.task or "b")
        if ui.section("more", "More", true) then ui.button("b", "B") ui.same_line() ui.button("c", "C", { disabled = true }) end
        if v.n % 40 < 20 then ui.card_begin("card") ui.line_edit("more", "", "text", "") ui.card_end() end""")
    chance, context = random.Random(seed), panel.context
    for _ in range(250):
        over = chance.choice(["", *(entry.label for entry in context.shown if entry.kind != "text")])
        button = chance.choice([None, context.mouse.button, LEFT, LEFT, RIGHT])
        context.move(Mouse(over, chance.random(), button, chance.random() < 0.2, chance.choice([0, 0, 1, -1])))
        if chance.random() < 0.4:
            context.press(chance.choice([32, 9, 13, 8, 1, 26, 97, 233]), chance.choice([0, 4, 8]))
        context.is_hidden = chance.random() < 0.05
        context.width = float(chance.choice([460, 460, 200, 900]))
        panel.tick()
    context.is_hidden = False
    context.move(Mouse(""), Mouse("", button=LEFT), Mouse(""))
    panel.tick(10)
    assert not panel.has_focus
    assert panel.r.user.press(32) is True


def test_closing_ends_the_context(show: Show) -> None:
    panel = show('ui.text("x")')
    panel.close_by_user()
    panel.tick(4)
    assert panel.value("closed") == "true"
    assert not panel.context.is_alive
