"""What a peer may do: everything after it has presented the daemon's token, and what cannot leave this machine without.

A token counts for one connection of TCP, or for one sender of UDP on this machine: datagrams from elsewhere are not encrypted,
and anybody can put any sender on them.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from pathlib import Path

from acebridge.addresses import is_loopback, plain_host
from acebridge.errors import Unauthenticated
from acebridge.hosts.osc.peer import Peer
from acestep_runtime.errors import InvalidValue, printable

#: Senders of datagrams whose token is remembered; the oldest is forgotten first.
MAX_SENDERS = 64
_TOKEN = "send /acebridge/token with the text of the file token in the data folder first"


class Access:
    """Checks paths, feedback addresses and senders. ``read_token`` returns the daemon's token, which changes at its start.

    ``allow`` are machines beyond this one that may send, such as a tablet; senders that are not in it are ignored over UDP, and
    need the token over TCP.
    """

    def __init__(
        self, roots: Sequence[Path], read_token: Callable[[], str], allow: Collection[str] = frozenset()
    ) -> None:
        self._roots = tuple(roots)
        self._read_token = read_token
        self._allow = frozenset(map(plain_host, allow))
        #: Peer → the token that it has presented. That of another start of the daemon counts no more.
        self._with_token: OrderedDict[Hashable, str] = OrderedDict()

    def admits(self, peer: Peer) -> bool:
        """Return whether a peer is listened to: it is on this machine, allowed, or has presented the token."""
        return is_loopback(peer.host) or peer.host in self._allow or self.is_trusted(peer)

    def is_trusted(self, peer: Peer) -> bool:
        """Return whether a peer has presented the token that the daemon has now."""
        return peer.key in self._with_token and self._with_token[peer.key] == self._read_token()

    def check(self, peer: Peer) -> None:
        """Raise `Unauthenticated` for a peer that is not listened to."""
        if not self.admits(peer):
            remedy = f"Add {peer.host} to allow in the table [osc] of config.toml, or {_TOKEN}."
            raise Unauthenticated(f"Messages from {peer.host} need the token.", remedy=remedy)

    def present(self, peer: Peer, token: str) -> None:
        """Trust a peer from now on. Raises `Unauthenticated` for a wrong token, and for datagrams from another machine."""
        if not peer.is_stream and not is_loopback(peer.host):
            raise Unauthenticated("A token is not taken over UDP from another machine.", remedy="Connect over TCP.")
        own = self._read_token()
        if not own or not hmac.compare_digest(own.encode(), token.strip().encode()):
            remedy = "It is in the file token in the data folder, and changes when the daemon starts."
            raise Unauthenticated("The token is not that of the daemon.", remedy=remedy)
        self._with_token[peer.key] = own
        while len(self._with_token) > MAX_SENDERS:
            self._with_token.popitem(last=False)

    def forget(self, peer: Peer) -> None:
        """Forget a peer whose connection has ended."""
        self._with_token.pop(peer.key, None)

    def check_path(self, path: str, field: str, *, is_trusted: bool) -> Path:
        """Return the full path of a file or folder, links followed. Asks the file system: not for the event loop.

        Raises `InvalidValue` for a path that is not full, and for one outside the roots unless who names it is trusted.
        """
        try:
            full = Path(path).expanduser()
            if not full.is_absolute():
                remedy = "Write the path from the root on, or from the home folder as ~/."
                raise InvalidValue(field, printable(path), "a full path", remedy=remedy)
            full = full.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidValue(field, printable(path), "the path of a file or folder") from error
        if not is_trusted and not any(full.is_relative_to(root) for root in self._roots):
            allowed = ", ".join(map(str, self._roots)) or "no folder"
            remedy = f"Add the folder to roots in config.toml, or {_TOKEN}."
            raise InvalidValue(field, printable(path), f"a path below {allowed}", remedy=remedy)
        return full

    def check_feedback(self, peer: Peer, host: str) -> str:
        """Return a host that feedback may go to. Raises `InvalidValue` for a name, and for another machine from a peer without
        token."""
        try:
            host = plain_host(host)
        except ValueError as error:
            raise InvalidValue("host", printable(host), "an address in numbers, such as 127.0.0.1") from error
        if is_loopback(host) or self.is_trusted(peer) or host in self._allow:
            return host
        raise InvalidValue(
            "host", printable(host), "an address of this machine, such as 127.0.0.1",
            remedy=f"Add it to allow in the table [osc] of config.toml, or {_TOKEN}.",
        )  # fmt: skip
