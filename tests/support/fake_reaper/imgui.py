"""ReaImGui, as far as scripts use it: immediate mode, checked. What is begun has to end, and only what was really begun.

Unlike Dear ImGui, End and EndChild belong to a Begin and BeginChild that returned true, as ReaImGui has it. A context that is
not used in a tick ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.fake_reaper.api import ApiMisuse, api, version_of
from tests.support.fake_reaper.extensions import CONSTANTS, TWO_NUMBERS
from tests.support.fake_reaper.imgui_context import (
    CHAR_WIDTH,
    LINE_HEIGHT,
    Context,
    DrawList,
    Entry,
    Font,
    Open,
)

Call = Any
PADDING, SPACING, ROW = 12, 8, 26  # pixels
_TWO_NUMBERS = {CONSTANTS[f"StyleVar_{name}"] for name in TWO_NUMBERS}


def imgui(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function of a context be ``ImGui_name``; its first call in a tick begins a frame."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(_r: Call, context: Context, *arguments: Any) -> Any:
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
        raise ApiMisuse(
            f"ImGui_PushStyleVar: variable {index} takes {'two numbers' if second is None else 'one number'}"
        )
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


def note_id(context: Context, label: str) -> None:
    ids = context.open[-1].ids
    if label in ids:
        raise ApiMisuse(f"two widgets have the id {label!r}")
    ids.add(label)


def _style_counts(context: Context) -> tuple[int, ...]:
    return tuple(sorted((count) for count in context.styles.values() if count))


def start(context: Context, kind: str, label: str, x: float, width: float) -> None:
    context.open.append(Open(kind, label, x, width, _style_counts(context)))


def close(context: Context, kind: str) -> Open:
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
    start(context, "window", name, PADDING, context.width - 2 * PADDING)
    return True, stays


@imgui("End")
def end(context: Context) -> None:
    close(context, "window")


@imgui("BeginChild")
def begin_child(
    context: Context, name: str, _w: float | None, _h: float | None, _child: int | None, _window: int | None
) -> bool:
    need_window(context)
    outside = context.open[-1]
    note_id(context, name)
    start(context, "child", name, outside.x + PADDING, outside.width - 2 * PADDING)
    context.cursor = [outside.x + PADDING, context.cursor[1] + PADDING]
    return True


@imgui("EndChild")
def end_child(context: Context) -> None:
    close(context, "child")
    context.cursor = [context.open[-1].x, context.cursor[1] + PADDING]


@imgui("IsWindowFocused")
def is_window_focused(context: Context, _flags: int | None) -> bool:
    return context.has_focus


@imgui("GetWindowDrawList")
def get_window_draw_list(context: Context) -> DrawList:
    return DrawList(context)


@api("ImGui_DrawList_AddText")
def draw_list_add_text(_r: Call, drawing: DrawList, x: float, y: float, _colour: int, text: str) -> None:
    drawing.context.frame.append(Entry("text", text, None, x, y))


# Places


def need_window(context: Context) -> None:
    if not context.open:
        raise ApiMisuse("this is drawn outside of a window; it would go to the window 'Debug'")


@imgui("GetContentRegionAvail")
def get_content_region_avail(context: Context) -> tuple[float, float]:
    need_window(context)
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
def calc_text_size(_context: Context, text: str, _hides: bool | None, _wrap: float | None) -> tuple[float, float]:
    return float(CHAR_WIDTH * len(text)), float(LINE_HEIGHT)


@imgui("GetTextLineHeight")
def get_text_line_height(_context: Context) -> float:
    return float(LINE_HEIGHT)
