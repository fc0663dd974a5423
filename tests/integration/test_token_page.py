"""The page on tokens: its commands and its program run as they stand, and its table is that of the daemon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from acebridge.tokens import Scope
from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S, Daemon
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "scripting.md").read_text("utf-8")
SECTION = PAGE.split("\n## Tokens for other programs\n")[1].split("\n## ")[0]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return str(found)


def run(daemon: Daemon, *command: str) -> str:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        command,
        env={**daemon.environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_run(daemon: Daemon) -> None:
    said = run(daemon, "sh", "-e", "-c", block("sh") + '\nprintf "%s" "$ACEBRIDGE_TOKEN"')
    assert re.fullmatch(r"stream deck\tsubmit\t\S+\nrevoked stream deck\n[0-9a-f]{64}", said)


def test_the_program_runs(daemon: Daemon) -> None:
    assert run(daemon, sys.executable, "-c", block("python")) == f"{VERSION}\n"


def test_every_scope_has_a_row() -> None:
    assert re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE) == [scope.value for scope in Scope]
