"""The windows of the fake REAPER: what gfx draws becomes pixels, clicks take the keyboard, ReaImGui refuses what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_reaper import ApiMisuse, Reaper
from tests.support.fake_reaper.gfx import key_code
from tests.support.fake_says import says

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def draw(r: Reaper, code: str) -> Any:
    """Draw in a window of 40 by 30 pixels; return its picture."""
    r.start(code=f"gfx.init('T', 40, 30) gfx.clear = 0 {code} gfx.update() reaper.defer(function() end)")
    r.check()
    return r.window().picture()


def test_boxes_and_circles_have_their_pixels(r: Reaper) -> None:
    image = draw(r, "gfx.set(1, 0, 0) gfx.rect(3, 4, 10, 5) gfx.set(0, 1, 0) gfx.circle(25, 15, 5, 1, 1)")
    assert image.size == (40, 30)
    colours = {colour: number for number, colour in image.getcolors(1 << 20)}
    assert colours[RED] == 50
    assert (image.getpixel((3, 4)), image.getpixel((12, 8)), image.getpixel((13, 8))) == (RED, RED, BLACK)
    assert (image.getpixel((25, 15)), image.getpixel((21, 15)), image.getpixel((20, 10))) == (GREEN, GREEN, BLACK)
    assert 70 <= colours[GREEN] <= 100  # and its edge is mixed


def test_lines_triangles_frames_and_the_background(r: Reaper) -> None:
    image = draw(
        r,
        """
        gfx.clear = 0x332211
        gfx.set(1, 0, 0) gfx.line(2, 2, 20, 2) gfx.set(0, 1, 0) gfx.triangle(5, 10, 15, 10, 5, 20)
        gfx.rect(25, 10, 10, 10, 0) gfx.roundrect(25, 22, 10, 6, 2, 1)""",
    )
    assert image.getpixel((38, 28)) == (0x11, 0x22, 0x33)  # blue first
    assert image.getpixel((10, 2))[0] > 150
    assert image.getpixel((7, 13)) == GREEN
    assert image.getpixel((14, 19)) == (0x11, 0x22, 0x33)
    assert (image.getpixel((25, 15)), image.getpixel((30, 15))) == (GREEN, (0x11, 0x22, 0x33))


def test_what_is_half_transparent_is_mixed(r: Reaper) -> None:
    assert draw(r, "gfx.set(1, 0, 0, 0.5) gfx.rect(0, 0, 9, 9)").getpixel((4, 4)) == (128, 0, 0)


def test_texts_are_as_wide_as_they_are_measured(r: Reaper) -> None:
    image = draw(r, "gfx.set(1, 1, 1) gfx.setfont(1, 'Arial', 14) gfx.x, gfx.y = 2, 5 gfx.drawstr('MMM')")
    text = r.window().find("MMM")
    left, top, right, bottom = image.getbbox()
    assert abs(right - left - text.w) <= 3
    assert text.y <= top
    assert bottom <= text.y + text.h
    assert text.h == 14
    widths = says(
        r,
        """
        gfx.setfont(1, 'Arial', 14) gfx.setfont(2, 'Arial', 28)
        gfx.setfont(1) local small, wide = gfx.measurestr('iii'), gfx.measurestr('MMM')
        gfx.setfont(2) say(tostring(wide > 2 * small) .. ' ' .. tostring(math.abs(gfx.measurestr('iii') - 2 * small) <= 2))""",
    )
    assert widths == "true true"


def test_a_call_without_a_picture_says_so(r: Reaper) -> None:
    with pytest.raises(NotImplementedError, match=r"gfx\.blit"):
        draw(r, "gfx.blit(0, 1, 0)")


@pytest.mark.parametrize(
    ("name", "code"), [("a", 97), ("é", 233), ("한", 0x7500D55C), ("up", 30064), ("home", 0x686F6D65)]
)
def test_key_codes(name: str, code: int) -> None:
    assert key_code(name) == code


FOCUS = """
gfx.init("T", 100, 100)
reaper.SetCursorContext(1, nil)
local function f()
  local key = gfx.getchar()
  if key > 0 then reaper.ShowConsoleMsg(key .. " ") end
  reaper.defer(f)
