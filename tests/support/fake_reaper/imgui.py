"""ReaImGui, as far as scripts use it: immediate mode, checked. What is begun has to end, and only what was really begun.

Unlike Dear ImGui, End and EndChild belong to a Begin and BeginChild that returned true, as ReaImGui has it. A context that is not
used in a tick ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api, version_of
from tests.support.fake_reaper.extensions import CONSTANTS, TWO_NUMBERS
from tests.support.fake_reaper.imgui_context import (
    CHAR_WIDTH,
    LEFT,
    LINE_HEIGHT,
    RIGHT,
    Context,
    DrawList,
    Font,
    Open,
    Shown,
)

Call = Any
PADDING, SPACING, ROW = 12, 8, 26
SPACE, ESCAPE, ENTER, BACKSPACE, CTRL_A, CTRL_Z = 32, 27, 13, 8, 1, 26
CTRL, SHIFT = 4, 8
_TWO_NUMBERS = {CONSTANTS[f"StyleVar_{name}"] for name in TWO_NUMBERS}


def imgui(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function of a context be ``ImGui_name``; its first call in a tick begins a frame."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(r: Call, context: Context, *arguments: Any) -> Any:
            if not context.is_alive:
                raise ApiMisuse(f"ImGui_{name}: the context has ended, for a tick passed without it")
            context.begin_frame()
            return function(context, *arguments)

        api(f"ImGui_{name}")(call)
        return function

    return register


def _constant(value: int) -> Callable[[Call], int]:
    return lambda _r: value


for _name, _value in CONSTANTS.items():
    api(f"ImGui_{_name}")(_constant(_value))


# Contexts, fonts, styles


@api("ImGui_GetVersion")
def get_version(r: Call) -> tuple[str, int, str]:
    return "1.92.1", 19210, r.reaimgui


@api("ImGui_CreateContext")
def create_context(r: Call, label: str, flags: int | None) -> Context:
    if not label:
        raise ApiMisuse("ImGui_CreateContext: a label is required")
    context = Context(r, r.script, label, flags or 0)
    r.contexts.append(context)
    return context


@api("ImGui_SetConfigVar")
def set_config_var(_r: Call, context: Context, variable: int, value: float) -> None:
    if variable == CONSTANTS["ConfigVar_Flags"]:
        context.flags = int(value)


def _has_font_sizes(r: Call) -> bool:
    """Whether PushFont takes the size, as since 0.10."""
    return version_of(r.reaimgui) >= (0, 10)


@api("ImGui_CreateFont")
def create_font(r: Call, family: str, size: int | None, flags: int | None) -> Font:
    """Up to 0.9: family, size, flags; since 0.10: family, flags."""
    if _has_font_sizes(r):
        if flags is not None or size not in (None, 0, CONSTANTS["FontFlags_Bold"]):
            raise ApiMisuse("ImGui_CreateFont takes a family and flags since 0.10")
        return Font(family, None)
    if not size:
        raise ApiMisuse("ImGui_CreateFont takes a family, a size and flags before 0.10")
    return Font(family, size)


@api("ImGui_Attach")
def attach(_r: Call, context: Context, font: Font) -> None:
    context.fonts.append(font)


@api("ImGui_PushFont")
def push_font(r: Call, context: Context, font: Font, size: float | None) -> None:
    if font not in context.fonts:
        raise ApiMisuse("ImGui_PushFont: the font is not attached to the context")
    if (size is not None) != _has_font_sizes(r):
        raise ApiMisuse("ImGui_PushFont takes a size since 0.10, and none before")
    context.begin_frame()
    context.styles["PushFont"] += 1


def _pop(context: Context, name: str, count: int = 1) -> None:
    if context.styles[name] < count:
        raise ApiMisuse(f"more is popped than there is of {name}")
    context.styles[name] -= count


@imgui("PopFont")
def pop_font(context: Context) -> None:
    _pop(context, "PushFont")


@imgui("PushStyleColor")
def push_style_color(context: Context, index: int, colour: int) -> None:
    if not 0 <= colour <= 0xFFFFFFFF:
        raise ApiMisuse(f"a colour is 0xRRGGBBAA, not {colour:#x}")
    context.styles["PushStyleColor"] += 1
    context.colours.append((index, colour))


@imgui("PopStyleColor")
def pop_style_color(context: Context, count: int | None) -> None:
    _pop(context, "PushStyleColor", count or 1)
    del context.colours[-(count or 1) :]


@imgui("PushStyleVar")
def push_style_var(context: Context, index: int, _first: float, second: float | None) -> None:
    if (second is not None) != (index in _TWO_NUMBERS):
        raise ApiMisuse(f"ImGui_PushStyleVar: variable {index} takes {'two numbers' if second is None else 'one number'}")
    context.styles["PushStyleVar"] += 1


@imgui("PopStyleVar")
def pop_style_var(context: Context, count: int | None) -> None:
    _pop(context, "PushStyleVar", count or 1)


@imgui("PushTextWrapPos")
def push_text_wrap_pos(context: Context, _x: float | None) -> None:
    context.styles["PushTextWrapPos"] += 1


@imgui("PopTextWrapPos")
def pop_text_wrap_pos(context: Context) -> None:
    _pop(context, "PushTextWrapPos")


@imgui("BeginDisabled")
def begin_disabled(context: Context, disabled: bool | None) -> None:
    context.styles["BeginDisabled"] += 1
    context.is_disabled += disabled is not False


@imgui("EndDisabled")
def end_disabled(context: Context) -> None:
    _pop(context, "BeginDisabled")
    context.is_disabled = 0


# Windows


def _style_counts(context: Context) -> tuple[int, ...]:
    return tuple(sorted((count) for count in context.styles.values() if count))


def _open(context: Context, kind: str, label: str, x: float, width: float) -> None:
    context.open.append(Open(kind, label, x, width, _style_counts(context)))


def _close(context: Context, kind: str) -> Open:
    if not context.open or context.open[-1].kind != kind:
        raise ApiMisuse(f"{kind} ends without being begun; open: {[entry.kind for entry in context.open]}")
    entry = context.open.pop()
    if entry.styles != _style_counts(context):
        raise ApiMisuse(f"{kind} {entry.label!r} ends with other styles, fonts or disabled parts than it began with")
    return entry


@imgui("SetNextWindowSize")
def set_next_window_size(_context: Context, _w: float, _h: float, _condition: int | None) -> None: ...


@imgui("Begin")
def begin(context: Context, name: str, closable: bool | None, flags: int | None) -> tuple[bool, bool]:
    """Whether the window shows, and whether it stays open. A new window takes the keyboard unless its flags say no."""
    if context.open:
        raise ApiMisuse(f"Begin inside of {context.open[-1].label!r}")
    if not context.title and not (flags or 0) & CONSTANTS["WindowFlags_NoFocusOnAppearing"]:
        context.take_focus()
    context.title = name.partition("##")[0]
    stays = not (closable and context.wanted_close)
    if context.is_hidden:
        return False, stays
    context.cursor = [PADDING, PADDING]
    context.line = (PADDING, PADDING, 0)
    _open(context, "window", name, PADDING, context.width - 2 * PADDING)
    return True, stays


@imgui("End")
def end(context: Context) -> None:
    _close(context, "window")


@imgui("BeginChild")
def begin_child(
    context: Context, name: str, _w: float | None, _h: float | None, _child: int | None, _window: int | None
) -> bool:
    _need_window(context)
    outside = context.open[-1]
    _note_id(context, name)
    _open(context, "child", name, outside.x + PADDING, outside.width - 2 * PADDING)
    context.cursor = [outside.x + PADDING, context.cursor[1] + PADDING]
    return True


@imgui("EndChild")
def end_child(context: Context) -> None:
    _close(context, "child")
    context.cursor = [context.open[-1].x, context.cursor[1] + PADDING]


@imgui("IsWindowFocused")
def is_window_focused(context: Context, _flags: int | None) -> bool:
    return context.has_focus


@imgui("GetWindowDrawList")
def get_window_draw_list(context: Context) -> DrawList:
    return DrawList(context)


@api("ImGui_DrawList_AddText")
def draw_list_add_text(_r: Call, drawing: DrawList, x: float, y: float, _colour: int, text: str) -> None:
    drawing.context.frame.append(Shown("text", text, None, x, y))


# Places


def _need_window(context: Context) -> None:
    if not context.open:
        raise ApiMisuse("this is drawn outside of a window; it would go to the window 'Debug'")


@imgui("GetContentRegionAvail")
def get_content_region_avail(context: Context) -> tuple[float, float]:
    _need_window(context)
    inside = context.open[-1]
    return max(0.0, inside.x + inside.width - context.cursor[0]), 400.0


@imgui("GetCursorPosX")
def get_cursor_pos_x(context: Context) -> float:
    return context.cursor[0]


@imgui("SetCursorPosX")
def set_cursor_pos_x(context: Context, x: float) -> None:
    context.cursor[0] = x


@imgui("GetScrollMaxY")
def get_scroll_max_y(_context: Context) -> float:
    return 0.0


@imgui("SameLine")
def same_line(context: Context, offset: float | None, spacing: float | None) -> None:
    end_x, y, _ = context.line
    gap = SPACING if spacing is None or spacing < 0 else spacing
    context.cursor = [offset + max(spacing or 0, 0) if offset else end_x + gap, y]


@imgui("NewLine")
def new_line(context: Context) -> None:
    _, y, height = context.line
    context.cursor = [context.open[-1].x, y + height + SPACING]


@imgui("SetNextItemWidth")
def set_next_item_width(context: Context, width: float) -> None:
    context.next_width = width


@imgui("AlignTextToFramePadding")
def align_text_to_frame_padding(_context: Context) -> None: ...


@imgui("CalcTextSize")
def calc_text_size(
    _context: Context, text: str, _hides: bool | None, _wrap: float | None
) -> tuple[float, float]:
    return float(CHAR_WIDTH * len(text)), float(LINE_HEIGHT)


@imgui("GetTextLineHeight")
def get_text_line_height(_context: Context) -> float:
    return float(LINE_HEIGHT)


# Items


def _note_id(context: Context, label: str) -> None:
    ids = context.open[-1].ids
    if label in ids:
        raise ApiMisuse(f"two widgets have the id {label!r}")
    ids.add(label)


def _put(context: Context, kind: str, label: str, value: Any, width: float, height: float = ROW) -> Shown:
    _need_window(context)
    x, y = context.cursor
    if kind != "text":
        _note_id(context, label)
    colours = [colour for index, colour in context.colours if index == CONSTANTS["Col_Text"]]
    if kind == "bar":
        colours = [colour for index, colour in context.colours if index == CONSTANTS["Col_PlotHistogram"]]
    shown = Shown(kind, label, value, x, y, width, colours[-1] if colours else None)
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
    _open(context, "combo", label, context.open[-1].x, context.open[-1].width)
    return True


@imgui("EndCombo")
def end_combo(context: Context) -> None:
    _close(context, "combo")


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
    """Ctrl+click would make a text field of it unless its flags say no."""
    if _is_over(context, label) and context.is_pressed(LEFT):
        context.activate(label)
    shown = (form or "%.3f").replace("%%", "%") if "%" not in (form or "%").replace("%%", "") else (form or "%.3f") % value
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


def _edit(context: Context, kind: str, label: str, value: str, hint: str, width: float, height: float) -> tuple[bool, str]:
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
def input_text_with_hint(
    context: Context, label: str, hint: str, value: str, _flags: int | None
) -> tuple[bool, str]:
    return _edit(context, "line", label, value, hint, _width(context), ROW)


@imgui("InputTextMultiline")
def input_text_multiline(
    context: Context, label: str, value: str, w: float | None, h: float | None, _flags: int | None
) -> tuple[bool, str]:
    return _edit(context, "lines", label, value, "", _width(context, w), h or 100)


@imgui("CollapsingHeader")
def collapsing_header(
    context: Context, label: str, _visible: bool | None, flags: int | None
) -> tuple[bool, None]:
    is_open = context.headers.setdefault(label, bool((flags or 0) & CONSTANTS["TreeNodeFlags_DefaultOpen"]))
    if _is_clicked(context, label):
        is_open = context.headers[label] = not is_open
    _put(context, "header", label, is_open, _width(context))
    return is_open, None


@imgui("ProgressBar")
def progress_bar(
    context: Context, fraction: float, w: float | None, h: float | None, overlay: str | None
) -> None:
    """Without a text, or with an empty one, it shows a number."""
    label = overlay if overlay else f"{fraction:.0%}"
    _need_window(context)
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
