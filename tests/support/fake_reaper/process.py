"""Processes that scripts start, and how REAPER reads a command line: words, and double quotes around some of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path


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


class Process:
    """A process of our own; what it says goes to a file."""

    def __init__(self, command: str, environment: dict[str, str], log: Path, folder: Path) -> None:
        self.command = command
        self.words = words_of(command)
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

    def stop(self) -> None:
        """End it if it still runs."""
        if self.running:
            self._process.terminate()
            if self.wait(5) is None:
                self._process.kill()
        self._process.wait()
