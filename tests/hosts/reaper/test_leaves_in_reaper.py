"""Form, settings, files and window in the fake REAPER, which checks every call against REAPER's own list of functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_reaper import Reaper
from tests.support.lua_modules import IMPORT

FORM = """
local values = import("form").ask("AceBridge: Test", {
  { key = "style", caption = "Style (genre, mood)", kind = "text", optional = true },
  { key = "takes", caption = "Takes", kind = "integer", allowed = { 1, 8 }, default = 1 },
}, { style = "it's late" })
reaper.ShowConsoleMsg(values and import("json").encode(values) or "cancelled")
"""

WINDOW = """
local window = import("window")
window.open("AceBridge")
local rows = {
  { id = "a", title = "Repaint", state = "running", stage = "Painting", fraction = 0.5, note = "" },
  { id = "b", title = "Cover", state = "failed", note = "The disk is full.", remedy = "Free some space." },
}
local function tick()
  local event = window.draw(rows)
  if event then reaper.ShowConsoleMsg(table.concat(event, " ") .. "\\n") end
  if event and event[1] == "close" then return window.close() end
  reaper.defer(tick)
end
tick()
"""


@pytest.fixture
def r(tmp_path: Path) -> Iterator[Reaper]:
    with Reaper(tmp_path, resource="리소스 'x'") as reaper:
        yield reaper


def test_a_form(r: Reaper) -> None:
    r.form(**{"Style": "jazz, slow", "Takes": 9})
    r.form(**{"Takes": 3})
    r.run(code=IMPORT + FORM)
    assert r.console == '{"style":"jazz, slow","takes":3}'
    assert r.messages == ['Takes is "9"; allowed: a whole number from 1 to 8.']
    assert r.dialogs[0] == ("AceBridge: Test", ["Style (genre; mood)", "Takes"], ["it’s late", "1"])
    assert r.dialogs[1][2] == ["jazz, slow", "9"]


def test_a_form_that_is_cancelled(r: Reaper) -> None:
    r.form(None)
    r.run(code=IMPORT + FORM)
    assert (r.console, r.messages) == ("cancelled", [])


def test_settings_last(r: Reaper) -> None:
    r.run(code=IMPORT + 'import("settings").set("context_s", 12.5)')
    r.run(code=IMPORT + 'reaper.ShowConsoleMsg(tostring(import("settings").get("context_s")))')
    assert r.console == "12.5"


def test_files_and_waves(r: Reaper) -> None:
    r.run(
        code=IMPORT
        + """
        local files, wav = import("files"), import("wav")
        local folder = files.join(reaper.GetResourcePath(), "AceBridge", "jobs")
        assert(files.make_folder(folder) and files.make_folder(folder))
        assert(files.touch(files.join(folder, "cancel")))
        local writer = assert(wav.create(files.join(folder, "a.wav"), 44100, 2))
        assert(writer:add({ 0.5, -0.5, 0.25, -0.25 }, 4))
        assert(writer:close() == 2)
        reaper.ShowConsoleMsg(table.concat(files.names(folder), " "))
        reaper.ShowConsoleMsg(" " .. table.concat(files.folders(files.join(reaper.GetResourcePath(), "AceBridge")), " "))
        assert(import("command").start(files.join(folder, "a.wav"), "x y") == nil)
        """
    )
    assert r.console == "a.wav cancel jobs"


def test_the_window(r: Reaper) -> None:
    script = r.start(code=IMPORT + WINDOW)
    r.tick(2)
    window = r.window(script)
    assert [text.text for text in window.texts] == [
        "Cancel",
        "Repaint",
        "Painting",
        "Cover",
        "The disk is full.",
        "Free some space.",
    ]
    window.click("Cancel")
    r.tick(4)
    assert r.console == "cancel a\n"
    assert "Stopping" in window
    window.resize(800, 400)
    r.tick(2)
    window.key(27)
    r.finish()
    assert r.console == "cancel a\nclose\n"
    assert not window.is_open
    again = r.start(code=IMPORT + WINDOW)
    assert r.window(again).size == (800, 400)
    r.window(again).close_by_user()
    r.finish()
    assert r.console.endswith("close\n")
