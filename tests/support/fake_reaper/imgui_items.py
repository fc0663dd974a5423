"""The widgets of ReaImGui: what they show, and what the mouse and the keyboard do to them."""

from __future__ import annotations

from typing import Any

from tests.support.fake_reaper.api import ApiMisuse
from tests.support.fake_reaper.extensions import CONSTANTS
from tests.support.fake_reaper.imgui import ROW, SPACING, close, imgui, need_window, note_id, start
from tests.support.fake_reaper.imgui_context import CHAR_WIDTH, LEFT, LINE_HEIGHT, RIGHT, Context, Entry

SPACE, ESCAPE, ENTER, BACKSPACE, CTRL_A, CTRL_Z = 32, 27, 13, 8, 1, 26
CTRL, SHIFT = 4, 8


def _put(context: Context, kind: str, label: str, value: Any, width: float, height: float = ROW) -> Entry:
    need_window(context)
    x, y = context.cursor
    if kind != "text":
        note_id(context, label)
    colours = [colour for index, colour in context.colours if index == CONSTANTS["Col_Text"]]
    if kind == "bar":
        colours = [colour for index, colour in context.colours if index == CONSTANTS["Col_PlotHistogram"]]
    shown = Entry(kind, label, value, x, y, width, colours[-1] if colours else None)
    context.frame.append(shown)
    context.last, context.next_width = shown, None
    context.line = (x + width, y, max(height, context.line[2] if context.line[1] == y else 0))
    context.cursor = [context.open[-1].x, y + context.line[2] + SPACING]
    return shown


def _width(context: Context, width: float | None = None) -> float:
    return width or context.next_width or 200.0


def _is_over(context: Context, label: str) -> bool:
    return context.mouse.over == label and not context.is_disabled and context.menu is None


def _is_clicked(context: Context, label: str) -> bool:
    """Whether a click on an item ends in this frame; a press makes it active."""
    if not _is_over(context, label):
        return False
    if context.is_pressed(LEFT):
        context.activate(label)
    return context.is_released(label)


@imgui("Text")
def text(context: Context, words: str) -> None:
    _put(context, "text", words, None, CHAR_WIDTH * len(words), LINE_HEIGHT)


@imgui("Dummy")
def dummy(context: Context, w: float, h: float) -> None:
    x, y = context.cursor
    context.line = (x + w, y, max(h, context.line[2] if context.line[1] == y else 0))
    context.cursor = [context.open[-1].x, y + context.line[2] + SPACING]


@imgui("Button")
def button(context: Context, label: str, w: float | None, _h: float | None) -> bool:
    _put(context, "disabled button" if context.is_disabled else "button", label, None, _width(context, w))
    return _is_clicked(context, label)


@imgui("Checkbox")
def checkbox(context: Context, label: str, value: bool) -> tuple[bool, bool]:
    is_clicked = _is_clicked(context, label)
    _put(context, "checkbox", label, value, ROW + CHAR_WIDTH * len(label.partition("##")[0]))
    return is_clicked, value != is_clicked


@imgui("BeginCombo")
def begin_combo(context: Context, label: str, preview: str, _flags: int | None) -> bool:
    is_clicked = _is_clicked(context, label)
    _put(context, "combo", label, preview, _width(context))
    if is_clicked:
        context.menu = label
    if context.menu != label:
        return False
    start(context, "combo", label, context.open[-1].x, context.open[-1].width)
    return True


@imgui("EndCombo")
def end_combo(context: Context) -> None:
    close(context, "combo")


@imgui("Selectable")
def selectable(
    context: Context, label: str, selected: bool | None, _flags: int | None, _w: float | None, _h: float | None
) -> tuple[bool, bool]:
    _put(context, "selectable", label, bool(selected), 100)
    if context.mouse.over != label or context.open[-1].kind != "combo":
        return False, bool(selected)
    if context.is_pressed(LEFT):
        context.activate(label)
    is_chosen = context.is_released(label)
    if is_chosen:
        context.menu = None
    return is_chosen, is_chosen or bool(selected)


@imgui("SliderDouble")
def slider_double(
    context: Context, label: str, value: float, low: float, high: float, form: str | None, flags: int | None
) -> tuple[bool, float]:
    """Ctrl+click makes a text field of it unless its flags say no; that is not played."""
    if not (flags or 0) & CONSTANTS["SliderFlags_NoInput"]:
        raise ApiMisuse(
            f"ImGui_SliderDouble {label!r}: without SliderFlags_NoInput, Ctrl+click makes a text field of it"
        )
    if _is_over(context, label) and context.is_pressed(LEFT):
        context.activate(label)
    shown = (
        (form or "%.3f").replace("%%", "%") if "%" not in (form or "%").replace("%%", "") else (form or "%.3f") % value
    )
    _put(context, "slider", label, shown, _width(context))
    if context.active != label or context.mouse.button != LEFT:
        return False, value
    new = low + (high - low) * min(1.0, max(0.0, context.mouse.share))
    return new != value, new


