"""The scripts for Ardour, each assembled into one file: Ardour keeps the text of one function and knows no ``require``.

Modules lie in ``ardour_scripts/lib``; those that REAPER's scripts have too lie in ``reaper_scripts/lib/shared``, and call a few
functions of `reaper`, which ``system.lua`` has. A file gets those that its entry needs, directly or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from acebridge.version import VERSION

_IMPORT = re.compile(r'import\("([\w/]+)"\)')
#: The module that says where `FOLDER` is.
_OWN = "own_folder"


@dataclass(frozen=True)
class Script:
    """A script that Ardour's Script Manager offers: its file, its name there, what it does, and the Lua that does it."""

    file: str
    name: str
    about: str
    body: str
    is_hook: bool = False


def _actions(key: str, name: str, about: str) -> list[Script]:
    """Return an action with a dialog and its twin without."""
    silent = f"{about} Asks nothing: takes what was entered last."
    return [
        Script(f"acebridge_{key}.lua", f"AceBridge: {name}", about, _run(key)),
        Script(
            f"acebridge_{key}_no_dialog.lua", f"AceBridge: {name} (no dialog)", silent, _run(key, "{ silent = true }")
        ),
    ]


def _command(key: str, name: str, about: str) -> Script:
    module = "action" if key == "again" else "commands"
    body = f'return function() import("guard")(import("{module}").{key}) end'
    return Script(f"acebridge_{key}.lua", f"AceBridge: {name}", about, body)


def _run(key: str, options: str = "{}") -> str:
    return f'return function() import("guard")(import("action").run, "{key}", {options}) end'


#: The hook that reads audio, sends it and places results.
JOBS_HOOK = Script(
    "acebridge_jobs_hook.lua", "AceBridge: Jobs", "Sends the audio of AceBridge's actions and places their results.",
    'return import("watch").hook()', is_hook=True,
)  # fmt: skip

SCRIPTS: tuple[Script, ...] = (
    JOBS_HOOK,
    *_actions("repaint", "Repaint", "Makes the selected range new, on a copy of the track's playlist."),
    *_actions("cover", "Cover", "Plays the selection in another style, on a new track below it."),
    *_actions("lego", "Add layer", "Adds tracks that play along with the selection."),
    *_actions("complete", "Complete", "Adds an accompaniment to the selection."),
    *_actions("extract", "Extract stems", "Takes the selection apart, one new track for each stem."),
    *_actions("generate", "Generate here", "Makes new music in the range or at the playhead."),
    *_actions(
        "compose", "Compose from a description", "Makes a song from one sentence, in the range or at the playhead."
    ),
    *_actions("song", "Song from ranges", "Makes a song on a new track, with a section for each range marker."),
    *_actions("extend", "Extend", "Makes more bars after the selected music."),
    *_actions("prepend", "Prepend", "Makes more bars before the selected music."),
    *_actions(
        "vary", "Vary", "Makes the selected region again, near to what it is, on a copy of the track's playlist."
    ),
    *_actions(
        "join", "Smooth join", "Makes the music around the join of two regions new, so that one leads to the other."
    ),
    *_actions("score", "Score takes", "Scores the playlists of the selected track, and plays the best one."),
    *_actions("analyse", "Analyse", "Says tempo, meter and key of the selection, and adds chord markers."),
    *_actions("to_midi", "To MIDI", "Writes the notes of the selection down, as MIDI regions on new tracks below it."),
    *_actions("lyrics", "Lyrics to ranges", "Makes a range for each section and line of the lyrics in the selection."),
    _command("again", "Again", "Runs the last action again with a new seed."),
    _command("next_playlist", "Next playlist", "Has the selected tracks play their next playlist."),
    _command("previous_playlist", "Previous playlist", "Has the selected tracks play their previous playlist."),
    _command("place", "Place results", "Places results that have finished."),
    _command("jobs", "Job list", "Shows the session's jobs and how far they are."),
    _command("cancel", "Cancel", "Cancels the session's jobs."),
    _command("settings", "Settings", "Engine, context, takes, and where messages go."),
    _command("doctor", "Doctor", "Checks the command, the daemon, the engine and the disk."),
)


@cache
def _module(name: str) -> str:
    folder, _, own = name.rpartition("/")
    package, *path = ("acebridge.shared_lua",) if folder == "shared" else ("acebridge.ardour_scripts", "lib")
    return resources.files(package).joinpath(*path, f"{own}.lua").read_text("utf-8")


def _modules(text: str) -> dict[str, str]:
    """Return what a text imports, directly or not, by name."""
    found: dict[str, str] = {}
    wanted = ["system", *_IMPORT.findall(text)]
    while wanted:
        name = wanted.pop()
        if name not in found and name != _OWN:
            found[name] = _module(name)
            wanted += _IMPORT.findall(found[name])
    return dict(sorted(found.items()))


def _strip(text: str) -> list[str]:
    """Return the lines of a module without indents and lines of comments: Ardour stores each script twice, in base64."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("--")]


def _quote(text: str) -> str:
    """Return a text as a string of Lua's, in ASCII."""
    return (
        '"'
        + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03}" for byte in text.encode())
        + '"'
    )


def assemble(script: Script, folder: Path) -> str:
    """Return the text of a script's file, for the folder of AceBridge in Ardour's configuration folder."""
    head = {
        '["type"]': _quote("EditorHook" if script.is_hook else "EditorAction"),
        "name": _quote(script.name), "license": _quote("MIT"), "author": _quote("The AceBridge authors"),
        "description": _quote(script.about),
    }  # fmt: skip
    own = f"{{ path = {_quote(str(folder))}, version = {_quote(VERSION)} }}"
    lines = ["ardour {", *(f"  {key} = {value}," for key, value in head.items()), "}", ""]
    if script.is_hook:
        lines += ["function signals()", "  return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true })", "end", ""]
    lines += [
        "function factory()",
        "  local modules, loaded = {}, {}",
        "  local import, reaper -- `reaper`: what the modules shared with REAPER's scripts call",
        f'  modules["{_OWN}"] = function() return function() return {own} end end',
    ]
    for name, text in _modules(script.body).items():
        lines += [f'  modules["{name}"] = function()', *_strip(text), "  end"]
    lines += [
        "  function import(name)",
        "    if loaded[name] == nil then loaded[name] = modules[name]()(import) end",
        "    return loaded[name]",
        "  end",
        "  local run",
        "  return function() -- Ardour tries the factory where neither files nor a session are: nothing is loaded before",
        "    if not run then",
        '      reaper = import("system")',
        f"      run = (function() {script.body} end)()",
        "    end",
        "    run()",
        "  end",
        "end",
    ]
    return "\n".join(lines) + "\n"
