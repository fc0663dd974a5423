"""REAPER as a host: version, system, folders, files, extension state, processes, the life of scripts."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.support.fake_reaper import clock
from tests.support.fake_reaper.api import ApiMisuse, api
from tests.support.fake_reaper.process import Process, words_of
from tests.support.fake_reaper.state import new_guid

Call = Any


@api("GetAppVersion")
def get_app_version(r: Call) -> str:
    system = {"Win64": "x64", "Win32": "", "OSX64": "OSX64", "macOS-arm64": "macOS-arm64"}.get(r.os, "linux-x86_64")
    return f"{r.version}/{system}"


@api("GetOS")
def get_os(r: Call) -> str:
    return r.os


@api("APIExists")
def api_exists(r: Call, name: str) -> bool:
    return r.knows(name)


@api("GetResourcePath")
def get_resource_path(r: Call) -> str:
    return r.files.show(r.resource, r.os)


@api("GetExePath")
def get_exe_path(r: Call) -> str:
    return r.files.show(r.folder, r.os)


@api("time_precise")
def time_precise(r: Call) -> float:
    return r.clock.now


@api("genGuid")
def gen_guid(_r: Call, _buffer: str) -> str:
    return new_guid()


@api("GetAudioDeviceInfo")
def get_audio_device_info(r: Call, attribute: str) -> tuple[bool, str]:
    """False when no device is open."""
    if r.device_rate is None:
        return False, ""
    known = {"SRATE": str(r.device_rate), "BSIZE": "512", "MODE": "Dummy audio"}
    return attribute in known, known.get(attribute, "")


@api("SetCursorContext")
def set_cursor_context(r: Call, mode: int, _envelope: Any) -> None:
    """Give the keyboard to REAPER's tracks (0), items (1) or envelopes (2)."""
    if mode not in (0, 1, 2):
        raise ApiMisuse(f"SetCursorContext knows 0, 1 and 2, not {mode}")
    for window in r.windows():
        window.has_focus = False
    r.keyboard = mode


@api("my_getViewport")
def my_get_viewport(
    r: Call, _l: int, _t: int, _r: int, _b: int, left: int, top: int, right: int, bottom: int, _work_area: bool
) -> tuple[int, int, int, int]:
    """The screen that holds most of a rectangle, or the nearest one. The first four numbers are not read."""
    x, y = (left + right) / 2, (top + bottom) / 2

    def distance(screen: tuple[int, int, int, int]) -> float:
        return max(screen[0] - x, x - screen[2], 0) + max(screen[1] - y, y - screen[3], 0)

    return min(r.screens, key=distance)


@api("CF_GetClipboard")
def cf_get_clipboard(r: Call, _buffer: str | None) -> str:
    return r.clipboard


@api("CF_SetClipboard")
def cf_set_clipboard(r: Call, text: str) -> None:
    r.clipboard = text


# Files


@api("file_exists")
def file_exists(r: Call, path: str) -> bool:
    return Path(r.files.real_text(path)).is_file()


@api("RecursiveCreateDirectory")
def recursive_create_directory(r: Call, path: str, _ignored: int) -> int:
    """Not 0 when it made a folder."""
    path = r.files.real_text(path)
    try:
        there = Path(path).is_dir()
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError:
        return 0
    return int(not there)


def _entry(r: Call, path: str, index: int, folders: bool) -> Any:
    """Names as REAPER gives them: from a cache that index -1 empties."""
    if index == -1:
        r.script.listed = {}
        return None
    cache = r.script.__dict__.setdefault("listed", {})
    if (path, folders) not in cache:
        try:
            entries = sorted(os.scandir(r.files.real_text(path)), key=lambda entry: entry.name)
        except OSError:
            entries = []
        cache[path, folders] = [entry.name for entry in entries if entry.is_dir() == folders]
    names = cache[path, folders]
    return names[index] if 0 <= index < len(names) else None


@api("EnumerateFiles")
def enumerate_files(r: Call, path: str, index: int) -> Any:
    return _entry(r, path, index, False)


