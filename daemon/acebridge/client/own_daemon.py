"""What the daemon of a data folder has left there: where it serves, its token. Imported by every command: keep it light."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from acebridge.paths import ADDRESS_FILE, TOKEN_FILE
from acebridge.processes import is_running

#: What a token looks like.
TOKEN = re.compile("[0-9a-f]{64}")
_TEXTS = ("address", "version", "start", "certificate")


class OwnDaemon(NamedTuple):
    """What a daemon says of itself; empty where it says nothing. See `acebridge.processes` for ``pid`` and ``start``."""

    address: str = ""
    version: str = ""
    pid: int = 0
    start: str = ""
    #: What it proves with who it is, in PEM; empty without TLS.
    certificate: str = ""
    #: Whether it knows of `acebridge.proof`. The daemons of before did not note their start.
    proves: bool = True

    @property
    def is_running(self) -> bool:
        """Whether its process runs. As long as it does, no other program can have its port."""
        return is_running(self.pid, self.start)

    @property
    def port(self) -> int:
        """The number of its port; 0 for none."""
        number = self.address.rpartition(":")[2]
        return int(number) if number.isascii() and number.isdigit() else 0

    def serves_at(self, address: str) -> bool:
        """Whether ``address`` is this daemon's; ``localhost`` is any address of this machine."""
        host, _, port = address.rpartition(":")
        return bool(address) and (address == self.address or (host == "localhost" and port == str(self.port)))


def read_own_daemon(home: Path) -> OwnDaemon:
    """Return what the daemon with the data folder ``home`` says of itself. It may have been killed since."""
    try:
        fields = json.loads((home / ADDRESS_FILE).read_text("utf-8"))
        given = {name: fields[name] for name in _TEXTS if isinstance(fields.get(name), str)}
        pid = fields.get("pid")
        return OwnDaemon(**given, pid=pid if isinstance(pid, int) else 0, proves="start" in fields)
    except (OSError, ValueError, AttributeError, RecursionError):
        return OwnDaemon()


def address_in(home: Path) -> str:
    """Return where the daemon with the data folder ``home`` says that it serves; empty when none says so."""
    return read_own_daemon(home).address


def version_in(home: Path) -> str:
    """Return the version of the daemon with the data folder ``home``; empty when none says so."""
    return read_own_daemon(home).version


def read_token(home: Path) -> str:
    """Return the token of the daemon whose data folder is ``home``; empty when there is none, or none that we may read."""
    try:
        token = (home / TOKEN_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return token if TOKEN.fullmatch(token) else ""
