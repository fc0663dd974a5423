"""Plans of songs for tests, and a program that makes one and is killed on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.daemon import PATIENCE_S, until

#: Five sections of a second each.
NAMES = ("Intro", "Verse", "Chorus", "Bridge", "Outro")
_KILLED = """
import importlib, os, signal, sys
from acebridge.cli import main
module, name, nth, *arguments = sys.argv[1:]
place = importlib.import_module(module)
calls, original = [0], getattr(place, name)
def count(*given, **more):
    calls[0] += 1
    if calls[0] == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*given, **more)
setattr(place, name, count)
sys.argv = ["acebridge", *arguments]
main()
"""
_PAUSED = """
import importlib, os, sys, time
from acebridge.cli import main
module, name, nth, gate, *arguments = sys.argv[1:]
place = importlib.import_module(module)
calls, original = [0], getattr(place, name)
def count(*given, **more):
    calls[0] += 1
    if calls[0] == int(nth):
        open(gate + ".reached", "w").close()
        while not os.path.exists(gate + ".go"):
            time.sleep(0.01)
    return original(*given, **more)
setattr(place, name, count)
sys.argv = ["acebridge", *arguments]
main()
"""


def toml(names: tuple[str, ...] = NAMES, *, engine: str = "fake", takes: int = 1, seed: int = 11, bars: int = 1) -> str:
    """Return a plan whose sections have a second for each bar."""
    song = f'style = "synth pop"\nbpm = 240\nkey = "A minor"\nseed = {seed}\nengine = "{engine}"\ntakes = {takes}\n'
    return song + "".join(f'[[section]]\nname = "{name}"\nbars = {bars}\n' for name in names)


def mapping(names: tuple[str, ...] = NAMES, **more: Any) -> dict[str, Any]:
    """Return the same as a mapping, with ``more`` keys."""
    sections = [{"name": name, "bars": 1} for name in names]
    return {"style": "synth pop", "bpm": 240, "seed": 11, "engine": "fake", "section": sections, **more}


def run_until_killed(environment: Mapping[str, str], at: tuple[str, str, int], *arguments: str) -> None:
    """Run the command in a process that ends by SIGKILL before call number ``nth`` of a function: (module, name, nth)."""
    module, name, nth = at
    process = subprocess.run(
        [sys.executable, "-c", _KILLED, module, name, str(nth), *arguments],
        env=dict(environment), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process


class PausedCommand:
    """The command in a process that stands still before call number ``nth`` of a function: (module, name, nth)."""

    def __init__(self, environment: Mapping[str, str], at: tuple[str, str, int], gate: Path, *arguments: str) -> None:
        module, name, nth = at
        self._gate = gate
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PAUSED, module, name, str(nth), str(gate), *arguments],
            env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until(lambda: gate.with_suffix(".reached").exists() or self.process.poll() is not None, f"{name}, call {nth}")
        assert self.process.poll() is None, self.process.communicate()

    def go_on(self) -> tuple[int, str]:
        """Let it go on to its end; return its exit code and what it says on standard error."""
        self._gate.with_suffix(".go").touch()
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all that a song's folder holds but its state, which has an id of its own."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in ("song.json", ".lock")
    }
