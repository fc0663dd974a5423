"""The ``gfx`` window of a script: remembers the last frame's texts and boxes, and takes keys and clicks from tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CHAR_WIDTH, LINE_HEIGHT = 8, 14

#: Functions that only draw, with the fewest and the most arguments they take.
_PLAIN = {
    "set": (1, 7), "line": (4, 5), "lineto": (2, 3), "circle": (3, 5), "triangle": (6, 99), "arc": (5, 6), "setpixel": (3, 3),
    "blurto": (2, 2), "muladdrect": (8, 12), "deltablit": (6, 99), "blit": (1, 13), "gradrect": (8, 16), "setimgdim": (3, 3),
    "setcursor": (1, 2),
}  # fmt: skip
DRAWING = {
    *_PLAIN, "init", "quit", "getchar", "rect", "roundrect", "drawstr", "drawnumber", "drawchar", "measurestr", "measurechar",
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


class Window:
    """A window, closed until ``gfx.init``. ``texts`` and ``boxes`` are those of the last whole frame."""

    def __init__(self, reaper: Any) -> None:
        self._reaper = reaper
        self._variables: Any = {}
        self.is_open = False
        self.title = ""
        self.docked = 0
        self.x, self.y = 100, 100
        self.texts: list[Text] = []
        self.boxes: list[Box] = []
        self._frame: list[Text] = []
        self._frame_boxes: list[Box] = []
        self._keys: list[int] = []
        self._mouse: list[tuple[float, float, int]] = []
        self._wanted_close = False
        self.has_focus = False
        self.menu_choices: list[int] = []

    # What tests do

    def __contains__(self, text: str) -> bool:
        return any(text in entry.text for entry in self.texts)

    def find(self, text: str, which: int = 0) -> Text:
        """Return the n-th text of the frame that holds ``text``."""
        found = [entry for entry in self.texts if text in entry.text]
        assert len(found) > which, f"no {text!r} in {[entry.text for entry in self.texts]}"
        return found[which]

    def key(self, code: int | str) -> None:
        """Go to the window and press a key: a character or its code (27 is Escape)."""
        self._take_focus()
        self.press(code)

    def press(self, code: int | str) -> None:
        """Take a key."""
        self._keys.append(ord(code) if isinstance(code, str) else code)

    def mouse(self, x: float, y: float, cap: int = 0) -> None:
        """Move the mouse; ``cap`` 1 holds the left button. One such movement a tick."""
        self._mouse.append((x, y, cap))

    def click(self, text: str, which: int = 0) -> None:
        """Click on a text: come, press, release, a tick each. Call ``r.tick(4)`` to have it happen."""
        at = self.find(text, which)
        self._take_focus()
        x, y = at.x + at.w / 2, at.y + at.h / 2
        for cap in (0, 1, 0):
            self.mouse(x, y, cap)

    def wheel(self, amount: float) -> None:
        """Turn the mouse wheel."""
        self._variables[b"mouse_wheel"] = self._variables[b"mouse_wheel"] + amount

    def resize(self, w: int, h: int) -> None:
        """Give the window another size."""
        self._variables[b"w"], self._variables[b"h"] = w, h

    def close_by_user(self) -> None:
        """Click on the window's close button: getchar gives -1."""
        self._wanted_close = True

    @property
    def size(self) -> tuple[int, int]:
        return int(self._variables[b"w"]), int(self._variables[b"h"])

    # What scripts call

    def _take_focus(self) -> None:
        for script in self._reaper.scripts:
            script.window.has_focus = False
        self.has_focus = True

    def attach(self, variables: Any) -> None:
        """Take the table of variables that scripts see as ``gfx.x`` and so on."""
        self._variables = variables

    def close(self) -> None:
        """Close the window. A docker that has nothing else in it closes as well, and the arrange view changes its size."""
        if self.is_open and self.docked & 1:
            self._reaper.layout_changes += 1
        self.is_open = self.has_focus = False

    def init(
        self, title: bytes, w: float = 640, h: float = 480, dock: float = 0, x: float = 100, y: float = 100
    ) -> int:
        """An open window keeps its place; an empty title keeps the title. A new one takes the keyboard."""
        if not self.is_open:
            self._take_focus()
            self._reaper.user.disturb("keyboard")
            self._reaper.layout_changes += int(dock) & 1
        if not self.is_open or title:
            self.title = title.decode("utf-8", "replace")
        if not self.is_open:
            self.x, self.y, self.docked = int(x), int(y), int(dock)
        self._variables[b"w"], self._variables[b"h"] = int(w), int(h)
        self.is_open = True
        return 1

    def quit(self) -> None:
        self.close()
        self._show()

    def _show(self) -> None:
        if self._frame or self._frame_boxes:
            self.texts, self.boxes = self._frame, self._frame_boxes
            self._frame, self._frame_boxes = [], []

    def update(self) -> None:
        self._show()

    def next_event(self) -> None:
        """Let the next movement of the mouse happen: one a tick."""
        self._show()  # what is drawn shows without gfx.update as well, at the end of a tick
        if self._mouse:
            x, y, cap = self._mouse.pop(0)
            self._variables[b"mouse_x"], self._variables[b"mouse_y"], self._variables[b"mouse_cap"] = x, y, cap

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
        code = self._keys.pop(0) if self._keys else 0
        return (code, code) if unicode is not None else code

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
            shown = shown[: max(0, int((right - x) // CHAR_WIDTH))] if w > right - x else shown
        self._frame.append(Text(shown, left, top, w, h))
        self._variables[b"x"] = x + w

    def drawnumber(self, number: float, digits: float) -> None:
        self.drawstr(f"{number:.{int(digits)}f}".encode())

    def drawchar(self, code: float) -> None:
        self.drawstr(chr(int(code)).encode())

    def measurestr(self, text: bytes) -> tuple[int, int]:
        """A character is 8 wide and 14 high."""
        lines = text.decode("utf-8", "replace").split("\n")
        return CHAR_WIDTH * max(map(len, lines)), LINE_HEIGHT * len(lines)

    def measurechar(self, _code: float) -> tuple[int, int]:
        return CHAR_WIDTH, LINE_HEIGHT

    def rect(self, x: float, y: float, w: float, h: float, filled: Any = 1) -> None:
        self._frame_boxes.append(Box(x, y, w, h, bool(filled)))

    def roundrect(self, x: float, y: float, w: float, h: float, _radius: float, _antialias: Any = 1) -> None:
        self._frame_boxes.append(Box(x, y, w, h, False))

    def setfont(self, index: float, face: bytes = b"", size: float = 0, flags: float = 0) -> int:
        if not isinstance(face, bytes):
            raise TypeError("setfont takes a font's name as its second argument")
        if not 0 <= index <= 16 or size % 1 or flags % 1:
            raise ValueError(f"setfont({index}, {face!r}, {size}, {flags})")
        self._variables[b"texth"] = LINE_HEIGHT
        return int(index > 0)

    def getfont(self) -> tuple[int, bytes]:
        return 1, b"Arial"

    def dock(self, value: float, *wanted: Any) -> Any:
        """-1 asks; with more arguments the window's place comes back as well."""
        if value >= 0:
            self._reaper.layout_changes += self.is_open and int(value) & 1 != self.docked & 1
            self.docked = int(value)
        return (self.docked, self.x, self.y, *self.size)[: 1 + len(wanted)] if wanted else self.docked

    def clienttoscreen(self, x: float, y: float) -> tuple[float, float]:
        return x + self.x, y + self.y

    def screentoclient(self, x: float, y: float) -> tuple[float, float]:
        return x - self.x, y - self.y

    def showmenu(self, _menu: bytes) -> int:
        return self.menu_choices.pop(0) if self.menu_choices else 0


def _plain(name: str) -> Any:
    low, high = _PLAIN[name]

    def draw(_self: Window, *arguments: Any) -> int:
        if not low <= len(arguments) <= high:
            raise TypeError(f"takes {low} to {high} arguments, got {len(arguments)}")
        return 0

    return draw


for _name in _PLAIN:
    setattr(Window, _name, _plain(_name))
