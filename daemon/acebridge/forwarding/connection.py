"""One connection to the daemon elsewhere for one order after the other: a new one costs several trips over the line."""

from __future__ import annotations

import time
from collections.abc import Callable

from acebridge.client.client import Client

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
        """Return the client. Raises what `Client` does."""
        if self._client is not None and self._clock() - self._used > _FRESH_S:
            self.drop()
        if self._client is None:
            self._client = Client(self.address)
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
