"""The ``gfx`` window of a script: remembers what the last frame drew, and takes keys, the mouse and clicks from tests.

The keyboard is played as it is for people: whoever clicks into a window takes the keyboard there, and all keys then go to it,
until a script gives it back with SetCursorContext.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.support.fake_reaper import gfx_paint
from tests.support.fake_reaper.gfx_paint import Font, Stroke

#: Functions that only draw, with the fewest and the most arguments they take.
_PLAIN = {
    "line": (4, 5), "lineto": (2, 3), "circle": (3, 5), "triangle": (6, 99), "arc": (5, 6), "setpixel": (3, 3),
    "blurto": (2, 2), "muladdrect": (8, 12), "deltablit": (6, 99), "blit": (1, 13), "gradrect": (8, 16), "setimgdim": (3, 3),
    "setcursor": (1, 2), "rect": (4, 5), "roundrect": (5, 6),
}  # fmt: skip
DRAWING = {
    *_PLAIN, "set", "init", "quit", "getchar", "drawstr", "drawnumber", "drawchar", "measurestr", "measurechar",
    "setfont", "getfont", "update", "dock", "clienttoscreen", "screentoclient", "showmenu",
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A text of a frame, with its left upper corner and its size."""

    text: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class Box:
    """A rectangle of a frame."""

    x: float
    y: float
    w: float
    h: float
    filled: bool


_BUTTONS, _MODIFIERS = 1 | 2 | 64, 4 | 8 | 16 | 32  # of gfx.mouse_cap
_BOLD = ord("b")


