"""The files for Ardour: each is whole, as Ardour's Lua needs it, which keeps the code of one function and nothing around it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from acebridge.hosts.ardour.install import HOOK, hook_text
from acebridge.hosts.ardour.scripts import JOBS_HOOK, SCRIPTS, Script, assemble
from tests.support.paths import REAPER_SCRIPTS, ROOT

lua53: Any = importlib.import_module("lupa.lua53")

LIB = ROOT / "ardour_scripts" / "lib"
SHARED = REAPER_SCRIPTS / "lib" / "shared"
FOLDER = Path("/home/müller/my \"config\" \\ 'x'/acebridge")
#: Ardour's Lua lacks these.
ABSENT = ("require", "dofile", "debug", "coroutine", "package")

#: Tries a script as Ardour does before it lets a user add it (``LuaScripting::try_compile``): its factory is dumped, loaded
#: again, and called without files, programs and everything of Ardour's.
_TRY = """
function(text, absent)
  for name in pairs(absent) do _G[name] = nil end
  local about
  function ardour(facts) about = facts end
  assert(load(text))()
  local kept = assert(load(string.dump(factory, true), "factory", "b"))
  os, io = nil, nil
  return about, kept({})
end
"""


def run_factory(text: str) -> tuple[Any, Any]:
    lua = lua53.LuaRuntime(unpack_returned_tuples=True)
    about, function = lua.eval(_TRY)(text, lua.table_from(dict.fromkeys(ABSENT, True)))
    return about, function


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.file)
def test_each_script_is_whole(script: Script) -> None:
    about, function = run_factory(assemble(script, FOLDER))
    assert about["name"] == script.name
    assert about["type"] == ("EditorHook" if script is JOBS_HOOK else "EditorAction")
    assert about["description"] == script.about
    assert lua53.lua_type(function) == "function"


def test_the_hook_that_follows_can_be_added() -> None:
    about, function = run_factory(hook_text())
    assert about["name"] == HOOK
    assert lua53.lua_type(function) == "function"


def test_every_module_is_used_and_loads_by_itself() -> None:
    names = {path.stem for path in LIB.glob("*.lua")} | {f"shared/{path.stem}" for path in SHARED.glob("*.lua")}
    texts = [assemble(script, FOLDER) for script in SCRIPTS]
    used = {name for text in texts for name in re.findall(r'modules\["([\w/]+)"\]', text)}
    assert used == names | {"own_folder"}
    lua = lua53.LuaRuntime(unpack_returned_tuples=True)
    for path in (*LIB.glob("*.lua"), *SHARED.glob("*.lua")):
        found = lua.eval("load")(path.read_text("utf-8"))
        assert not isinstance(found, tuple), found


def test_the_folder_is_said_in_ascii() -> None:
    text = assemble(JOBS_HOOK, FOLDER)
    line = next(line for line in text.splitlines() if 'modules["own_folder"]' in line)
    assert line.isascii()
    module = line.strip().removeprefix('modules["own_folder"] = ')
    own = lua53.LuaRuntime().eval(f"({module})()()")
    assert own["path"] == str(FOLDER)


def test_names_and_files_are_unique() -> None:
    for values in ([script.file for script in SCRIPTS], [script.name for script in SCRIPTS]):
        assert len(set(values)) == len(values)


def test_no_module_uses_what_ardour_lacks() -> None:
    for path in LIB.glob("*.lua"):
        code = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
        assert not re.search(rf"\b({'|'.join(ABSENT)})\b[.(]", code), path.name
