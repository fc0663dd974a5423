"""Addresses of machines and of daemons, and which of them nobody but this machine can reach."""

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


def is_address(text: str) -> bool:
    """Return whether a text is ``host:port``, an address of IPv6 in brackets, with a port from 1 to 65535."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    plain = bare.isascii() and bare.isprintable() and not set(bare) & set(" /[]")
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535
    return bool(bare) and plain and is_port and not (":" in host and bare == host)


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of a valid ``host:port``; the host of IPv6 without its brackets."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def join_address(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an address of IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_local(address: str) -> bool:
    """Return whether a valid ``host:port`` is on loopback. A name but localhost is not, wherever it may lead."""
    return is_loopback(split_address(address)[0])


def plain_address(address: str) -> str:
    """Return a valid ``host:port`` in its one usual form, so that two that are the same look the same."""
    host, port = split_address(address)
    try:
        return join_address(plain_host(host), port)
    except ValueError:  # a name
        return join_address(host.lower().removesuffix("."), port)


def reachable_host(host: str) -> str:
    """Return where this machine itself reaches what listens at ``host``: on loopback, where that is all of its addresses."""
    address = ipaddress.ip_address(plain_host(host))
    return ("127.0.0.1" if address.version == 4 else "::1") if address.is_unspecified else host
