"""A context of ReaImGui as tests hold it: what its last frame showed, and clicks, drags and keys of a person.

Widgets are found by what they show, or by what follows ## in their label. A click takes two frames, as the mouse goes down and
up. A click into the window takes the keyboard; when a script gives it back, menus close and text fields end, as they do there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LEFT, RIGHT = 0, 1
CHAR_WIDTH, LINE_HEIGHT = 7, 15


@dataclass(frozen=True)
class Entry:
    """A widget of a frame: its kind, its label, its text or value, and where it begins."""

    kind: str
    label: str
    value: Any = None
    x: float = 0
    y: float = 0
    w: float = 0
    colour: int | None = None

    def is_called(self, name: str) -> bool:
        """Whether this is what it shows, or its id."""
        visible, _, ident = self.label.partition("##")
        return name in (visible, ident) or (self.kind == "text" and name in self.label)


@dataclass(frozen=True)
class Mouse:
    """The mouse in a frame: over which widget, how far along it (0 to 1), which button is down."""

    over: str = ""
    share: float = 0.0
    button: int | None = None
    is_double: bool = False
    wheel: float = 0.0


class Font:
    """A font of ReaImGui."""

    def __init__(self, family: str, size: float | None) -> None:
        self.family, self.size = family, size


class DrawList:
    """What draws over a window."""

    def __init__(self, context: Context) -> None:
        self.context = context


@dataclass
class Open:
    """What is begun and has to end."""

    kind: str
    label: str
    x: float
    width: float
    styles: tuple[int, ...] = ()
    ids: set[str] = field(default_factory=set)


class Context:
    """A context; it ends when a tick passes in which nobody uses it."""

    def __init__(self, reaper: Any, script: Any, label: str, flags: int) -> None:
        self.reaper, self.script, self.label, self.flags = reaper, script, label, flags
        self.is_alive = True
        self.is_used = True
        self.is_hidden = False
        self.has_focus = False
        self.width = 460.0
        self.title = ""
        self.shown: list[Entry] = []
        self.frame: list[Entry] = []
        self.open: list[Open] = []
        self.is_framed = False
        self.frames = 0
        self.styles: Counter[str] = Counter()
        self.colours: list[tuple[int, int]] = []
        self.fonts: list[Font] = []
        self.mouse = self.mouse_before = Mouse()
        self._moves: list[Mouse] = []
        self.keys: list[tuple[int, int]] = []
        self.pressed: list[tuple[int, int]] = []
        self.active: str | None = None
        self.deactivated: str | None = None
        self.initial = self.buffer = ""
        self.menu: str | None = None
        self.headers: dict[str, bool] = {}
        self.wanted_close = False
        self.last: Entry = Entry("", "")
        self.is_disabled = 0
        self.next_width: float | None = None
        self.cursor: list[float] = [0, 0]
        self.line: tuple[float, float, float] = (0, 0, 0)

    # What tests do

    @property
    def texts(self) -> list[str]:
        """What can be read: texts, and the visible part of labels, values of menus and fields."""
        found = []
        for item in self.shown:
            visible = item.label.partition("##")[0] if item.kind != "text" else item.label
            found += [part for part in (visible, item.value if isinstance(item.value, str) else "") if part]
        return found

    def __contains__(self, text: str) -> bool:
        return any(text in entry for entry in self.texts)

    def find(self, name: str) -> Entry:
        """Return a widget of the last frame by what it shows or by its id."""
        found = [item for item in self.shown if item.is_called(name)]
        assert found, f"no {name!r} in {[item.label for item in self.shown]}"
        return found[-1] if found[-1].kind != "text" else found[0]

    def move(self, *moves: Mouse) -> None:
        """Let the mouse do this, a frame each."""
        self._moves.extend(moves)

    def click(self, name: str, button: int = LEFT, share: float = 0.5, is_double: bool = False) -> None:
        """Come, press and let go: three frames."""
        over = self.find(name).label
        self.move(Mouse(over, share), Mouse(over, share, button, is_double), Mouse(over, share))

    def drag(self, name: str, *shares: float) -> None:
        """Press at the first place of a slider, move to the others, let go."""
        over = self.find(name).label
        self.move(*(Mouse(over, share, LEFT) for share in shares), Mouse(over, shares[-1]))

    def wheel(self, name: str, amount: float) -> None:
        """Turn the wheel over a widget."""
        self.move(Mouse(self.find(name).label, 0.5, wheel=amount), Mouse())

    def press(self, code: int, modifiers: int = 0) -> None:
        """Take a key: a code as gfx.getchar gives them. ``modifiers``: 4 Ctrl, 8 Shift."""
        self.keys.append((code, modifiers))

    def key(self, code: int) -> None:
        """Go to the window and press a key."""
        self.take_focus()
        self.press(code)

    def close_by_user(self) -> None:
        """Click on the window's close button."""
        self.wanted_close = True

    # Frames

    def take_focus(self) -> None:
        """Have the keyboard."""
        for window in self.reaper.windows():
            window.has_focus = False
        self.has_focus = True

    def begin_frame(self) -> None:
        """Begin a frame with the first call of a tick."""
        self.is_used = True
        if self.is_framed:
            return
        self.is_framed, self.frame, self.deactivated = True, [], None
        self.frames += 1
        if not self.has_focus:  # ReaImGui's Context::clearFocus
            self.activate(None)
            self.menu = None
        self.mouse_before, self.mouse = self.mouse, self._moves.pop(0) if self._moves else Mouse(self.mouse.over)
        if self.is_pressed():
            self.take_focus()
            if not any(item.kind == "selectable" and item.label == self.mouse.over for item in self.shown):
                self.menu = None  # a click beside a menu closes it
            if self.active != self.mouse.over:
                self.activate(None)
        self.pressed, self.keys = self.keys, []

    def end_frame(self) -> str | None:
        """End the frame at the end of a tick; return what was wrong."""
        if not self.is_framed:
            self.is_alive = self.is_alive and self.is_used
            self.is_used = False
            return None
        self.is_framed, self.is_used, self.shown = False, False, self.frame
        if self.mouse.button is None and self.active and not self.is_text(self.active):
            self.activate(None)
        left = [entry.label for entry in self.open] + [name for name, count in self.styles.items() if count]
        self.open, self.styles, self.colours = [], Counter(), []
        return f"a frame ends in which these are open: {left}" if left else None

    def is_text(self, label: str) -> bool:
        """Whether this is a text field."""
        return any(item.label == label and item.kind in ("line", "lines") for item in (*self.frame, *self.shown))

    def activate(self, label: str | None, text: str = "") -> None:
        """Have a widget active; another one is so no more."""
        if self.active and self.active != label:
            self.deactivated = self.active
        self.active, self.initial, self.buffer = label, text, text

    def is_pressed(self, button: int | None = None) -> bool:
        """Whether a mouse button goes down in this frame."""
        down, before = self.mouse.button, self.mouse_before.button
        return down is not None and down != before and button in (None, down)

    def is_released(self, label: str) -> bool:
        """Whether the left button goes up over what it went down on."""
        return (
            self.mouse.button is None and self.mouse_before.button == LEFT and self.active == label == self.mouse.over
        )
