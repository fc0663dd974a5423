"""Addresses of this machine, which nothing leaves by."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether an address is this machine's own, which nobody else can send from."""
    try:
        return ipaddress.ip_address(plain_host(host)).is_loopback
    except ValueError:
        return False


def plain_host(host: str) -> str:
    """Return an address in its one usual form: of IPv4, where IPv6 only wraps it. Raises ``ValueError`` for a name.

    Names are looked up by asking another machine, and that waits; "localhost" alone means the same everywhere.
    """
    if host == "localhost":
        return "127.0.0.1"
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