@api("EnumerateSubdirectories")
def enumerate_subdirectories(r: Call, path: str, index: int) -> Any:
    return _entry(r, path, index, True)


# Extension state of REAPER


@api("SetExtState")
def set_ext_state(r: Call, section: str, key: str, value: str, persist: bool) -> None:
    """What persists goes to a line of an INI file: more than one line cannot."""
    if persist and "\n" in value:
        raise ApiMisuse(f"SetExtState: {section}/{key} persists and holds a line break; an INI file cannot keep it")
    r.ext[section, key] = value
    if persist:
        r.persisted.add((section, key))
    else:
        r.persisted.discard((section, key))


@api("GetExtState")
def get_ext_state(r: Call, section: str, key: str) -> str:
    return r.ext.get((section, key), "")


@api("HasExtState")
def has_ext_state(r: Call, section: str, key: str) -> bool:
    return (section, key) in r.ext


@api("DeleteExtState")
def delete_ext_state(r: Call, section: str, key: str, _persist: bool) -> None:
    r.ext.pop((section, key), None)
    r.persisted.discard((section, key))


@api("gmem_attach")
def gmem_attach(_r: Call, _name: str) -> None: ...


@api("gmem_read")
def gmem_read(r: Call, index: int) -> float:
    return r.gmem.get(int(index), 0.0)


@api("gmem_write")
def gmem_write(r: Call, index: int, value: float) -> None:
    r.gmem[int(index)] = float(value)


# Processes


def gui_path(r: Call) -> dict[str, str]:
    """Return the PATH of what a program that the Dock started starts itself: nothing that a shell sets."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"} if r.os.startswith(("OSX", "macOS")) else {}


@api("ExecProcess")
def exec_process(r: Call, command: str, timeout_ms: int) -> Any:
    """-1 and -2 do not wait; others block the interface until the end (0) or for that long. nil: it could not start.

    On Windows a program for the console gets a window of its own, with -2 a minimised one: `Process.has_console`.
    """
    r.commands.append((command, timeout_ms))
    if not words_of(command):
        return None
    folder = r.folder / "processes"
    folder.mkdir(exist_ok=True)
    r.clock.work(clock.PROCESS_S)
    try:
        process = Process(
            command, {**gui_path(r), **r.environment}, folder / f"{len(r.processes) + 1}.txt", r.resource, r.files
        )
    except (OSError, ValueError):
        return None
    r.processes.append(process)
    if timeout_ms < 0:
        return "0\n"
    began = time.monotonic()
    code = process.wait(timeout_ms / 1000 if timeout_ms else None)
    r.clock.work(time.monotonic() - began)
    if code is None:
        process.stop()
        return None
    return f"{code}\n{process.output}"


# The life of a script


@api("defer")
def defer(r: Call, function: Any) -> bool:
    if not callable(function):
        raise ApiMisuse("defer takes a function")
    r.script.deferred.append(function)
    r.script.has_deferred = True
    return True


@api("runloop")
def runloop(r: Call, function: Any) -> bool:
    return defer(r, function)


@api("atexit")
def atexit(r: Call, function: Any) -> bool:
    if not callable(function):
        raise ApiMisuse("atexit takes a function")
    if r.ways["atexit"] == "last":
        r.script.at_exits.clear()
    r.script.at_exits.append(function)
    return True


@api("set_action_options")
def set_action_options(r: Call, flags: int) -> None:
    """1: a relaunch ends this copy; 2: and starts another; 4 and 8: the toggle state goes on and off."""
    r.script.options |= int(flags)
    command = r.command_ids.setdefault(str(r.script.path), 50000 + len(r.command_ids))
    if int(flags) & 12:
        r.toggles[command] = int(bool(int(flags) & 4))


@api("get_action_context")
def get_action_context(r: Call) -> tuple[Any, ...]:
    path = str(r.script.path)
    command = r.command_ids.setdefault(path, 50000 + len(r.command_ids))
    return False, path, 0, command, -1, -1, -1, ""


@api("new_array")
def new_array(_r: Call, *_arguments: Any) -> None:
    """The prelude makes it; here only the arguments are counted."""
