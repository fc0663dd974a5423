"""Getting hold of a daemon for a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from acebridge.errors import Unavailable
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.client.client import Client

#: Gets a sentence that the user should read.
Warn = Callable[[str], None]


def print_warning(text: str) -> None:
    """Print a sentence to standard error."""
    print(f"warning: {text}", file=sys.stderr)


def connect(address: str | None, *, autostart: bool, warn: Warn = print_warning) -> Client:
    """Return a client of the daemon that answers, starting one if allowed. Raises `Unavailable`.

    If allowed, an idle daemon of another version is restarted; ``warn`` gets a sentence about one that is not.
    """
    from acebridge.client import discovery
    from acebridge.client.client import Client

    found = discovery.find_address(address)
    if discovery.answers(found):
        found = discovery.matching_daemon(found, address, autostart=autostart, warn=warn)
    elif autostart:
        found = discovery.start(address)
    else:
        where = f"answers at {found}" if found else "runs"
        raise Unavailable(f"No AceBridge daemon {where}.", remedy="Start one with `acebridge serve`.")
    return Client(found, local=found == discovery.address_in(data_folder()))
