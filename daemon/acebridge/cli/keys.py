"""Single keys from a terminal, without Enter, as names: ``" "``, ``"q"``, ``"left"``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Waits for a key for at most a time in seconds; returns its name, empty if none came.
ReadKey = Callable[[float], str]

#: What a terminal sends for an arrow → its name.
_ARROWS = {
    start + letter: name
    for start in (b"\x1b[", b"\x1bO")
    for letter, name in ((b"A", "up"), (b"B", "down"), (b"C", "right"), (b"D", "left"))
}
#: What Windows sends behind a first code of 0 or 224.
_WINDOWS_ARROWS = {"H": "up", "P": "down", "K": "left", "M": "right"}


@contextmanager
def read_keys() -> Iterator[ReadKey]:
    """Give a function that reads keys from standard input, which must be a terminal; it is as before afterwards."""
    if sys.platform == "win32":
        yield _read_windows
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _read_posix
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _read_posix(wait_s: float) -> str:
    import select

    number = sys.stdin.fileno()
    if not select.select([number], [], [], wait_s)[0]:
        return ""
    data = os.read(number, 1)
    while data and data in (b"\x1b", b"\x1b[", b"\x1bO") and select.select([number], [], [], 0.05)[0]:
        data += os.read(number, 1)
    if not data:  # the terminal is gone
        return "q"
    return _ARROWS.get(data) or data.decode("utf-8", "ignore")


def _read_windows(wait_s: float) -> str:
    if sys.platform != "win32":
        return ""
    import msvcrt

    end = time.monotonic() + wait_s
    while not msvcrt.kbhit():
        if time.monotonic() > end:
            return ""
        time.sleep(0.01)
    key = msvcrt.getwch()
    return _WINDOWS_ARROWS.get(msvcrt.getwch(), "") if key in ("\0", "\xe0") else key
