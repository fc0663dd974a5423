"""A running script: a Lua state of its own with the prelude around it, its deferred functions, and what it leaves behind."""

from __future__ import annotations

import importlib
import os
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.daemon import PATIENCE_S
from tests.support.fake_reaper import api, clock
from tests.support.fake_reaper.gfx import DRAWING, Window

_PRELUDE = (Path(__file__).parent / "prelude.lua").read_bytes()


class Script:
    """One started action. ``deferred`` is what runs in the next tick; without any, the script ends."""

    def __init__(self, reaper: Any, path: Path, code: bytes) -> None:
        self.reaper, self.path, self.source = reaper, path, code
        self.name = path.name
        self.deferred: list[Any] = []
        self.at_exits: list[Any] = []
        self.accessors: list[api.AudioAccessor] = []
        self.refresh = 0
        self.options = 0
        self.ended = False
        self.has_deferred = False
        self.own_undo = False
        self.open_blocks = 0
        self.calls: Counter[str] = Counter()  # of the API, in the present tick
        self.window = Window(reaper)
        self._real_start = time.monotonic()
        self._lupa = importlib.import_module(f"lupa.lua{reaper.lua.replace('.', '')}")
        self.lua = self._lupa.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False,
            attribute_filter=_no_attributes,
        )  # fmt: skip
        self._kept, self._kept_ids = self.lua.table(), set[int]()
        self._host = self.lua.table_from(
            {
                b"call": self._call, b"known": lambda name: reaper.knows(name.decode()), b"record": self._record,
                b"cost": lambda values: reaper.clock.work(values * clock.VALUE_S), b"instructions": self._instructions,
                b"disk": reaper.disk, b"files": self._files, b"getenv": self._getenv, b"gfx": self._gfx,
                b"gfx_known": lambda name: name.decode() in DRAWING, b"gfx_variables": self.window.attach,
            }
        )  # fmt: skip
        names = " ".join([*api.FUNCTIONS, *api.BUILT_IN]).encode()
        self.lua.execute(_PRELUDE, name=b"@prelude.lua")(self._host, names, " ".join(api.BUILT_IN).encode())
        self._main = self._load(code)

    def _load(self, code: bytes) -> Any:
        loader = self.lua.eval(b"function(code, name) return load(code, name) end")
        loaded = loader(code, b"@" + os.fsencode(self.path))
        main, problem = loaded if isinstance(loaded, tuple) else (loaded, b"")
        if main is None:
            raise api.ApiMisuse(problem.decode("utf-8", "replace"))
        return main

    # Life

    def start(self) -> None:
        """Run the main chunk."""
        self._run_guarded(self._main)
        self._after_tick()
        if not self.deferred:
            if not self.has_deferred and not self.own_undo:
                self.reaper.project.undo_point(f"ReaScript: {self.name}")
            self.end()

    def tick(self) -> None:
        """Run what was deferred; without more of it, the script ends."""
        self.window.next_event()
        self.calls.clear()
        functions, self.deferred = self.deferred, []
        for function in functions:
            self._run_guarded(function)
        self._after_tick()
        if not self.deferred:
            self.end()

    def end(self) -> None:
        """Run what the script registered for its end, and see whether it left anything open."""
        if self.ended:
            return
        self.ended = True
        self.deferred = []
        self.calls.clear()
        for function in self.at_exits:
            self._run_guarded(function)
        self._after_tick()
        self.deferred = []
        if any(accessor.is_open for accessor in self.accessors):
            self.reaper.fault(f"{self.name} ended without DestroyAudioAccessor")
        if self.open_blocks:
            self.reaper.fault(f"{self.name} ended with an open undo block")
            for project in self.reaper.projects:
                project.blocks = 0
        self.window.close()

    def _run_guarded(self, function: Any) -> None:
        self._real_start = time.monotonic()
        self.reaper.found.clear()
        try:
            function()
        except Exception as problem:
            self.reaper.fault(f"{self.name}: {_message(problem)}")
            self.deferred = []

    def _after_tick(self) -> None:
        self.reaper.note_calls(self.name, self.calls)
        if self.refresh:
            self.reaper.fault(f"{self.name} left PreventUIRefresh at {self.refresh}")
            self.refresh = 0
        for project in [project for project in self.reaper.projects if project.stale_folders]:
            self.reaper.fault(f"{self.name} changed folders and did not call TrackList_AdjustWindows(false)")
            project.stale_folders = False

    # What the prelude calls

    def _call(self, name: bytes, *arguments: Any) -> tuple[Any, ...]:
        self.reaper.clock.work(clock.CALL_S)
        self.calls[name.decode()] += 1
        if not _only_looks(name, arguments):
            self.reaper.found.clear()
        try:
            return (True, *map(self._keep, api.call(self.reaper, self, name.decode(), arguments)))
        except api.ApiMisuse as problem:
            return False, self._record(str(problem))
        except Exception:
            return False, self._record(f"the fake fell over reaper.{name.decode()}: {traceback.format_exc()}")

    def _keep(self, value: Any) -> Any:
        """Have Lua hold a pointer from now on: lupa may take another object for one that Lua has collected meanwhile."""
        if isinstance(value, api.Pointer) and id(value) not in self._kept_ids:
            self._kept_ids.add(id(value))
            self._kept[len(self._kept_ids)] = value
        return value

    def _files(self, what: bytes, *paths: bytes) -> Any:
        return getattr(self.reaper.files, what.decode())(*paths)

    def _gfx(self, name: bytes, _variables: Any, *arguments: Any) -> tuple[Any, ...]:
        self.window.calls[name.decode()] += 1
        try:
            result = getattr(self.window, name.decode())(*arguments)
        except (TypeError, ValueError) as problem:
            return False, self._record(f"gfx.{name.decode()}: {problem}")
        return (True, *(_number(value) for value in (result if isinstance(result, tuple) else (result,))))

    def _record(self, message: bytes | str) -> bytes:
        text = message if isinstance(message, str) else message.decode("utf-8", "replace")
        self.reaper.fault(f"{self.name}: {text}")
        return api.bytes_of(text)

    def _instructions(self, count: int) -> None:
        self.reaper.clock.work(count * clock.INSTRUCTION_S)
        if time.monotonic() - self._real_start > PATIENCE_S:
            self.reaper.fault(f"{self.name} does not come back")
            raise api.ApiMisuse("the script does not come back")

    def _getenv(self, name: bytes) -> tuple[bool, bytes | None]:
        key = os.fsdecode(name)
        if key not in self.reaper.environment:
            return False, None
        return True, os.fsencode(self.reaper.environment[key])

    # Arrays of samples live in Lua

    def array_size(self, array: Any) -> int:
        """Return how many numbers a reaper.array holds, or -1 for something else."""
        if self._lupa.lua_type(array) != "table":
            return -1
        return int(self._host[b"array_size"](array))

    def array_fill(self, array: Any, data: bytes, first: int, count: int) -> None:
        """Set ``count`` numbers of a reaper.array, from the ``first`` on."""
        self._host[b"array_fill"](array, data, first, count)


def _only_looks(name: bytes, arguments: tuple[Any, ...]) -> bool:
    """Return whether a call changes nothing in a project."""
    if name.startswith(b"GetSet"):
        return arguments[-1:] == (False,)
    return name.startswith((b"Get", b"Count", b"Is", b"Validate", b"time_precise", b"TakeIsMIDI"))


def _number(value: Any) -> Any:
    """gfx counts in floating point."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _no_attributes(_object: Any, _name: Any, _setting: bool) -> Any:
    raise AttributeError("a pointer of REAPER has no fields")


def _message(problem: Exception) -> str:
    text = problem.args[0] if problem.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