def _type(context: Context, code: int, mods: int, has_lines: bool) -> bool:
    """Take a key in a field; whether the field stays active. Escape takes back what was typed."""
    if code == ESCAPE:
        context.buffer = context.initial
        return False
    if code == ENTER and not has_lines:
        return False
    if code == ENTER:
        context.buffer += "\n"
    elif code == BACKSPACE:
        context.buffer = context.buffer[:-1]
    elif code == CTRL_A:
        context.buffer = ""  # everything is selected: what is typed next replaces it
    elif code == CTRL_Z:
        context.buffer = context.initial
    elif code >> 24 == ord("u"):
        context.buffer += chr(code & 0xFFFFFF)
    elif 32 <= code < 256 and not mods & CTRL:
        context.buffer += chr(code)
    return True


def _edit(
    context: Context, kind: str, label: str, value: str, hint: str, width: float, height: float
) -> tuple[bool, str]:
    if _is_over(context, label) and context.is_pressed(LEFT) and context.active != label:
        context.activate(label, value)
    result = value
    if context.active == label:
        stays = True
        for code, mods in context.pressed:
            stays = stays and _type(context, code, mods, kind == "lines")
        result = context.buffer
        if not stays:
            context.activate(None)
    _put(context, kind, label, result or hint, width, height)
    return result != value, result


@imgui("InputTextWithHint")
def input_text_with_hint(context: Context, label: str, hint: str, value: str, _flags: int | None) -> tuple[bool, str]:
    return _edit(context, "line", label, value, hint, _width(context), ROW)


@imgui("InputTextMultiline")
def input_text_multiline(
    context: Context, label: str, value: str, w: float | None, h: float | None, _flags: int | None
) -> tuple[bool, str]:
    return _edit(context, "lines", label, value, "", _width(context, w), h or 100)


@imgui("CollapsingHeader")
def collapsing_header(context: Context, label: str, _visible: bool | None, flags: int | None) -> tuple[bool, None]:
    is_open = context.headers.setdefault(label, bool((flags or 0) & CONSTANTS["TreeNodeFlags_DefaultOpen"]))
    if _is_clicked(context, label):
        is_open = context.headers[label] = not is_open
    _put(context, "header", label, is_open, _width(context))
    return is_open, None


@imgui("ProgressBar")
def progress_bar(context: Context, fraction: float, w: float | None, h: float | None, overlay: str | None) -> None:
    """Without a text, or with an empty one, it shows a number."""
    label = overlay if overlay else f"{fraction:.0%}"
    need_window(context)
    _put(context, "bar", f"{label}##{len(context.frame)}", float(fraction), _width(context, w), h or ROW)


@imgui("GetTime")
def get_time(context: Context) -> float:
    return float(context.reaper.clock.now)


# The last item, the mouse, keys


@imgui("IsItemActive")
def is_item_active(context: Context) -> bool:
    return context.active == context.last.label


@imgui("IsItemHovered")
def is_item_hovered(context: Context, _flags: int | None) -> bool:
    return context.mouse.over == context.last.label


@imgui("IsItemClicked")
def is_item_clicked(context: Context, mouse_button: int | None) -> bool:
    return _is_over(context, context.last.label) and context.is_pressed(mouse_button or LEFT)


@imgui("IsItemDeactivated")
def is_item_deactivated(context: Context) -> bool:
    return context.deactivated is not None and context.deactivated == context.last.label


@imgui("GetItemRectMin")
def get_item_rect_min(context: Context) -> tuple[float, float]:
    return context.last.x, context.last.y


@imgui("IsAnyMouseDown")
def is_any_mouse_down(context: Context) -> bool:
    return context.mouse.button in (LEFT, RIGHT)


@imgui("IsMouseDoubleClicked")
def is_mouse_double_clicked(context: Context, _button: int) -> bool:
    return context.mouse.is_double and context.is_pressed()


@imgui("GetMouseWheel")
def get_mouse_wheel(context: Context) -> tuple[float, float]:
    return context.mouse.wheel, 0.0


_CODES = {
    CONSTANTS["Key_Space"]: (SPACE,), CONSTANTS["Key_Escape"]: (ESCAPE,), CONSTANTS["Key_Z"]: (CTRL_Z, ord("z")),
}  # fmt: skip


@imgui("IsKeyPressed")
def is_key_pressed(context: Context, key: int, _repeats: bool | None) -> bool:
    return any(code in _CODES[key] for code, _ in context.pressed)


@imgui("GetKeyMods")
def get_key_mods(context: Context) -> int:
    found = 0
    for code, mods in context.pressed:
        if mods & CTRL or code == CTRL_Z:
            found |= CONSTANTS["Mod_Ctrl"]
        if mods & SHIFT:
            found |= CONSTANTS["Mod_Shift"]
    return found
