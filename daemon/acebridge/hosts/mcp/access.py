"""How calls reach the daemon: where it is, and whose token they carry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from acebridge.client.client import Client
from acebridge.client.connection import check_own_machine
from acebridge.client.discovery import find_daemon
from acebridge.client.result_files import Names
from acestep_runtime.errors import InvalidValue


def _say_nothing(_: str) -> None:
    """Drop a warning: nobody reads it, and standard output carries the protocol."""


@dataclass(frozen=True)
class Access:
    """Which daemon is called, and how; ``results`` is the folder for audio that lies beside no source.

    ``token`` is what a caller has sent; ``None`` is the user's own access, as commands have it.
    """

    address: str | None
    results: Path
    autostart: bool = True
    token: str | None = None
    #: Names of result files that calls are writing.
    names: Names = field(default_factory=Names)

    def with_token(self, token: str) -> Access:
        """Return the same with the token of a caller."""
        return replace(self, token=token)

    def connect(self) -> Client:
        """Return a client of the daemon that runs now. Raises what `find_daemon` raises."""
        found = find_daemon(self.address, autostart=self.autostart, warn=_say_nothing)
        return Client(found, token=self.token)


def is_own_machine(client: Client) -> bool:
    """Return whether the daemon has the files of this machine."""
    try:
        check_own_machine(client)
    except InvalidValue:
        return False
    return True
