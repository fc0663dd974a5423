"""The shared leaf modules of the scripts, loaded without REAPER: a Lua state whose `reaper` has only what they need.

REAPER 6 runs Lua 5.3, REAPER 7 Lua 5.4: `use_lua` says which one is meant from then on, also by what is there already.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.paths import REAPER_SCRIPTS

LIB = REAPER_SCRIPTS / "lib"

#: What gives a script in the fake REAPER `import`.
IMPORT = f"""
local loaded = {{}}
local import
function import(name)
  loaded[name] = loaded[name] or dofile([[{LIB}/]] .. name .. ".lua")(import)
  return loaded[name]
end
"""

LUAS = ("5.3", "5.4")
_lua = LUAS[-1]


def use_lua(version: str) -> None:
    """Run all modules in this Lua from now on."""
    global _lua
    assert version in LUAS
    _lua = version


_LOAD = """
function(folder, reaper_of_test, unavailable)
  reaper = reaper_of_test
  for name in pairs(unavailable) do _G[name] = nil end
  local loaded = {}
  local function import(name)
    if not loaded[name] then loaded[name] = dofile(folder .. "/" .. name .. ".lua")(import) end
    return loaded[name]
  end
  return import
end
"""


class Leaves:
    """A Lua state with the modules in it. Text is bytes on both sides, as it is for Lua."""

    def __init__(self, system: str = "Other", unavailable: tuple[str, ...] = (), **api: Callable[..., Any]) -> None:
        self.extension: dict[tuple[bytes, bytes], bytes] = {}
        self.messages: list[str] = []
        self.commands: list[tuple[bytes, int]] = []
        functions: dict[str, Any] = {
            "GetOS": lambda: system.encode(),
            "file_exists": lambda path: Path(os.fsdecode(path)).is_file(),
            "RecursiveCreateDirectory": self._make_folder,
            "EnumerateFiles": lambda path, i: _entry(path, i, Path.is_file),
            "EnumerateSubdirectories": lambda path, i: _entry(path, i, Path.is_dir),
            "GetExtState": lambda section, key: self.extension.get((section, key), b""),
            "SetExtState": lambda section, key, value, _persist: self.extension.__setitem__((section, key), value),
            "DeleteExtState": lambda section, key, _persist: self.extension.pop((section, key), None),
            "GetResourcePath": lambda: b"/nowhere",
            "MB": lambda text, _title, _kind: self.messages.append(text.decode()) or 1,
            "ExecProcess": lambda command, timeout: self.commands.append((command, timeout)),
            **api,
        }
        self._functions, self._unavailable = functions, unavailable
        self._states: dict[str, tuple[Any, Any]] = {}

    def _state(self) -> tuple[Any, Any]:
        """The state of the Lua that is meant, and the function that loads a module in it."""
        if _lua not in self._states:
            lupa = importlib.import_module(f"lupa.lua{_lua.replace('.', '')}")
            lua = lupa.LuaRuntime(encoding=None, unpack_returned_tuples=True)
            table = lua.table_from({name.encode(): function for name, function in self._functions.items()})
            absent = lua.table_from({name.encode(): True for name in self._unavailable})
            self._states[_lua] = lua, lua.eval(_LOAD)(os.fsencode(LIB), table, absent)
        return self._states[_lua]

    @property
    def lua(self) -> Any:
        """The Lua state."""
        return self._state()[0]

    def load(self, name: str) -> Any:
        """Return a module's table."""
        return self._state()[1](name.encode())

    def load_function(self) -> Any:
        """Return the function that loads a module, for code of a test."""
        return self._state()[1]

    def __getitem__(self, name: str) -> Any:
        return _Module(self, name)

    def environment(self, variables: dict[str, str]) -> None:
        """Let the scripts see these variables and no others."""
        values = self.lua.table_from({name.encode(): value.encode() for name, value in variables.items()})
        self.lua.eval("function(values) os.getenv = function(name) return values[name] end end")(values)

    @staticmethod
    def _make_folder(path: bytes, _ignored: int) -> int:
        try:
            Path(os.fsdecode(path)).mkdir(parents=True)
        except OSError:
            return 0
        return 1


class _Module:
    """Gives the functions of a module by name, in the Lua that is meant when they are asked for."""

    def __init__(self, leaves: Leaves, name: str) -> None:
        self._leaves, self._name = leaves, name

    @property
    def table(self) -> Any:
        """The module itself."""
        return self._leaves.load(self._name)

    def __getattr__(self, name: str) -> Any:
        return self.table[name.encode()]


def _entry(path: bytes, index: int, wanted: Callable[[Path], bool]) -> bytes | None:
    try:
        found = sorted(entry.name for entry in Path(os.fsdecode(path)).iterdir() if wanted(entry))
    except OSError:
        return None
    return os.fsencode(found[index]) if 0 <= index < len(found) else None
