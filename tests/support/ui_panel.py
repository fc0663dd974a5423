"""A panel of widgets in the simulated REAPER, with either of the two backends, and a person who uses it.

    with open_panel(tmp_path, "gfx", 'out("on", ui.checkbox("on", "Vocals", false))') as panel:
        panel.click("Vocals")

In the body, which runs in every frame, ``ui`` has the widgets, ``v`` keeps values, and ``out(key, value)`` shows one to
the test.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.gfx import Window, key_code
from tests.support.fake_reaper.imgui_context import RIGHT, Context
from tests.support.lua_modules import IMPORT, LIB

BACKENDS = ("gfx", "imgui")
SPACE, CTRL_Z, ENTER, ESCAPE, TAB, BACKSPACE = 32, 26, 13, 27, 9, 8
_CTRL, _SHIFT = 4, 8

_PROGRAM = """
%s
local ui = import("ui/widgets")
local v = {}
local function out(key, value) reaper.SetExtState("test", key, tostring(value), false) end
local function widgets()
  %s
end
ui.open("AceBridge")
local function loop()
  if not ui.begin() then
    out("closed", true)
    return ui.close()
  end
  widgets()
  out("editing", ui.is_editing())
  ui.finish()
  reaper.defer(loop)
end
loop()
"""


class Panel:
    """What both backends have in common; a widget is named by what it shows."""

    def __init__(self, reaper: Reaper) -> None:
        self.r = reaper

    def tick(self, count: int = 1) -> None:
        """Let time pass; fail for anything that REAPER would not take."""
        self.r.tick(count)
        self.r.check()

    def value(self, key: str) -> str:
        """What the script last showed."""
        return self.r.ext["test", key]

    @property
    def is_editing(self) -> bool:
        return self.value("editing") == "true"

    def type(self, text: str) -> None:
        """Press the keys of a text, wherever the keyboard is."""
        for character in text:
            self.r.user.press(key_code(character))
        self.tick(2)

    def press(self, *codes: int) -> None:
        """Press keys, wherever the keyboard is."""
        for code in codes:
            self.r.user.press(code)
        self.tick(2)


class GfxPanel(Panel):
    """A panel in a gfx window: pixels and strokes."""

    @property
    def window(self) -> Window:
        return self.r.window()  # type: ignore[no-any-return]

    @property
    def texts(self) -> list[str]:
        return [text.text for text in self.window.texts]

    @property
    def has_focus(self) -> bool:
        return self.window.has_focus

    def click(self, name: str) -> None:
        self.window.click(name)
        self.tick(4)

    def mouse(self, *moves: tuple[float, float, int]) -> None:
        """Move the mouse: x, y and the buttons, a tick each."""
        for move in moves:
            self.window.mouse(*move)
        self.tick(len(moves) + 1)

    def choose(self, _widget: str, shown: str, name: str, names: list[str]) -> None:
        """Choose from the menu that shows ``shown``."""
        self.window.menu_choices.append(names.index(name) + 1)
        self.click(shown)

    def track_of(self, label: str) -> tuple[float, float, float]:
        """Return the left and right end of a slider's track and the middle of its height."""
        text = self.window.find(label)
        knob = next(
            stroke
            for stroke in self.window.strokes[self._index_of(label) :]
            if stroke.name == "circle" and stroke.numbers[2] >= 4 * self.r.screen_scale
        )
        y = knob.numbers[1]
        boxes = [
            stroke.numbers
            for stroke in self.window.strokes[self._index_of(label) :]
            if stroke.name == "rect" and stroke.numbers[1] <= y <= stroke.numbers[1] + stroke.numbers[3]
        ]
        assert text.y <= y
        first = boxes[1]  # a bar with round ends: what is between them, then its whole length
        return first[0], first[0] + first[2], y

    def _index_of(self, label: str) -> int:
        return next(i for i, stroke in enumerate(self.window.strokes) if stroke.text == label)

    def drag(self, _widget: str, label: str, *shares: float) -> None:
        """Drag a slider's knob through these shares of its track."""
        left, right, y = self.track_of(label)
        places = [(left + share * (right - left), y) for share in shares]
        self.mouse((*places[0], 0), *((*place, 1) for place in places), (*places[-1], 0))

    def _over(self, label: str, share: float = 0.5) -> tuple[float, float]:
        left, right, y = self.track_of(label)
        return left + share * (right - left), y

    def wheel(self, _widget: str, label: str, steps: float) -> None:
        self.mouse((*self._over(label), 0))
        self.window.wheel(120 * steps)
        self.tick(2)

    def right_click(self, _widget: str, label: str) -> None:
        place = self._over(label)
        self.mouse((*place, 0), (*place, 2), (*place, 0))

    def double_click(self, _widget: str, label: str) -> None:
        place = self._over(label)
        self.mouse(*((*place, cap) for cap in (0, 1, 0, 1, 0)))

    def bars(self) -> list[float]:
        """How full the bars are that a frame shows, 0 to 1."""
        pixels = np.asarray(self.window.picture())

        def count_in_rows(*names: str) -> Any:
            return sum((pixels == np.array(colour(name))).all(axis=2).sum(axis=1) for name in names)

        empty, full = count_in_rows("track"), count_in_rows("running", "done", "failed", "cancelled", "kept")
        is_bar = empty + full > pixels.shape[1] / 2
        tops = [y for y in range(1, len(is_bar)) if is_bar[y] and not is_bar[y - 1]]
        return [float(full[y] / (empty[y] + full[y])) for y in tops]

    def close_by_user(self) -> None:
        self.window.close_by_user()


