"""One connection to the daemon elsewhere for one order after the other: a new one costs several trips over the line."""

from __future__ import annotations

import time
from collections.abc import Callable

from acebridge.addresses import split_address
from acebridge.client.channels import TIMEOUT_S
from acebridge.client.client import Client
from acebridge.errors import InvalidSetting
from acebridge.v1 import models_pb2
from acebridge.workers.remote import find_address

#: Seconds without an order after which a connection is made again: it may have died without a word, as when a laptop sleeps.
_FRESH_S = 20.0


class Connection:
    """A connection to the daemon at ``address``, which is made when it is asked for."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self._clock = clock
        self._client: Client | None = None
        self._used = 0.0

    def get(self) -> Client:
        """Return the client. Raises what `Client` and `find_capabilities` do."""
        if self._client is not None and self._clock() - self._used > _FRESH_S:
            self.drop()
        if self._client is None:
            client = Client(self.address)
            try:
                find_capabilities(client, self.address)
            except BaseException:
                client.close()
                raise
            self._client = client
        self.note_use()
        return self._client

    def note_use(self) -> None:
        """Note that something has just come over it."""
        self._used = self._clock()

    def drop(self) -> None:
        """Close it; the next one that asks gets another."""
        if self._client is not None:
            self._client.close()
            self._client = None


def find_capabilities(client: Client, address: str) -> models_pb2.Capabilities:
    """Return what the daemon at ``address`` can do.

    Raises `InvalidSetting` where that one is connected itself: two that send each other their jobs would wait for ever. Also
    what `Client.call` raises.
    """
    can = client.call(client.models.GetCapabilities, models_pb2.GetCapabilitiesRequest(), TIMEOUT_S)
    if further := find_address(can.devices):
        host = split_address(address)[0]
        raise InvalidSetting(
            f"{host} is itself connected to another daemon, {further}.", remedy=f"Run `acebridge disconnect` on {host}."
        )
    return can
