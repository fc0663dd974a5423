"""A terminal for a command that asks: what it shows, and what a person types."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.daemon import PATIENCE_S

#: What moves the cursor and sets colours.
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-B]?)")


def converse(
    command: Sequence[str | Path], lines: Sequence[str], *, folder: Path, environment: Mapping[str, str]
) -> tuple[str, int]:
    """Run a command in a terminal of its own, type each of ``lines`` when it asks, which is to end what it shows with a
    space, and return all that the terminal shows, and the exit code.
    """
    person, terminal = os.openpty()
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        shown, left = b"", list(lines)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if select.select([person], [], [], 0.05)[0]:
                try:
                    data = os.read(person, 4096)
                except OSError:  # nobody has the other end open any more
                    break
                shown += data
                if not data:
                    break
                if left and shown.endswith(b" "):
                    os.write(person, f"{left.pop(0)}\n".encode())
        return shown.decode(), process.wait(PATIENCE_S)
    finally:
        os.close(person)


class Screen:
    """A program that draws the whole terminal, and the person before it. A context manager: it ends the program."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        width: int = 120,
        height: int = 30,
    ) -> None:
        self._person, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        known = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            command, cwd=folder, env={**known, "TERM": "xterm-256color"}, stdin=terminal, stdout=terminal,
            stderr=terminal, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self._shown = ""

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._person)

    def until(self, *wanted: str) -> str:
        """Read until all that is wanted is in what was drawn since the last call; return that, without colours."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(text in self._shown for text in wanted):
            assert time.monotonic() < deadline, f"waited in vain for {wanted}: {self._shown[-3000:]}"
            if select.select([self._person], [], [], 0.05)[0]:
                try:
                    data = os.read(self._person, 65536)
                except OSError:
                    data = b""
                assert data, f"it has ended without {wanted}: {self._shown[-3000:]}"
                self._shown += _ESCAPES.sub("", data.decode("utf-8", "replace"))
        shown, self._shown = self._shown, ""
        return shown

    def press(self, keys: str) -> None:
        os.write(self._person, keys.encode())

    def end(self) -> int:
        """Wait until the program ends; return its exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            if select.select([self._person], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    os.read(self._person, 65536)
        return self._process.returncode
