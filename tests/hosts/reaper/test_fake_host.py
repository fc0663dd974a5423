"""What surrounds the scripts in the fake REAPER: processes, time, dialogs, disks, windows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import PATIENCE_S
from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.process import words_of
from tests.support.fake_says import says

RATE_HZ = 44_100


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ('"a b" c', ["a b", "c"]),
        ('"/x y/z" run "" q', ["/x y/z", "run", "", "q"]),
        ("a 'b c' $HOME \\n *", ["a", "'b", "c'", "$HOME", "\\n", "*"]),
        ('a"b c"d', ["ab cd"]),
        ("", []),
    ],
)
def test_command_lines_know_double_quotes_only(command: str, words: list[str]) -> None:
    assert words_of(command) == words


def test_processes_are_real_and_awaited(r: Reaper, tmp_path: Path) -> None:
    r.environment["FAKE_WORD"] = "한"
    script = tmp_path / "a b.py"
    script.write_text("import os, time; time.sleep(0.2); print(os.environ['FAKE_WORD'])", "utf-8")
    code = f"""
        local got = reaper.ExecProcess([["{sys.executable}" "{script}"]], -2)
        say(got .. tostring(reaper.ExecProcess("/nowhere/x", -2)) .. os.getenv("FAKE_WORD"))
    """
    assert says(r, code) == "0\nnil한"
    assert r.longest_tick_ms < 5
    (process,) = r.processes
    assert process.wait(PATIENCE_S) == 0
    assert process.output == "한\n"
    assert says(r, f'say(reaper.ExecProcess([["{sys.executable}" "{script}"]], 0))') == "0\n한\n"
    assert r.longest_tick_ms > 150


def test_ticks_cost_what_is_done_in_them(r: Reaper) -> None:
    r.run(code="for i = 1, 1000000 do end reaper.defer(function() for i = 1, 1000 do reaper.CountTracks(0) end end)")
    assert r.ticks[0] == pytest.approx(1e6 * 15e-9 * 1000, rel=0.05)
    # 1000 calls of 2 us; what Lua does around them comes on top.
    assert 2.0 < r.ticks[1] < 3.0
    ticks = list(r.ticks)
    with Reaper(r.folder / "again", rate=RATE_HZ) as other:
        other.run(
            code="for i = 1, 1000000 do end reaper.defer(function() for i = 1, 1000 do reaper.CountTracks(0) end end)"
        )
        assert other.ticks == ticks


def test_coroutines_and_packing_cost_as_well(r: Reaper) -> None:
    r.run(code="local co = coroutine.wrap(function() for i = 1, 1000000 do end end) co() reaper.defer(function() end)")
    assert r.ticks[0] == pytest.approx(15, rel=0.05)
    r.run(code="local list = {} for i = 1, 1000 do list[i] = i end for i = 1, 1000 do table.unpack(list) end")
    assert r.ticks[-1] == pytest.approx(1000 * 1000 * 15e-6, rel=0.05)


def test_virtual_time_goes_in_thirtieths(r: Reaper) -> None:
    r.start(code="local t = {} local function f() t[#t + 1] = reaper.time_precise() if #t < 4 then reaper.defer(f) else "
                 "for i = 2, 4 do reaper.ShowConsoleMsg(('%.4f '):format(t[i] - t[i - 1])) end end end f()")  # fmt: skip
    r.finish()
    assert [round(float(step) * 30) for step in r.console.split()[1:]] == [1, 1]


def test_dialogs_are_answered_by_caption(r: Reaper) -> None:
    code = r"""
        local ok, values = reaper.GetUserInputs("T", 3, "Style,Seed (a number),Takes,extrawidth=100,separator=\n", "a\n\n1")
        say(tostring(ok) .. values .. reaper.MB("hello", "T", 4))
    """
    r.form(Style="x, y", Seed=7)
    r.answer(7, 7, 7)
    assert says(r, code) == "truex, y\n7\n17"
    assert r.messages == ["hello"]
    r.form(None)
    assert says(r, code).startswith("false")
    r.form(lambda captions, values: [*captions[:2], *values[2:]])
    assert says(r, code) == "trueStyle\nSeed (a number)\n17"


def test_a_full_disk_says_so(r: Reaper, tmp_path: Path) -> None:
    r.disk_full_after(10)
    code = f"""
        local f = io.open([[{tmp_path}/x.bin]], "wb")
        say(tostring(f:write("12345") == f) .. io.type(f))
        local ok, why, number = f:write("1234567")
        say(tostring(ok) .. why .. number)
        f:close()
        say(io.type(f))
    """
    assert says(r, code) == "truefilenilNo space left on device28closed file"
    assert (tmp_path / "x.bin").read_bytes() == b"1234512345"


def test_failures_can_be_ordered(r: Reaper) -> None:
    track = r.project.add_track()
    r.fail_next("AddMediaItemToTrack")
    code = "local t = reaper.GetTrack(0, 0) for i = 1, 2 do say(type(reaper.AddMediaItemToTrack(t)) .. ' ') end"
    assert says(r, code) == "nil userdata "
    assert len(track.items) == 1


def test_a_relaunch_ends_the_running_copy(r: Reaper) -> None:
    code = """
        reaper.set_action_options(3)
        reaper.atexit(function() reaper.ShowConsoleMsg("end ") end)
        local function f() reaper.defer(f) end
        f()
    """
    first = r.start(code=code)
    r.tick(3)
    second = r.start(code=code)
    assert (first.ended, second.ended, r.console) == (True, False, "end ")
    second.end()
    r.finish()
    assert r.console == "end end "


def test_a_window_is_seen_and_clicked(r: Reaper) -> None:
    r.start(
        code="""
        gfx.init("Jobs", 400, 200)
        local pressed = 0
        local function draw()
          local above = gfx.mouse_x >= 300 and gfx.mouse_x < 348 and gfx.mouse_y < 20
          if above and gfx.mouse_cap & 1 == 1 then pressed = pressed + 1 end
          gfx.x, gfx.y = 300, 4
          gfx.drawstr("Cancel")
          gfx.x, gfx.y = 8, 4
          gfx.drawstr("pressed " .. pressed)
          gfx.update()
          local key = gfx.getchar()
          if key ~= 27 and key >= 0 then reaper.defer(draw) else gfx.quit() end
        end
        draw()
        """
    )
    window: Any = r.window()
    r.tick()
    assert (window.title, window.size, window.find("Cancel").w) == ("Jobs", (400, 200), 48)
    assert "pressed 0" in window
    window.click("Cancel")
    r.tick(4)
    assert "pressed 1" in window
    window.key(27)
    r.finish()
    assert not window.is_open


def test_a_script_that_does_not_end_is_distinguished(r: Reaper) -> None:
    r.start(code="local function f() reaper.defer(f) end f()")
    with pytest.raises(AssertionError, match="still running"):
        r.finish(timeout_s=0.1)
