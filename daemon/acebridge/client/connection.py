"""Getting hold of a daemon for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acebridge.errors import Unavailable
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.client.client import Client


def connect(address: str | None, *, autostart: bool) -> Client:
    """Return a client of the daemon that answers, starting one if allowed. Raises `Unavailable`."""
    from acebridge.client import discovery
    from acebridge.client.client import Client

    found = discovery.known_address(address)
    if not discovery.answers(found):
        if not autostart:
            where = f"answers at {found}" if found else "runs"
            raise Unavailable(f"No AceBridge daemon {where}.", remedy="Start one with `acebridge serve`.")
        found = discovery.start(address)
    return Client(found, local=found == discovery.address_in(data_folder()))