@cache
def colour(name: str) -> tuple[int, int, int]:
    """Return a colour of the panel by its name in ui/colours.lua: red, green, blue."""
    found = re.search(rf"\b{name} = 0x([0-9a-f]{{6}})", (LIB / "ui" / "colours.lua").read_text("utf-8"))
    assert found, name
    red, green, blue = bytes.fromhex(found.group(1))
    return red, green, blue


class ImguiPanel(Panel):
    """A panel with ReaImGui: widgets by their ids and labels."""

    @property
    def context(self) -> Context:
        return self.r.panel()

    @property
    def texts(self) -> list[str]:
        return self.context.texts

    @property
    def has_focus(self) -> bool:
        return self.context.has_focus

    def click(self, name: str) -> None:
        """Click on what shows this, in its label or as its value."""
        found = [item for item in self.context.shown if item.is_called(name) or item.value == name]
        self.context.click(next(item for item in found if item.kind != "text").label.partition("##")[2])
        self.tick(4)

    def choose(self, widget: str, _shown: str, name: str, names: list[str]) -> None:
        self.context.click(widget)
        self.tick(4)
        if name in names:
            self.context.click(name)
        else:
            self.context.menu = None
        self.tick(4)

    def drag(self, widget: str, _label: str, *shares: float) -> None:
        self.context.drag(widget, *shares)
        self.tick(len(shares) + 3)

    def wheel(self, widget: str, _label: str, steps: float) -> None:
        self.context.wheel(widget, steps)
        self.tick(3)

    def right_click(self, widget: str, _label: str) -> None:
        self.context.click(widget, RIGHT)
        self.tick(4)

    def double_click(self, widget: str, _label: str) -> None:
        self.context.click(widget)
        self.context.click(widget, is_double=True)
        self.tick(7)

    def bars(self) -> list[float]:
        return [item.value for item in self.context.shown if item.kind == "bar"]

    def close_by_user(self) -> None:
        self.context.close_by_user()


@contextlib.contextmanager
def open_panel(
    folder: Path, backend: str, body: str, *, lua: str | None = None, place: str | None = None, scale: float = 1.0,
    **options: Any,
) -> Iterator[Any]:  # fmt: skip
    """Open a panel with these widgets. ``place``: dock, width, height and perhaps x and y, as they are kept."""
    extensions = (*options.pop("extensions", ()), *(("ReaImGui",) if backend == "imgui" else ()))
    with Reaper(folder, lua=lua, extensions=extensions, **options) as reaper:
        reaper.screen_scale = scale
        if place:
            reaper.ext["AceBridge", "window_place"] = place
        reaper.start(code=_PROGRAM % (IMPORT, body))
        panel = (GfxPanel if backend == "gfx" else ImguiPanel)(reaper)
        panel.tick(3)
        yield panel
        reaper.check()
