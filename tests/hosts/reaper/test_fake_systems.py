"""Files and processes of the fake REAPER as Windows and macOS have them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import PATIENCE_S
from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.process import is_for_console, windows_words
from tests.support.fake_says import says
from tests.support.lua_modules import IMPORT

FOLDER = "local folder = [[%s]] "
WRITE = "local function write(name, text) local f = io.open(folder .. name, 'wb') f:write(text) f:close() end "
TELL = """
local function tell(ok, why, code)
  say(("%s %s %s;"):format(ok, why and (why:match(": (.*)") or why), code))
end
"""


@pytest.fixture(params=["Other", "Win64"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reaper]:
    """A REAPER whose files follow the rules of a system, with paths of this machine."""
    with Reaper(tmp_path, files_of=request.param) as r:
        yield r


def preface(r: Reaper) -> str:
    return FOLDER % f"{r.folder}/" + WRITE + TELL


def test_nothing_is_renamed_onto_a_file_on_windows(there: Reaper) -> None:
    code = """
        write("a", "1")
        write("b", "2")
        tell(os.rename(folder .. "a", folder .. "b"))
        tell(os.rename(folder .. "a", folder .. "c"))
    """
    found = says(there, preface(there) + code)
    if there.files.windows:
        assert found == "nil File exists 17;true nil nil;"
        assert ((there.folder / "b").read_text(), (there.folder / "c").read_text()) == ("2", "1")
    else:
        assert found == "true nil nil;nil No such file or directory 2;"
        assert (there.folder / "b").read_text() == "1"


def test_an_open_file_and_a_folder_stay_on_windows(there: Reaper) -> None:
    (there.folder / "empty").mkdir()
    code = """
        write('a', '1')
        local f = io.open(folder .. 'a', 'rb')
        tell(os.remove(folder .. 'a'))
        f:close()
        tell(os.remove(folder .. 'a'))
        tell(os.remove(folder .. 'empty'))
    """
    found = says(there, preface(there) + code)
    if there.files.windows:
        assert found == "nil Permission denied 13;true nil nil;nil Permission denied 13;"
    else:
        assert found == "true nil nil;nil No such file or directory 2;true nil nil;"


def test_another_program_may_hold_a_file(there: Reaper) -> None:
    there.files.hold(there.folder / "a", attempts=2)
    (there.folder / "a").write_text("1")
    code = """
        for i = 1, 3 do
          local f, why, code = io.open(folder .. "a", "rb")
          tell(f ~= nil, why, code)
          if f then f:close() end
        end
    """
    assert says(there, preface(there) + code) == "false Permission denied 13;" * 2 + "true nil nil;"


def test_the_scripts_own_files_come_right_on_both(there: Reaper) -> None:
    code = (
        IMPORT
        + (FOLDER % f"{there.folder}/")
        + """
        local files = import("shared/files")
        assert(files.write(folder .. "a", "old") and files.write(folder .. "a", "new"))
        assert(files.read(folder .. "a") == "new")
        assert(files.remove(folder .. "a"))
        reaper.ShowConsoleMsg(table.concat(files.names(folder), " "))
    """
    )
    there.run(code=code)
    assert there.console == ""


@pytest.fixture
def windows(tmp_path: Path) -> Iterator[Reaper]:
    """A REAPER on Windows, whose drive C: is the root of this machine."""
    with Reaper(tmp_path, os="Win64") as r:
        yield r


def test_paths_of_windows_lead_to_the_disk(windows: Reaper) -> None:
    code = (
        IMPORT
        + """
        local files = import("shared/files")
        local folder = files.join(reaper.GetResourcePath(), "AceBridge", "jobs")
        assert(files.make_folder(folder))
        assert(files.write(files.join(folder, "a b"), "x"))
        reaper.ShowConsoleMsg(table.concat(files.names(folder), " ") .. " " .. folder .. " " .. reaper.GetAppVersion())
        assert(reaper.file_exists(files.join(folder, "a b")))
    """
    )
    windows.run(code=code)
    jobs = windows.resource / "AceBridge" / "jobs"
    assert (jobs / "a b").read_text() == "x"
    shown = "C:" + str(jobs).replace("/", "\\")
    assert windows.console == f"a b {shown} 7.40/x64"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r'"C:\a b\x.exe" run "c d"', [r"C:\a b\x.exe", "run", "c d"]),
        (r'"C:\a b\x.exe" "a\\" b\c', [r"C:\a b\x.exe", "a\\", r"b\c"]),
        (r'x.exe a\"b "c\\\"d" ""', ["x.exe", 'a"b', r'c\"d', ""]),
        ("x.exe  a\tb ", ["x.exe", "a", "b"]),
        ("", []),
    ],
)  # fmt: skip
def test_command_lines_of_windows(line: str, words: list[str]) -> None:
    assert windows_words(line) == words


@pytest.mark.parametrize(
    ("program", "expected"), [(r"C:\x\acebridge.exe", True), (r"C:\x\pythonw.exe", False), ("/x/acebridgew", False)]
)
def test_which_programs_get_a_console(program: str, expected: bool) -> None:
    assert is_for_console(program) is expected


def test_closing_a_console_ends_what_runs_in_it(windows: Reaper, tmp_path: Path) -> None:
    script = tmp_path / "wait.py"
    script.write_text("import time; time.sleep(60)", "utf-8")
    program, file = (("C:" + path.replace("/", "\\")) for path in (sys.executable, str(script)))
    says(windows, f'reaper.ExecProcess([["{program}" "{file}"]], -2)')
    (process,) = windows.processes
    assert process.words == [sys.executable, str(script)]
    assert process.has_console
    process.close_console()
    assert not process.running


def test_urls_with_a_drive_lead_to_the_disk(windows: Reaper, tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text("import sys; print(sys.argv[1:])", "utf-8")
    url = f"file:///C:{tmp_path}"
    line = f'"C:{sys.executable}" "C:{script}" {url}'.replace("/", "\\", 1)
    found = says(windows, f"say(reaper.ExecProcess([[{line}]], 0))")
    assert found == f"0\n['file://{tmp_path}']\n"


@pytest.mark.parametrize(("system", "path"), [("macOS-arm64", "/usr/bin:/bin:/usr/sbin:/sbin"), ("Other", None)])
def test_programs_of_the_dock_have_a_short_path(tmp_path: Path, system: str, path: str | None) -> None:
    script = tmp_path / "tell.py"
    script.write_text("import os; print(os.environ['PATH'])", "utf-8")
    with Reaper(tmp_path, os=system) as r:
        says(r, f'reaper.ExecProcess([["{sys.executable}" "{script}"]], -2)')
        (process,) = r.processes
        assert process.wait(PATIENCE_S) == 0
        assert (process.output.strip() == path) is (path is not None)
