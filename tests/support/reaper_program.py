"""A real REAPER for a test: a resource folder of its own, and what to say when it ends or waits for a person."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.reaper_report import SELFTEST, last_lines

#: No window that waits for a person (of evaluation, of a newer version, of the last project), no backups, no audio device
#: (2: a dummy), and new projects of 44.1 kHz.
SETTINGS = {
    "nag": 0, "splashfast": 1, "verchk": 0, "linux_audio_mode": 2, "loadlastproj": 0, "autosaveint": 0,
    "projsrateuse": 1, "projsrate": 44_100,
}  # fmt: skip
#: What is pressed in a form of the self-test, by the question that waits in it; what was copied is `LINES`.
KEYS = {"scripts: form_limit": ("Return",), "scripts: paste": ("ctrl+v", "Return")}
LINES = "one\ntwo"


def settings(folder: Path, command: Path) -> Path:
    """Make a resource folder, with the path of ``command`` for the scripts; return its reaper.ini."""
    folder.mkdir()
    lines = "".join(f"{key}={value}\n" for key, value in SETTINGS.items())
    (folder / "reaper.ini").write_text(f"[REAPER]\n{lines}", "utf-8")
    (folder / "reaper-extstate.ini").write_text(f"[AceBridge]\ncommand={command}\nengine=draft\nwindow=no\n", "utf-8")
    return folder / "reaper.ini"


def start(program: str, ini: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start REAPER beside one that may run, with the self-test."""
    command = [program, "-cfgfile", str(ini), "-newinst", "-nosplash", "-new", str(SELFTEST)]
    return subprocess.Popen(command, env=dict(environment))


def forms() -> str:
    """Return what can be done here in forms: "ok" where xdotool can press keys, "paste" where xclip can copy as well."""
    tools = {"ok": ("xdotool",), "paste": ("xdotool", "xclip")}
    return " ".join(what for what, needed in tools.items() if all(map(shutil.which, needed)))


def answer_form(work: Path, environment: Mapping[str, str]) -> None:
    """Press the keys that a form of the self-test waits for, while it waits in one."""
    keys = KEYS.get(last_lines(work, 1)) if environment.get("ACEBRIDGE_SELFTEST_FORMS") else None
    if keys is None:
        return
    if "ctrl+v" in keys:
        copy = ["xclip", "-selection", "clipboard"]
        subprocess.run(copy, input=LINES, text=True, env=dict(environment), check=False, timeout=10)
    subprocess.run(["xdotool", "key", *keys], env=dict(environment), check=False, timeout=10)


def _windows(environment: Mapping[str, str]) -> str:
    """Return the titles of the windows that are open, where xdotool can say."""
    if shutil.which("xdotool") is None:
        return "unknown without xdotool"
    search = ["xdotool", "search", "--onlyvisible", "--name", ".", "getwindowname", "%@"]
    found = subprocess.run(search, env=dict(environment), capture_output=True, text=True, check=False, timeout=10)
    return "; ".join(dict.fromkeys(found.stdout.split("\n"))).strip("; ") or "none"


def failure(reaper: subprocess.Popen[bytes], work: Path, environment: Mapping[str, str]) -> str:
    """Return why there is no report: how REAPER ended or what it shows, and what was asked last."""
    code = reaper.poll()
    state = "REAPER waits; its windows: " + _windows(environment) if code is None else f"REAPER ended with {code}"
    return f"{state}. The last questions:\n{last_lines(work)}"
