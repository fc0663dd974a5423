"""Processes that scripts start, and how REAPER reads a command line: words, and double quotes around some of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from tests.support.fake_reaper.disk import Disk


def words_of(command: str) -> list[str]:
    """Return the words of a command line. Only double quotes group; no other character means anything."""
    words: list[str] = []
    word, started, quoted = "", False, False
    for char in command:
        if char == '"':
            quoted, started = not quoted, True
        elif char in " \t" and not quoted:
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + char, True
    return [*words, word] if started else words


_DRIVE_URL = "file:///C:/"


def windows_words(command: str) -> list[str]:
    r"""Return the words of a command line as Microsoft's C runtime reads it.

    Only double quotes group; backslashes mean themselves, but before a double quote two are one, and an odd one makes the
    quote a character (learn.microsoft.com, "Parsing C command-line arguments"). The program itself knows no backslash rule.
    """
    if command.startswith('"'):
        program, _, rest = command[1:].partition('"')
    else:
        program, _, rest = command.partition(" ")
    words, word, started, quoted, slashes = [program], "", False, False, 0
    for char in [*rest, ""]:
        if char == "\\":
            slashes += 1
            continue
        if char == '"':
            word, started = word + "\\" * (slashes // 2), True
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
            slashes = 0
            continue
        word, started, slashes = word + "\\" * slashes, started or slashes > 0, 0
        if char in ("", " ", "\t") and (not quoted or not char):
            words += [word] if started else []
            word, started = "", False
        else:
            word, started = word + char, True
    return words if program else []


def is_for_console(program: str) -> bool:
    """Whether Windows gives a program a console: launchers for those without one end in w, as pythonw.exe does."""
    return not Path(program.replace("\\", "/")).stem.endswith("w")


def _here(word: str, files: Disk) -> str:
    """Return a word as this machine needs it: paths and URLs with a drive lead to the root."""
    if word.startswith(_DRIVE_URL):
        return "file:///" + word[len(_DRIVE_URL) :]
    real = files.real_text(word)
    return real if Path(real).is_absolute() else word


class Process:
    """A process of our own; what it says goes to a file. ``has_console``: Windows shows one."""

    def __init__(self, command: str, environment: dict[str, str], log: Path, folder: Path, files: Disk) -> None:
        self.command = command
        self.words = [_here(word, files) for word in windows_words(command)] if files.windows else words_of(command)
        self.has_console = files.windows and is_for_console(self.words[0])
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                self.words,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=folder,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for its end; None when it did not come."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def close_console(self) -> None:
        """Close its console, which ends it."""
        assert self.has_console, f"{self.words[0]} has no console"
        self.stop()

    def stop(self) -> None:
        """End it if it still runs."""
        if self.running:
            self._process.terminate()
            if self.wait(5) is None:
                self._process.kill()
        self._process.wait()
