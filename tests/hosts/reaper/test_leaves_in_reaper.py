"""Form, settings and files in the fake REAPER, which checks every call against REAPER's own list of functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_reaper import Reaper
from tests.support.lua_modules import IMPORT

FORM = """
local values = import("shared/form").ask("AceBridge: Test", {
  { key = "style", caption = "Style (genre, mood)", kind = "text", optional = true },
  { key = "takes", caption = "Takes", kind = "integer", allowed = { 1, 8 }, default = 1 },
}, { style = "it's late" })
reaper.ShowConsoleMsg(values and import("shared/json").encode(values) or "cancelled")
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
        local files, wav = import("shared/files"), import("shared/wav")
        local folder = files.join(reaper.GetResourcePath(), "AceBridge", "jobs")
        assert(files.make_folder(folder) and files.make_folder(folder))
        assert(files.touch(files.join(folder, "cancel")))
        local writer = assert(wav.create(files.join(folder, "a.wav"), 44100, 2))
        assert(writer:add({ 0.5, -0.5, 0.25, -0.25 }, 4))
        assert(writer:close() == 2)
        reaper.ShowConsoleMsg(table.concat(files.names(folder), " "))
        reaper.ShowConsoleMsg(" " .. table.concat(files.folders(files.join(reaper.GetResourcePath(), "AceBridge")), " "))
        assert(import("shared/command").start(files.join(folder, "a.wav"), "x y") == nil)
        """
    )
    assert r.console == "a.wav cancel jobs"
