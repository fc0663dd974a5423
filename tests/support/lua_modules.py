"""The shared leaf modules of the scripts, loaded without REAPER: a Lua state whose `reaper` has only what they need."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lupa.lua54 as lupa

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
        self.lua = lupa.LuaRuntime(encoding=None, unpack_returned_tuples=True)
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
        table = self.lua.table_from({name.encode(): function for name, function in functions.items()})
        absent = self.lua.table_from({name.encode(): True for name in unavailable})
        self._import = self.lua.eval(_LOAD)(os.fsencode(LIB), table, absent)

    def __getitem__(self, name: str) -> Any:
        return _Module(self._import(name.encode()))

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
    """Gives the functions of a module by name."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __getattr__(self, name: str) -> Any:
        return self.table[name.encode()]


def _entry(path: bytes, index: int, wanted: Callable[[Path], bool]) -> bytes | None:
    try:
        found = sorted(entry.name for entry in Path(os.fsdecode(path)).iterdir() if wanted(entry))
    except OSError:
        return None
    return os.fsencode(found[index]) if 0 <= index < len(found) else None
