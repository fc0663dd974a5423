"""A terminal for a command that asks: what it shows, and what a person types."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.daemon import PATIENCE_S


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
