"""Getting hold of a daemon for a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.client.client import Client

#: Gets a sentence that the user should read.
Warn = Callable[[str], None]


def print_warning(text: str) -> None:
    """Print a sentence to standard error."""
    print(f"warning: {text}", file=sys.stderr)


def connect(address: str | None, *, autostart: bool, warn: Warn = print_warning) -> Client:
    """Return a client of the daemon that answers, starting one if allowed.

    If allowed, an idle daemon of another version is restarted; ``warn`` gets a sentence about one that is not. Raises
    `Unavailable`, and `Unauthenticated` for a daemon on another machine that the user has not said to trust.
    """
    from acebridge.client import discovery
    from acebridge.client.client import Client
    from acebridge.client.own_daemon import address_in

    found = discovery.find_daemon(address, autostart=autostart, warn=warn)
    return Client(found, local=found == address_in(data_folder()))


def check_own_machine(client: Client) -> None:
    """Raise `InvalidValue` unless a daemon is on this machine, as far as its address says."""
    from acebridge.addresses import is_local
    from acebridge.client.channels import route_to
    from acestep_runtime.errors import InvalidValue

    if not is_local(client.address) and not route_to(client.address, data_folder()).is_own:
        raise InvalidValue(
            "address",
            client.address,
            "the daemon of this machine",
            remedy="Leave the address and ACEBRIDGE_ADDRESS out; commands and the Python API reach other machines.",
        )
