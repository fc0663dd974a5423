"""The key of the panel, and the codes that a page gets it for.

The key is in the data folder, for its user alone to read, and stays over restarts: a page that has it keeps it in the browser.
A page gets it for a code, which the command puts into the address that it opens. A code is good once, and for a minute: whoever
reads the address later, in the history of the browser or the list of processes, has nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from acebridge.atomic_files import write_whole
from acebridge.client.own_daemon import TOKEN
from acebridge.errors import Unauthenticated
from acebridge.paths import PANEL_KEY_FILE
from acebridge.private_files import make_private_folder
from acebridge.tokens import make_token

#: How long a code is good, in seconds, and how many there may be.
CODE_S, MAX_CODES = 60.0, 16
_CODE_BYTES = 24


def read_key(home: Path) -> str:
    """Return the key of the panel; empty where there is none."""
    try:
        key = (home / PANEL_KEY_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return key if TOKEN.fullmatch(key) else ""


def find_key(home: Path) -> str:
    """Return the key of the panel, made where there is none. Raises `InvalidValue` when the folder cannot be written."""
    key = read_key(home)
    if not key:
        make_private_folder(home)
        key = make_token()
        write_whole(home / PANEL_KEY_FILE, [key.encode()], private=True, lasting=True)
    return key


class Codes:
    """The codes that are good now."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        #: Code → until when.
        self._good: dict[str, float] = {}

    def make(self) -> str:
        """Return a new code; of too many the oldest is forgotten."""
        self._forget()
        while len(self._good) >= MAX_CODES:
            del self._good[next(iter(self._good))]
        code = secrets.token_urlsafe(_CODE_BYTES)
        self._good[code] = self._now() + CODE_S
        return code

    def take(self, code: str) -> None:
        """Use a code up. Raises `Unauthenticated` for one that is not good."""
        self._forget()
        if self._good.pop(code, None) is None:
            raise Unauthenticated(
                "This code was used, or is too old.", remedy="Open the panel again with `acebridge panel`."
            )

    def _forget(self) -> None:
        now = self._now()
        self._good = {code: until for code, until in self._good.items() if until > now}
