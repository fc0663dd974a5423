"""Functions of extensions that scripts use where people have them: their names, arguments and results.

``Reaper(folder, extensions=("SWS", "ReaImGui"))`` has them. A line: name, arguments, results. Letters: c ImGui context, f ImGui
font, d ImGui draw list, s string, i integer, n number, b boolean; in brackets what may be left out.
"""

from __future__ import annotations

import re
from typing import Any

_TYPES = {
    "c": "ImGui_Context", "f": "ImGui_Font", "d": "ImGui_DrawList", "s": "string", "i": "integer", "n": "number",
    "b": "boolean",
}  # fmt: skip

#: github.com/reaper-oss/sws: ReaScript.cpp
SWS = """
CF_GetClipboard [s] s
CF_SetClipboard s -
NF_GetSWSMarkerRegionSub i s
"""

#: github.com/cfillion/reaimgui: api/*.cpp
REAIMGUI = """
ImGui_GetVersion - sis
ImGui_CreateContext s[i] c
ImGui_SetConfigVar cin -
ImGui_Attach cf -
ImGui_CreateFont s[ii] f
ImGui_PushFont cf[n] -
ImGui_PopFont c -
ImGui_PushStyleColor cii -
ImGui_PopStyleColor c[i] -
ImGui_PushStyleVar cin[n] -
ImGui_PopStyleVar c[i] -
ImGui_SetNextWindowSize cnn[i] -
ImGui_Begin cs[bi] bb
ImGui_End c -
ImGui_BeginChild cs[nnii] b
ImGui_EndChild c -
ImGui_IsWindowFocused c[i] b
ImGui_GetContentRegionAvail c nn
ImGui_GetCursorPosX c n
ImGui_SetCursorPosX cn -
ImGui_GetScrollMaxY c n
ImGui_SameLine c[nn] -
ImGui_NewLine c -
ImGui_Dummy cnn -
ImGui_SetNextItemWidth cn -
ImGui_AlignTextToFramePadding c -
ImGui_PushTextWrapPos c[n] -
ImGui_PopTextWrapPos c -
ImGui_Text cs -
ImGui_CalcTextSize cs[bn] nn
ImGui_GetTextLineHeight c n
ImGui_BeginDisabled c[b] -
ImGui_EndDisabled c -
ImGui_Button cs[nn] b
ImGui_Checkbox csb bb
ImGui_BeginCombo css[i] b
ImGui_EndCombo c -
ImGui_Selectable cs[binn] bb
ImGui_SliderDouble csnnn[si] bn
ImGui_InputTextWithHint csss[i] bs
ImGui_InputTextMultiline css[nni] bs
ImGui_CollapsingHeader cs[bi] bb
ImGui_ProgressBar cn[nns] -
ImGui_GetTime c n
ImGui_IsItemActive c b
ImGui_IsItemHovered c[i] b
ImGui_IsItemClicked c[i] b
ImGui_IsItemDeactivated c b
ImGui_GetItemRectMin c nn
ImGui_IsAnyMouseDown c b
ImGui_IsMouseDoubleClicked ci b
ImGui_GetMouseWheel c nn
ImGui_IsKeyPressed ci[b] b
ImGui_GetKeyMods c i
ImGui_GetWindowDrawList c d
ImGui_DrawList_AddText dnnis -
"""

_COLOURS = """
Text TextDisabled WindowBg ChildBg PopupBg Border FrameBg FrameBgHovered FrameBgActive TitleBg TitleBgActive ScrollbarBg
ScrollbarGrab ScrollbarGrabHovered CheckMark SliderGrab SliderGrabActive Button ButtonHovered ButtonActive Header HeaderHovered
HeaderActive PlotHistogram TextSelectedBg
"""
_SIZES = "WindowPadding ChildRounding FramePadding FrameRounding FrameBorderSize ItemSpacing GrabRounding"
#: Constants of ReaImGui are functions without arguments. Flags have a bit each; the others count.
CONSTANTS: dict[str, int] = {
    "ConfigVar_Flags": 0, "ConfigFlags_DockingEnable": 1 << 7, "Cond_FirstUseEver": 4, "FocusedFlags_AnyWindow": 4,
    "WindowFlags_NoCollapse": 1 << 5, "WindowFlags_NoFocusOnAppearing": 1 << 12, "ChildFlags_AlwaysUseWindowPadding": 2,
    "ChildFlags_AutoResizeY": 32, "FontFlags_Bold": 1, "SliderFlags_NoInput": 1 << 7, "TreeNodeFlags_DefaultOpen": 32,
    "Key_Space": 524, "Key_Escape": 526, "Key_Z": 571, "Mod_Ctrl": 1 << 12, "Mod_Shift": 1 << 13,
    **{f"Col_{name}": number for number, name in enumerate(_COLOURS.split())},
    **{f"StyleVar_{name}": number for number, name in enumerate(_SIZES.split())},
}  # fmt: skip
#: Style variables that take two numbers; the others take one.
TWO_NUMBERS = ("WindowPadding", "FramePadding", "ItemSpacing")


def _parameters(letters: str) -> tuple[list[dict[str, str]], list[int]]:
    required, _, optional = letters.strip("-]").partition("[")
    letters = required + optional
    parameters = [{"name": f"argument {number + 1}", "type": _TYPES[letter]} for number, letter in enumerate(letters)]
    return parameters, list(range(len(required), len(letters)))


def functions() -> dict[str, dict[str, Any]]:
    """Return all of them as the table of REAPER's own functions has them, each with its extension."""
    found: dict[str, dict[str, Any]] = {}
    for extension, table in (("SWS", SWS), ("ReaImGui", REAIMGUI)):
        for name, arguments, results in re.findall(r"(\S+) (\S+) (\S+)", table):
            parameters, optional = _parameters(arguments)
            found[name] = {
                "params": parameters, "optional": optional, "returns": [_TYPES[letter] for letter in results.strip("-")],
                "since": "6.24", "extension": extension,
            }  # fmt: skip
    constant = {"params": [], "optional": [], "returns": ["integer"], "since": "6.24", "extension": "ReaImGui"}
    return found | {f"ImGui_{name}": constant for name in CONSTANTS}
