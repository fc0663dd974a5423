"""The text fields of the gfx window: the caret, selections, the clipboard, lines that wrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.ui_panel import CTRL_Z, TAB, open_panel

BODY = """
  ui.title("AceBridge")
  v.style = ui.line_edit("style", "Style", v.style or "", "style words")
  v.words = ui.text_edit("words", "Lyrics", v.words or "", 3, "line by line")
  ui.slider("steps", "Steps", 0, 100, 25, "%d")
  for i = 1, 8 do ui.button("b" .. i, "Button " .. i) end
  out("style", v.style) out("words", v.words)
"""
Show = Callable[..., Any]


@pytest.fixture
def show(tmp_path: Path, lua: str) -> Iterator[Show]:
    with ExitStack() as stack:
        yield lambda body=BODY, **options: stack.enter_context(open_panel(tmp_path, "gfx", body, lua=lua, **options))


def edit(panel: Any, text: str) -> None:
    panel.click("style words")
    panel.type(text)


def keys(panel: Any, *names: str | int, modifiers: int = 0) -> None:
    for name in names:
        panel.window.press(name, modifiers)
    panel.tick(2)


CTRL, SHIFT, ALT = 4, 8, 16


def test_moving_selecting_and_replacing(show: Show) -> None:
    panel = show()
    edit(panel, "slow piano")
    keys(panel, "left", modifiers=CTRL | SHIFT)  # the last word
    panel.type("guitar")
    assert panel.value("style") == "slow guitar"
    keys(panel, "home")
    keys(panel, "del", "del", "del", "del")
    assert panel.value("style") == " guitar"
    keys(panel, "end", 8, 8)
    assert panel.value("style") == " guit"
    keys(panel, CTRL_Z, modifiers=CTRL)
    assert panel.value("style") == " guita"
    keys(panel, CTRL_Z, modifiers=CTRL | SHIFT)
    assert panel.value("style") == " guit"


def test_copy_cut_and_paste_with_the_systems_clipboard(show: Show) -> None:
    panel = show(extensions=("SWS",))
    edit(panel, "drums 드럼")
    keys(panel, 1, 24)
    assert (panel.value("style"), panel.r.clipboard) == ("", "drums 드럼")
    panel.r.clipboard = "from\nelsewhere"
    keys(panel, 22, 22)
    assert panel.value("style") == "from elsewherefrom elsewhere"
    keys(panel, 1, 3)
    assert panel.r.clipboard == "from elsewherefrom elsewhere"


def test_copy_and_paste_without_sws(show: Show) -> None:
    panel = show()
    edit(panel, "drums")
    keys(panel, 1, 3, "end", 22)
    assert panel.value("style") == "drumsdrums"


def test_characters_beyond_the_first_plane_come_as_pairs_on_windows(show: Show) -> None:
    panel = show()
    edit(panel, "a")
    keys(panel, ord("u") << 24 | 0xD83C, ord("u") << 24 | 0xDFB8)
    assert panel.value("style") == "a🎸"
    keys(panel, ord("u") << 24 | 0xDFB8, "b")  # half of a pair is nothing
    assert panel.value("style") == "a🎸b"


def test_a_click_sets_the_caret_and_a_drag_selects(show: Show) -> None:
    panel = show()
    edit(panel, "slow piano")
    panel.tick(20)  # else it would be a double click
    text = panel.window.find("slow piano")
    before = panel.window.measurestr(b"slow ")[0]
    y = text.y + 5
    panel.mouse((text.x + before, y, 0), (text.x + before, y, 1), (text.x + before, y, 0))
    panel.type("and ")
    assert panel.value("style") == "slow and piano"
    panel.tick(20)
    panel.mouse((text.x, y, 0), (text.x, y, 1), (text.x + before, y, 1), (text.x + before, y, 0))
    panel.type("x")
    assert panel.value("style") == "xand piano"


def test_a_double_click_selects_a_word(show: Show) -> None:
    panel = show()
    edit(panel, "slow piano")
    at = panel.window.find("slow piano")
    x, y = at.x + at.w - 8, at.y + 5
    panel.tick(20)
    panel.mouse(*((x, y, cap) for cap in (0, 1, 0, 1, 0)))
    panel.type("bass")
    assert panel.value("style") == "slow bass"


def test_a_word_is_removed_once_on_windows(show: Show) -> None:
    panel = show()
    edit(panel, "slow piano")
    panel.window.press(8, CTRL)
    panel.window.press(127, CTRL)  # Windows types it as well
    panel.tick(2)
    assert panel.value("style") == "slow "


def test_words_and_lines_as_on_macos(show: Show) -> None:
    panel = show(os="macOS-arm64")
    edit(panel, "slow piano")
    keys(panel, "left", modifiers=CTRL)  # Command
    panel.type("a ")
    keys(panel, "rght", modifiers=ALT)
    panel.type("er")
    assert panel.value("style") == "a slower piano"
    keys(panel, "rght", modifiers=CTRL)
    panel.window.press(8, ALT)
    panel.tick(2)
    assert panel.value("style") == "a slower "


def right_click(panel: Any, name: str, *choices: int) -> None:
    panel.window.menu_choices.extend(choices)
    at = panel.window.find(name)
    panel.mouse(*((at.x + 3, at.y + 5, cap) for cap in (0, 2, 0)))


def test_the_menu_of_a_field(show: Show) -> None:
    panel = show(extensions=("SWS",))
    panel.r.clipboard = "funk"
    right_click(panel, "style words", 3)
    assert panel.window.menus == ["#Cut|#Copy|Paste|Select all"]
    assert (panel.value("style"), panel.is_editing) == ("funk", True)
    right_click(panel, "funk", 4)
    right_click(panel, "funk", 1)
    assert panel.window.menus[-1] == "Cut|Copy|Paste|Select all"
    assert (panel.value("style"), panel.r.clipboard) == ("", "funk")
    panel.type("x")
    assert panel.value("style") == "x"
    right_click(panel, "x", 0)
    assert panel.value("style") == "x"


def test_tab_goes_around_the_fields(show: Show) -> None:
    panel = show(place="0 460 300")
    edit(panel, "jazz")
    keys(panel, TAB)
    panel.type("words")
    assert panel.value("words") == "words"
    keys(panel, TAB)
    panel.type("x")  # the whole text was selected
    assert panel.value("style") == "x"
    keys(panel, TAB, modifiers=SHIFT)
    panel.type("y")
    assert panel.value("words") == "y"


def test_lines_wrap_and_the_caret_stays_in_sight(show: Show) -> None:
    panel = show(place="0 300 600")
    panel.click("line by line")
    panel.type("one two three four five six seven eight nine ten " * 4 + "eleven")
    shown = panel.texts[panel.texts.index("Lyrics") + 1 : panel.texts.index("Steps")]
    assert len(shown) == 3  # as many lines as were asked for
    assert shown[-1].endswith("eleven")
    keys(panel, "home", modifiers=CTRL)
    assert any(text.startswith("one two") for text in panel.texts)
    keys(panel, "down", "down", "end")
    panel.type("!")
    assert "!" in panel.value("words")
    keys(panel, "up", "up", "up", "home")
    panel.type("0 ")
    assert panel.value("words").startswith("0 one")
    for _ in range(4):
        panel.mouse((100, panel.window.find("0 one").y + 3, 0))
        panel.window.wheel(-120)
        panel.tick(2)
        if not any(text.startswith("0 one") for text in panel.texts):
            break
    assert not any(text.startswith("0 one") for text in panel.texts)


def test_a_long_line_shows_the_part_with_the_caret(show: Show) -> None:
    panel = show(place="0 260 500")
    edit(panel, " ".join(f"word{number}" for number in range(40)))
    assert any(text.endswith("word39") for text in panel.texts)
    keys(panel, "home")
    assert any(text.startswith("word0 ") for text in panel.texts)
    for text in panel.window.texts:
        assert text.x + text.w <= 260
