"""How a daemon is reached: beyond this machine with TLS only, and only the one whose certificate the user trusts.

The certificate of the own daemon is in the data folder, as its address is. That of another one is what the user has said
with `acebridge trust`. Nothing else counts: no authority, no name.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

import grpc

from acebridge.addresses import is_local, plain_address, split_address
from acebridge.certificates import fingerprint_of, name_of, valid_until
from acebridge.client.known_daemons import find_known
from acebridge.client.own_daemon import read_own_daemon
from acebridge.errors import Unauthenticated, Unavailable

#: How long a machine elsewhere may take to answer, in seconds.
TIMEOUT_S = 10.0
#: A proxy that the environment names would get the token and the song, and everybody may be one.
_NO_PROXY = ("grpc.enable_http_proxy", 0)
#: A network may lose a connection without a word, as when a laptop sleeps: after so long without a byte the other end is asked
#: whether it is there, in ms, and after how long without an answer the calls end. A daemon lets nobody ask more often.
_KEEPALIVE = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)
#: Bytes that may be on their way here, which are lost when the line breaks. gRPC would let them grow with the line: on one of
#: long trips all of an output is on its way at once, and each break takes it back to its beginning.
_WINDOW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 256 << 10))


class Route(NamedTuple):
    """Where a daemon is reached, and with which ``certificate`` in PEM; without TLS it is empty."""

    address: str
    certificate: str = ""
    #: Whether it is the daemon of the data folder, which says itself what its certificate is.
    is_own: bool = False

    @property
    def fingerprint(self) -> str:
        """What people compare, see `acebridge.certificates`; empty without TLS."""
        return fingerprint_of(self.certificate) if self.certificate else ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether the daemon may be on another machine."""
        return bool(self.certificate) and not self.is_own


def route_to(address: str, home: Path) -> Route:
    """Return how the daemon at a valid ``address`` is reached from the data folder ``home``.

    Raises `Unauthenticated` for one beyond loopback that the user has not said to trust.
    """
    own = read_own_daemon(home)
    if own.serves_at(address):  # localhost may be two addresses, one of them another's
        return Route(own.address, own.certificate, is_own=True)
    known = find_known(home, address)
    if known is not None:
        return Route(address, known.certificate)
    if not is_local(address):
        raise unknown_daemon(address)
    return Route(plain_address(address))  # at [::1] another user may have the port that localhost is meant to have


def open_route(route: Route) -> grpc.Channel:
    """Return a channel, which connects when it is used: with TLS to nobody but the owner of the certificate."""
    if not route.certificate:
        return grpc.insecure_channel(route.address, options=(_NO_PROXY,))
    credentials = grpc.ssl_channel_credentials(route.certificate.encode())
    return grpc.secure_channel(route.address, credentials, options=_secure_options(route))


def open_async_route(route: Route) -> grpc.aio.Channel:
    """Return what `open_route` does for calls in the running event loop."""
    if not route.certificate:
        return grpc.aio.insecure_channel(route.address, options=(_NO_PROXY,))
    credentials = grpc.ssl_channel_credentials(route.certificate.encode())
    return grpc.aio.secure_channel(route.address, credentials, options=_secure_options(route))


def _secure_options(route: Route) -> tuple[tuple[str, int | str], ...]:
    # Whoever has the key of the certificate is the daemon, whatever name led there.
    name = ("grpc.ssl_target_name_override", name_of(route.certificate))
    return (name, _NO_PROXY, *_KEEPALIVE, *_WINDOW)


def check_certificate(route: Route) -> None:
    """Look whether the daemon elsewhere still has its certificate; a connection that is refused would not say why.

    Raises `Unauthenticated` when it has another one, or this one is not valid, `Unavailable` when it has none, ``OSError`` when
    nobody answers.
    """
    found = fingerprint_of(fetch_certificate(route.address))
    if found != route.fingerprint:
        raise Unauthenticated(
            f"The daemon at {route.address} has the certificate {found}, and the one that you trust there is"
            f" {route.fingerprint}.",
            remedy=f"If `acebridge token show` on its machine prints the former, run `acebridge trust {route.address}`"
            " again; else somebody stands between it and you.",
        )
    check_usable(route.address, route.certificate)


def check_usable(address: str, certificate: str) -> None:
    """Raise `Unauthenticated` for a certificate that no connection can be checked by, whoever has it."""
    try:
        name_of(certificate)
        valid_until(certificate)
    except ValueError as error:
        raise Unauthenticated(
            f"The certificate of the daemon at {address} {error}.",
            remedy="Give the daemon another one; or is the clock of this machine wrong?",
        ) from error


def fetch_certificate(address: str, timeout_s: float = TIMEOUT_S) -> str:
    """Return the certificate of whoever answers at ``address``, in PEM; it proves nothing yet.

    Raises `Unavailable` when what answers speaks no TLS, ``OSError`` when nothing answers, or it closes the connection without
    an answer: a daemon that ends, or has too much to do.
    """
    import ssl

    try:
        return ssl.get_server_certificate(split_address(address), timeout=timeout_s)
    except (TimeoutError, ConnectionError):
        raise
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:  # it has said nothing that is no TLS
        raise ConnectionAbortedError(
            errno.ECONNABORTED, "the connection was closed before there was an answer"
        ) from error
    except UnicodeError as error:  # a part of the name is empty or too long
        raise OSError(errno.EINVAL, "there can be no such name") from error
    except (ssl.SSLError, ValueError) as error:
        raise Unavailable(
            f"What answers at {address} does not speak TLS, without which no token leaves this machine.",
            remedy="A daemon does where `host` in its config.toml is an address beyond loopback.",
        ) from error


def unknown_daemon(address: str) -> Unauthenticated:
    """Return what is wrong with a daemon elsewhere that the user has not said to trust."""
    return Unauthenticated(
        f"The daemon at {address} is not trusted yet.",
        remedy=f"Run `acebridge trust {address}`, and compare the fingerprint with that of `acebridge token show` there.",
    )
