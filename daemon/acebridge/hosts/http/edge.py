"""What all requests share: the connections to the daemon, the panel's key and codes, and the links."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acebridge.client.async_connection import Connections
from acebridge.client.discovery import find_address
from acebridge.client.own_daemon import address_in
from acebridge.errors import Unavailable
from acebridge.hosts.http.keys import Codes
from acebridge.hosts.http.links import Links
from acebridge.paths import data_folder

if TYPE_CHECKING:
    from acebridge.client.client import Client


@dataclass
class Edge:
    """The edge at ``http://127.0.0.1:PORT``; ``address`` is where its daemon is, by default what the data folder says."""

    port: int
    panel_key: str
    address: str | None
    connections: Connections
    codes: Codes = field(default_factory=Codes)
    links: Links = field(default_factory=Links)
    #: What is called when the edge has stopped, to remove what it leaves.
    closers: list[Callable[[], None]] = field(default_factory=list)
    #: Set when the edge stops: streams end.
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Client:
        """Return a client of the daemon with its own token, for work in threads; close it. Raises `Unavailable`."""
        from acebridge.client.client import Client

        found = find_address(self.address)
        if not found:
            raise Unavailable("No AceBridge daemon runs.", remedy="Start it with `acebridge serve`.")
        return Client(found, local=found == address_in(data_folder()))