class Window:
    """A window, closed until ``gfx.init``. ``strokes``, ``texts`` and ``boxes`` are those of the last whole frame; ``calls``
    counts the calls of each function."""

    def __init__(self, reaper: Any) -> None:
        self._reaper = reaper
        self._variables: Any = {}
        self.is_open = False
        self.title = ""
        self.docked = 0
        self.x, self.y = 100, 100
        self.strokes: list[Stroke] = []
        self._frame: list[Stroke] = []
        self._keys: list[tuple[int, int]] = []
        self._mouse: list[tuple[float, float, int]] = []
        self._wanted_close = False
        self.has_focus = False
        self.menu_choices: list[int] = []
        self.menus: list[str] = []
        self.calls: Counter[str] = Counter()
        self._fonts: dict[int, Font] = {0: Font()}
        self._font = 0

    # What tests do

    @property
    def texts(self) -> list[Text]:
        return [_text(stroke) for stroke in self.strokes if stroke.name == "drawstr"]

    @property
    def boxes(self) -> list[Box]:
        return [
            Box(*stroke.numbers[:4], stroke.name == "rect" and bool(stroke.numbers[4]))
            for stroke in self.strokes
            if stroke.name in ("rect", "roundrect")
        ]

    def picture(self) -> Image.Image:
        """Return what the last frame looks like, in pixels of the screen."""
        return gfx_paint.picture(self.strokes, self.size, int(self._variables[b"clear"]))

    def __contains__(self, text: str) -> bool:
        return any(text in entry.text for entry in self.texts)

    def find(self, text: str, which: int = 0) -> Text:
        """Return the n-th text of the frame that holds ``text``."""
        found = [entry for entry in self.texts if text in entry.text]
        assert len(found) > which, f"no {text!r} in {[entry.text for entry in self.texts]}"
        return found[which]

    def key(self, code: int | str) -> None:
        """Go to the window and press a key: a character or its code (27 is Escape)."""
        self.take_focus()
        self.press(code)

    def press(self, code: int | str, modifiers: int = 0) -> None:
        """Take a key. ``modifiers``: 4 Ctrl, 8 Shift, 16 Alt."""
        self._keys.append((key_code(code) if isinstance(code, str) else code, modifiers))

    def mouse(self, x: float, y: float, cap: int = 0) -> None:
        """Move the mouse; ``cap`` 1 holds the left button. One such movement a tick."""
        self._mouse.append((x, y, cap))

    def click_at(self, x: float, y: float) -> None:
        """Come, press, release, a tick each."""
        for cap in (0, 1, 0):
            self.mouse(x, y, cap)

    def click(self, text: str, which: int = 0) -> None:
        """Click on a text: come, press, release, a tick each. Call ``r.tick(4)`` to have it happen."""
        at = self.find(text, which)
        self.click_at(at.x + at.w / 2, at.y + at.h / 2)

    def wheel(self, amount: float) -> None:
        """Turn the mouse wheel."""
        self._variables[b"mouse_wheel"] = self._variables[b"mouse_wheel"] + amount

    def resize(self, w: int, h: int) -> None:
        """Give the window another size."""
        self._variables[b"w"], self._variables[b"h"] = float(w), float(h)

    def close_by_user(self) -> None:
        """Click on the window's close button: getchar gives -1."""
        self._wanted_close = True

    @property
    def size(self) -> tuple[int, int]:
        return int(self._variables[b"w"]), int(self._variables[b"h"])

    # What scripts call

    def take_focus(self) -> None:
        for window in self._reaper.windows():
            window.has_focus = False
        self.has_focus = True

    def attach(self, variables: Any) -> None:
        """Take the table of variables that scripts see as ``gfx.x`` and so on."""
        self._variables = variables
        self._variables[b"clear"] = 0

    def close(self) -> None:
        """Close the window. A docker that has nothing else in it closes as well, and the arrange view changes its size."""
        if self.is_open and self.docked & 1:
            self._reaper.layout_changes += 1
        self.is_open = self.has_focus = False

    def _pixels(self) -> float:
        """How many pixels a unit of the system has: macOS counts points, others pixels."""
        return (self._variables[b"ext_retina"] or 1) if "OS" in self._reaper.os else 1

    def _set_size(self, w: float, h: float) -> None:
        if self._variables[b"ext_retina"]:
            self._variables[b"ext_retina"] = self._reaper.screen_scale
        pixels = self._pixels()
        self._variables[b"w"], self._variables[b"h"] = float(int(w * pixels)), float(int(h * pixels))

    def init(
        self, title: bytes, w: float = 640, h: float = 480, dock: float = 0, x: float = 100, y: float = 100
    ) -> int:
        """Open a window, which takes the keyboard. An open one gets the title, or with an empty one the size."""
        if self.is_open:
            if title:
                self.title = title.decode("utf-8", "replace")
            else:
                self._set_size(w, h)
            return 1
        self.take_focus()
        self._reaper.user.disturb("keyboard")
        self._reaper.layout_changes += int(dock) & 1
        self.title = title.decode("utf-8", "replace")
        self.x, self.y, self.docked = int(x), int(y), int(dock)
        self._set_size(w, h)
        self.is_open = True
        return 1

    def quit(self) -> None:
        self.close()
        self._show()

    def _show(self) -> None:
        if self._frame:
            self.strokes, self._frame = self._frame, []

    def update(self) -> None:
        self._show()

    def next_event(self) -> None:
        """Let the next movement of the mouse happen: one a tick. A button that goes down takes the keyboard."""
        self._show()  # what is drawn shows without gfx.update as well, at the end of a tick
        if not self._mouse:
            return
        x, y, cap = self._mouse.pop(0)
        w, h = self.size if self.is_open else (0, 0)
        if 0 <= x < w and 0 <= y < h and cap & _BUTTONS & ~int(self._variables[b"mouse_cap"]):
            self.take_focus()
        values = {b"mouse_x": x, b"mouse_y": y, b"mouse_cap": cap}
        for name, value in values.items():
            self._variables[name] = float(value)

    def getchar(self, wanted: float | None = None, unicode: Any = None) -> Any:
        """Return the next key, 0 without one, -1 when the window is closed; 65536 asks for the window's flags."""
        if wanted == 65536:
            return 1 | (2 if self.has_focus else 0) | 4 if self.is_open else 0
        if wanted is not None and wanted != 0:
            return 0
        if not self.is_open or self._wanted_close:
            self.close()
            self._wanted_close = False
            return -1
        code, modifiers = self._keys.pop(0) if self._keys else (0, 0)
        if code:
            buttons = int(self._variables[b"mouse_cap"]) & ~_MODIFIERS
            self._variables[b"mouse_cap"] = float(buttons | modifiers)
        return (code, code) if unicode is not None else code

    def _ink(self) -> tuple[float, float, float, float]:
        r, g, b, a = (float(self._variables[name]) for name in (b"r", b"g", b"b", b"a"))
        return r, g, b, a

    def set(self, red: float, green: Any = None, blue: Any = None, alpha: float = 1, *_more: float) -> None:
        """Set the colour: one number is a grey."""
        self._variables[b"r"] = red
        self._variables[b"g"], self._variables[b"b"] = (red if part is None else part for part in (green, blue))
        self._variables[b"a"] = alpha

    def draw(self, name: str, *numbers: Any) -> None:
        """Note a call that draws."""
        if not all(isinstance(number, (int, float)) for number in numbers):
            raise TypeError(f"takes numbers, got {numbers}")
        if name == "rect" and len(numbers) == 4:
            numbers = (*numbers, 1)
        self._frame.append(Stroke(name, numbers, self._ink()))

    def _position(self) -> tuple[float, float]:
        return self._variables[b"x"], self._variables[b"y"]

    def drawstr(self, text: bytes, flags: float = 0, right: float | None = None, bottom: float | None = None) -> None:
        """Flags: 1 centre and 2 right in the box, 4 middle and 8 bottom, 256 without cutting."""
        shown = text.decode("utf-8", "replace")
        x, y = self._position()
        w, h = self.measurestr(text)
        flags = int(flags)
        left, top = x, y
        if right is not None:
            left += (right - x - w) / 2 if flags & 1 else right - x - w if flags & 2 else 0
        if bottom is not None:
            top += (bottom - y - h) / 2 if flags & 4 else bottom - y - h if flags & 8 else 0
        if right is not None and not flags & 256:
            while shown and self._fonts[self._font].measure(shown)[0] > max(0, right - x):
                shown = shown[:-1]
        self._frame.append(Stroke("drawstr", (left, top), self._ink(), shown, self._fonts[self._font]))
        self._variables[b"x"] = x + w

    def drawnumber(self, number: float, digits: float) -> None:
        self.drawstr(f"{number:.{int(digits)}f}".encode())

    def drawchar(self, code: float) -> None:
        self.drawstr(chr(int(code)).encode())

    def measurestr(self, text: bytes) -> tuple[int, int]:
        """The width and height in the current font."""
        return self._fonts[self._font].measure(text.decode("utf-8", "replace"))

    def measurechar(self, code: float) -> tuple[int, int]:
        return self._fonts[self._font].measure(chr(int(code)))

    def setfont(self, index: float, face: bytes = b"", size: float = 0, flags: float = 0) -> int:
        """Choose a font; with a name and a size, make it first."""
        if not isinstance(face, bytes):
            raise TypeError("setfont takes a font's name as its second argument")
        if not 0 <= index <= 16 or size % 1 or flags % 1:
            raise ValueError(f"setfont({index}, {face!r}, {size}, {flags})")
        self._font = int(index)
        if face and index > 0:
            self._fonts[self._font] = Font(int(size), flags == _BOLD)
        self._fonts.setdefault(self._font, Font())
        self._variables[b"texth"] = float(self._fonts[self._font].height)
        return int(index > 0)

    def getfont(self) -> tuple[int, bytes]:
        return 1, b"Arial"

    def dock(self, value: float, *wanted: Any) -> Any:
        """-1 asks; with more arguments the window's place comes back as well, in units of the system."""
        if value >= 0:
            self._reaper.layout_changes += self.is_open and int(value) & 1 != self.docked & 1
            self.docked = int(value)
        w, h = (int(side / self._pixels()) for side in self.size)
        return (self.docked, self.x, self.y, w, h)[: 1 + len(wanted)] if wanted else self.docked

    def clienttoscreen(self, x: float, y: float) -> tuple[float, float]:
        return x + self.x, y + self.y

    def screentoclient(self, x: float, y: float) -> tuple[float, float]:
        return x - self.x, y - self.y

    def showmenu(self, menu: bytes) -> int:
        """A menu takes the keyboard and waits; what is chosen comes from ``menu_choices``, 0 for nothing."""
        self.menus.append(menu.decode())
        self.take_focus()
        return self.menu_choices.pop(0) if self.menu_choices else 0


def key_code(name: str) -> int:
    """Return what getchar gives for a character or a key: "a", "한", "left", "rght", "home", "del" …"""
    if len(name) == 1:
        code = ord(name)
        return code if code < 256 else ord("u") << 24 | code
    return int.from_bytes(name.encode("ascii"), "big")


def _text(stroke: Stroke) -> Text:
    return Text(stroke.text, *stroke.numbers, *stroke.font.measure(stroke.text))


def _plain(name: str) -> Any:
    low, high = _PLAIN[name]

    def draw(self: Window, *arguments: Any) -> int:
        if not low <= len(arguments) <= high:
            raise TypeError(f"takes {low} to {high} arguments, got {len(arguments)}")
        self.draw(name, *arguments)
        return 0

    return draw


for _name in _PLAIN:
    setattr(Window, _name, _plain(_name))
