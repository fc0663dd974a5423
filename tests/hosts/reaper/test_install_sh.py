"""install.sh, which starts the programs: in the shells that are /bin/sh on Linux (dash) and macOS (bash as sh)."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.daemon import PATIENCE_S, until
from tests.support.paths import REAPER_SCRIPTS

TOKEN = "0a1b2c"
SHELLS = {"dash": ["/bin/dash"], "bash": ["/bin/bash", "--posix"]}


class Runner:
    """A runner in a folder of its own."""

    def __init__(self, folder: Path, shell: str, token: str = TOKEN) -> None:
        self.folder = folder / 'it\'s "a" $folder & 폴더'
        self.folder.mkdir()
        shutil.copy(REAPER_SCRIPTS / "lib" / "install" / "install.sh", self.folder)
        self.process = subprocess.Popen([*SHELLS[shell], self.folder / "install.sh", token], cwd="/")
        self.steps = 0

    def step(self, *words: str) -> None:
        """Start a program."""
        self.steps += 1
        part = self.folder / "part"
        part.write_text("".join(f"{word}\n" for word in words), "utf-8")
        part.rename(self.folder / f"step-{TOKEN}-{self.steps}")

    def code(self) -> int:
        """Return how the last program ended."""
        (name,) = until(lambda: self.names(f"exit-{TOKEN}-{self.steps}-"), "the program to end")
        return int(name.rpartition("-")[2])

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a program; return its exit code and what it said."""
        self.step(*words)
        code = self.code()
        return code, *((self.folder / f"{name}-{TOKEN}").read_text("utf-8") for name in ("out", "err"))

    def names(self, start: str) -> list[str]:
        """Return the names of files that begin like that."""
        return [path.name for path in self.folder.iterdir() if path.name.startswith(start)]


@pytest.fixture(params=SHELLS)
def runner(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Runner]:
    runner = Runner(tmp_path, request.param)
    yield runner
    runner.process.kill()
    runner.process.wait()


def test_words_variables_folder_and_exit_codes(runner: Runner) -> None:
    code, out, err = runner.run(
        "A_B=x = 'y' \"z\" 값", "sh", "-c", 'echo "$A_B"; pwd; echo "$1" >&2; exit 7', "sh", "a  $b *"
    )
    assert (code, err) == (7, "a  $b *\n")
    assert out == f"x = 'y' \"z\" 값\n{runner.folder}\n"
    assert runner.run("sh", "-c", "echo ${A_B-unset}")[:2] == (0, "unset\n"), "a variable is for one program"
    assert runner.run("no-such-program")[0] == 127


def test_its_end_is_asked_for(runner: Runner) -> None:
    until(lambda: runner.names("alive-"), "the runner to start")
    (runner.folder / f"quit-{TOKEN}").touch()
    assert runner.process.wait(PATIENCE_S) == 0
    assert runner.names("alive-") == runner.names("beat-") == []


def test_a_cancel_ends_the_program_too(runner: Runner) -> None:
    runner.step("sleep", "60")
    until(lambda: runner.names(f"pid-{TOKEN}"), "the program to start")
    number = until(lambda: (runner.folder / f"pid-{TOKEN}").read_text().strip(), "its number")
    (runner.folder / f"cancel-{TOKEN}").touch()
    assert runner.process.wait(PATIENCE_S) == 0
    assert runner.code() == 128 + signal.SIGTERM
    assert not psutil.pid_exists(int(number))


def test_its_beat_changes_while_a_program_runs(runner: Runner) -> None:
    runner.step("sleep", "60")
    seen: set[str] = set()

    def both() -> bool:
        seen.update(runner.names("beat-"))
        return len(seen) == 2

    until(both, "both beats")
    assert seen == {f"beat-{TOKEN}-0", f"beat-{TOKEN}-1"}
    (runner.folder / f"cancel-{TOKEN}").touch()
    runner.process.wait(PATIENCE_S)


@pytest.mark.parametrize("token", ["", "a b", "../x", "A", "a;b"])
def test_a_token_is_letters_and_digits(tmp_path: Path, token: str) -> None:
    assert Runner(tmp_path, "dash", token).process.wait(PATIENCE_S) == 2


@pytest.mark.parametrize("name", ["install.sh", "install.ps1"])
def test_the_scripts_are_ascii(name: str) -> None:
    """Windows PowerShell reads a script without a mark in the code page of the system."""
    text = (REAPER_SCRIPTS / "lib" / "install" / name).read_bytes()
    assert re.fullmatch(rb"[\n -~]+", text)
