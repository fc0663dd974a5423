"""The widgets of the panel, each with both backends: what it shows, what a person does to it, what the script gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.ui_panel import BACKENDS, ENTER, open_panel


@pytest.fixture(params=BACKENDS)
def show(request: pytest.FixtureRequest, tmp_path: Path, lua: str) -> Any:
    """Open a panel with some widgets."""
    opened: list[Any] = []

    def show(body: str, **options: Any) -> Any:
        opened.append(open_panel(tmp_path, request.param, body, lua=lua, **options))
        return opened[-1].__enter__()

    yield show
    for panel in opened:
        panel.__exit__(None, None, None)


Show = Callable[..., Any]


def test_texts(show: Show) -> None:
    panel = show('ui.title("AceBridge") ui.text("plain") ui.gap() ui.text("bad news", "error")')
    assert panel.texts == ["AceBridge", "plain", "bad news"]


def test_a_button(show: Show) -> None:
    panel = show('if ui.button("go", "Generate") then v.n = (v.n or 0) + 1 end out("n", v.n)')
    assert panel.value("n") == "nil"
    panel.click("Generate")
    assert panel.value("n") == "1"
    panel.tick(5)
    panel.click("Generate")
    assert panel.value("n") == "2"


def test_a_disabled_button_is_shown_and_cannot_be_clicked(show: Show) -> None:
    panel = show("""
        if ui.button("stop", "Stop", { disabled = true }) then out("clicked", "stop") end
        ui.same_line()
        if ui.button("go", "Go", { primary = true }) then out("clicked", "go") end""")
    assert panel.texts == ["Stop", "Go"]
    panel.click("Stop")
    assert ("test", "clicked") not in panel.r.ext
    panel.click("Go")
    assert panel.value("clicked") == "go"


def test_a_button_of_a_row_clicks_its_own_row(show: Show) -> None:
    panel = show("""
        for _, name in ipairs({ "first", "second" }) do
          ui.card_begin("card " .. name)
          ui.text("Job " .. name)
          ui.same_line()
          if ui.button("cancel " .. name, "Cancel " .. name) then out("cancelled", name) end
          ui.progress(0.5, "running")
          ui.card_end()
        end""")
    panel.click("Cancel second")
    assert panel.value("cancelled") == "second"


NAMES = ["Repaint", "Cover", "Add | layer", "#1"]


def test_a_choice(show: Show) -> None:
    panel = show("""
        v.task = ui.choice("task", "Task", { "Repaint", "Cover", "Add | layer", "#1" }, v.task or "Repaint")
        out("task", v.task)""")
    assert panel.texts == ["Task", "Repaint"]
    panel.choose("task", "Repaint", "Cover", NAMES)
    assert panel.value("task") == "Cover"
    assert panel.texts == ["Task", "Cover"]
    panel.choose("task", "Cover", "#1", NAMES)
    assert panel.value("task") == "#1"
    panel.choose("task", "#1", "Add | layer", NAMES)
    assert panel.value("task") == "Add | layer"


def test_a_choice_without_a_value_or_names(show: Show) -> None:
    panel = show('out("a", ui.choice("a", "Empty", {}, nil)) out("b", ui.choice("b", "Odd", { "x" }, "gone"))')
    panel.click("gone")
    assert (panel.value("a"), panel.value("b")) == ("nil", "gone")
    assert "gone" in panel.texts


def test_a_checkbox(show: Show) -> None:
    panel = show('v.on = ui.checkbox("on", "With vocals", v.on) out("on", v.on)')
    assert panel.value("on") == "nil"
    panel.click("With vocals")
    assert panel.value("on") == "true"
    panel.click("With vocals")
    assert panel.value("on") == "false"


SLIDER = 'v.x = ui.slider("steps", "Steps", 0, 100, v.x, "%d") out("x", v.x)'


def test_a_slider_is_dragged(show: Show) -> None:
    panel = show(SLIDER)
    assert panel.texts == ["Steps", "default"]
    panel.drag("steps", "Steps", 0.0, 0.25)
    assert abs(int(panel.value("x")) - 25) <= 2
    panel.drag("steps", "Steps", 0.5, 0.75, 1.0)
    assert panel.value("x") == "100"
    assert panel.texts == ["Steps", "100"]
    panel.drag("steps", "Steps", 0.5, -3.0)
    assert panel.value("x") == "0"


def test_a_slider_goes_back_to_its_default(show: Show) -> None:
    panel = show(SLIDER)
    for act in (panel.right_click, panel.double_click):
        panel.drag("steps", "Steps", 0.2, 0.4)
        assert panel.value("x") != "nil"
        panel.tick(20)
        act("steps", "Steps")
        assert panel.value("x") == "nil"
        assert "default" in panel.texts


def test_the_wheel_turns_a_slider(show: Show) -> None:
    panel = show(SLIDER)
    panel.wheel("steps", "Steps", 3)
    assert panel.value("x") == "53"
    panel.wheel("steps", "Steps", -1)
    assert panel.value("x") == "52"


def test_a_sliders_own_words(show: Show) -> None:
    panel = show("""
        v.x = ui.slider("s", "Strength", 0, 1, v.x or 0.5, function(value) return value < 0.6 and "50 % soft" or "hard" end)
        out("x", v.x)""")
    assert "50 % soft" in panel.texts
    panel.drag("s", "Strength", 0.5, 1.0)
    assert "hard" in panel.texts
    assert float(panel.value("x")) == 1


LINE = 'v.style = ui.line_edit("style", "Style", v.style or "", "style words") out("style", v.style)'


def test_a_line_of_text(show: Show) -> None:
    panel = show(LINE)
    assert panel.texts == ["Style", "style words"]
    panel.click("style words")
    assert panel.is_editing
    panel.type("calm é 한국어")
    assert panel.value("style") == "calm é 한국어"
    assert "calm é 한국어" in panel.texts
    panel.press(ENTER)
    assert not panel.is_editing
    panel.type("x")
    assert panel.value("style") == "calm é 한국어"


def test_several_lines_of_text(show: Show) -> None:
    panel = show('v.words = ui.text_edit("words", "Lyrics", v.words or "", 4, "line by line") out("words", v.words)')
    assert panel.texts == ["Lyrics", "line by line"]
    panel.click("line by line") if hasattr(panel, "window") else panel.click("words")
    panel.type("one")
    panel.press(ENTER)
    panel.type("two")
    assert panel.value("words") == "one\ntwo"
    assert panel.is_editing
    panel.press(27)
    assert not panel.is_editing
    assert panel.value("words") == "one\ntwo"


def test_the_script_may_set_a_text(show: Show) -> None:
    panel = show("""
        if ui.button("clear", "Clear") then v.style = "" end
        if ui.button("preset", "Preset") then v.style = "jazz" end
        v.style = ui.line_edit("style", "Style", v.style or "", "style words")
        out("style", v.style)""")
    panel.click("Preset")
    assert (panel.value("style"), panel.texts[-1]) == ("jazz", "jazz")
    panel.click("Clear")
    assert (panel.value("style"), panel.texts[-1]) == ("", "style words")


@pytest.mark.parametrize(
    ("fraction", "state", "share"),
    [("0.25", "running", 0.25), ("0", "running", 0), ("1", "running", 1), ("0.3", "failed", 1), ("nil", "done", 1)],
)
def test_a_bar(show: Show, fraction: str, state: str, share: float) -> None:
    panel = show(f'ui.progress({fraction}, "{state}")')
    assert panel.bars() == pytest.approx([share], abs=0.02)


def test_a_section_opens_and_closes(show: Show) -> None:
    panel = show("""
        if ui.section("more", "More", false) then ui.text("inside") end
        out("open", ui.section("jobs", "Jobs", true))""")
    assert panel.texts == ["More", "Jobs"]
    assert panel.value("open") == "true"
    panel.click("More")
    assert panel.texts == ["More", "inside", "Jobs"]
    panel.click("More")
    panel.click("Jobs")
    assert panel.texts == ["More", "Jobs"]
    assert panel.value("open") == "false"


def test_the_close_button_and_escape_close(show: Show) -> None:
    panel = show('ui.text("hello")')
    panel.close_by_user()
    panel.tick(2)
    assert panel.value("closed") == "true"


def test_escape_closes_a_window_that_has_the_keyboard(show: Show) -> None:
    panel = show('ui.text("hello")')
    (panel.window if hasattr(panel, "window") else panel.context).key(27)
    panel.tick(2)
    assert panel.value("closed") == "true"


def test_what_is_begun_twice_or_ends_too_often_is_an_error(show: Show) -> None:
    panel = show(
        'if v.wrong then ui.card_end() end v.wrong = v.count and v.count > 3 v.count = (v.count or 0) + 1 ui.text("x")'
    )
    panel.r.tick(5)
    assert "card" in " ".join(panel.r.faults) or "EndChild" in " ".join(panel.r.faults)
    panel.r.faults.clear()


def test_two_widgets_with_one_id_are_an_error(show: Show) -> None:
    panel = show("""
        v.count = (v.count or 0) + 1
        ui.button("a", "One")
        ui.button(v.count > 5 and "a" or "b", "One")""")
    panel.r.tick(5)
    assert "the id" in panel.r.faults[0]
    panel.r.faults.clear()