end
f()
"""


def test_a_click_takes_the_keyboard_and_a_movement_does_not(r: Reaper) -> None:
    r.start(code=FOCUS)
    r.window().mouse(50, 50)
    r.tick()
    assert r.user.press(ord("a")) is True
    r.window().mouse(50, 50, 1)
    r.tick()
    assert r.user.press(ord("b")) is False
    r.tick()
    assert r.console == "98.0 "
    r.window().mouse(500, 50, 0)
    r.window().mouse(500, 50, 1)  # beside the window
    r.window().has_focus = False
    r.tick(2)
    assert r.user.press(ord("c")) is True


def test_screens_have_a_scale(tmp_path: Path) -> None:
    ask = """
        gfx.ext_retina = %d
        gfx.init("T", 100, 50)
        local _, _, _, w = gfx.dock(-1, 0, 0, 0)
        say(gfx.w .. " " .. w .. " " .. gfx.ext_retina)"""
    for os, asks, expected in (
        ("OSX64", 1, "200.0 100.0 2.0"),
        ("OSX64", 0, "100.0 100.0 0.0"),
        ("Win64", 1, "100.0 100.0 2.0"),
    ):
        with Reaper(tmp_path, os=os) as r:
            r.screen_scale = 2.0
            assert says(r, ask % asks) == expected


def test_a_viewport_is_the_nearest_screen(r: Reaper) -> None:
    r.screens = [(0, 0, 1920, 1080), (1920, 0, 3840, 1080)]
    ask = "say(table.concat({ reaper.my_getViewport(0, 0, 0, 0, %d, 10, %d, 20, true) }, ' '))"
    assert says(r, ask % (2000, 2100)) == "1920 0 3840 1080"
    assert says(r, ask % (-500, -400)) == "0 0 1920 1080"


# ReaImGui


BEGIN = "local ctx = reaper.ImGui_CreateContext('T') reaper.ImGui_Begin(ctx, 'W') "
END = " reaper.ImGui_End(ctx) reaper.defer(function() end)"


@pytest.mark.parametrize(
    ("code", "says_what"),
    [
        ("local ctx = reaper.ImGui_CreateContext('T') reaper.ImGui_End(ctx)", "window ends without being begun"),
        (BEGIN, "a frame ends in which these are open: ['W']"),
        (BEGIN + "reaper.ImGui_EndChild(ctx)", "child ends without being begun"),
        (BEGIN + "reaper.ImGui_EndCombo(ctx)", "combo ends without being begun"),
        (BEGIN + "reaper.ImGui_BeginChild(ctx, 'C')" + END, "window ends without being begun"),
        (BEGIN + "reaper.ImGui_PushStyleColor(ctx, 0, 255)" + END, "ends with other styles"),
        (BEGIN + "reaper.ImGui_PopStyleColor(ctx)" + END, "more is popped than there is of PushStyleColor"),
        (BEGIN + "reaper.ImGui_PushStyleVar(ctx, reaper.ImGui_StyleVar_ItemSpacing(), 1)" + END, "takes two numbers"),
        (BEGIN + "reaper.ImGui_Button(ctx, 'a') reaper.ImGui_Button(ctx, 'a')" + END, "two widgets have the id 'a'"),
        ("reaper.ImGui_Text(reaper.ImGui_CreateContext('T'), 'x')", "outside of a window"),
        ("reaper.ImGui_CreateContext('')", "a label is required"),
        ("reaper.ImGui_CreateFont('sans-serif', 14, 1)", "takes a family and flags"),
        (BEGIN + "reaper.ImGui_PushFont(ctx, reaper.ImGui_CreateFont('serif'), 12)", "is not attached"),
        ("reaper.ImGui_Begin(1, 'W')", "has to be ImGui_Context"),
    ],
)  # fmt: skip
def test_what_reaimgui_does_not_take(tmp_path: Path, code: str, says_what: str) -> None:
    with Reaper(tmp_path, extensions=("ReaImGui",)) as r:
        r.start(code=code)
        r.tick(2)
        assert says_what in " ".join(r.faults)


def test_a_context_that_nobody_uses_ends(tmp_path: Path) -> None:
    code = """
        local ctx, ticks = reaper.ImGui_CreateContext("T"), 0
        local function f()
          ticks = ticks + 1
          if (ticks < 3 or ticks > 6) and reaper.ImGui_Begin(ctx, "W") then reaper.ImGui_End(ctx) end
          reaper.defer(f)
        end
        f()"""
    with Reaper(tmp_path, extensions=("ReaImGui",)) as r:
        r.start(code=code)
        r.tick(4)
        r.check()
        r.tick(5)
        with pytest.raises(ApiMisuse, match="the context has ended"):
            r.check()


def test_extensions_are_there_where_people_have_them(tmp_path: Path) -> None:
    ask = "say(tostring(reaper.APIExists('CF_GetClipboard')) .. ' ' .. tostring(reaper.APIExists('ImGui_Begin')))"
    for extensions, expected in (((), "false false"), (("SWS",), "true false"), (("ReaImGui",), "false true")):
        with Reaper(tmp_path, extensions=extensions) as r:
            assert says(r, ask) == expected


def test_old_fonts_have_their_size_from_the_beginning(tmp_path: Path) -> None:
    code = """
        local ctx, font = reaper.ImGui_CreateContext("T"), reaper.ImGui_CreateFont("serif", 14)
        reaper.ImGui_Attach(ctx, font)
        reaper.ImGui_PushFont(ctx, font)
        reaper.ImGui_PopFont(ctx)"""
    for version, works in (("0.9.3", True), ("0.10", False)):
        with Reaper(tmp_path, extensions=("ReaImGui",)) as r:
            r.reaimgui = version
            r.start(code=code)
            assert (not r.faults) == works
