"""How a daemon is reached: whom a client talks to beyond this machine, and what everybody else gets to see of the token."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from acebridge.addresses import split_address
from acebridge.certificates import fingerprint_of
from acebridge.client.channels import Route, check_certificate, fetch_certificate, open_route, route_to
from acebridge.client.client import Client
from acebridge.client.credentials import check_known, token_for
from acebridge.client.discovery import answers, find_daemon
from acebridge.client.known_daemons import KnownDaemon, remember
from acebridge.errors import ConnectionLost, JobFailed, Unauthenticated, Unavailable
from acebridge.proof import prove
from acebridge.server import connections
from acebridge.v1 import daemon_pb2
from tests.support.certificates import Pair, make_pair
from tests.support.daemon import PATIENCE_S
from tests.support.recorder import Recorder, serve
from tests.support.tls_listener import listen

TOKEN, OTHER = "ab" * 32, "cd" * 32
PAIR, IMPOSTOR = make_pair("studio.local"), make_pair("studio.local")


def daemon_of(pair: Pair) -> Recorder:
    """What knows the token and proves it with the certificate of ``pair``."""
    fingerprint = fingerprint_of(pair.certificate)
    return Recorder([TOKEN], lambda challenge, known, port: prove(challenge, known, port, fingerprint))


def ask(address: str) -> None:
    with Client(address) as client:
        client.call(client.daemon.GetStatus, daemon_pb2.GetStatusRequest())


def test_a_trusted_daemon_gets_its_token(home: Path) -> None:
    with serve(daemon_of(PAIR), pair=PAIR) as daemon:
        remember(home, daemon.address, KnownDaemon(PAIR.certificate, TOKEN))
        check_known(daemon.address, KnownDaemon(PAIR.certificate, TOKEN))
        assert answers(daemon.address)
        with pytest.raises(JobFailed, match="there is nothing"):
            ask(daemon.address)
        assert [call.tokens for call in daemon.calls] == [[f"Bearer {TOKEN}"]]


def test_the_token_of_the_environment_counts_before_the_noted_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACEBRIDGE_TOKEN", raising=False)
    remember(home, "studio.local:50710", KnownDaemon(PAIR.certificate, TOKEN))
    assert token_for("STUDIO.local:50710") == TOKEN
    assert token_for("studio.local:50711") == ""
    monkeypatch.setenv("ACEBRIDGE_TOKEN", OTHER)
    assert token_for("studio.local:50710") == OTHER


def test_nobody_but_the_owner_of_the_certificate_gets_anything(home: Path) -> None:
    with listen(IMPOSTOR) as impostor:
        remember(home, impostor.address, KnownDaemon(PAIR.certificate, TOKEN))
        with pytest.raises(Unauthenticated) as caught:
            find_daemon(impostor.address, autostart=True, warn=print)
        for pair in (PAIR, IMPOSTOR):
            assert fingerprint_of(pair.certificate) in caught.value.message
        assert f"`acebridge trust {impostor.address}` again" in caught.value.remedy
        with pytest.raises(ConnectionLost):  # a client that does not look before
            ask(impostor.address)
    assert impostor.connections > 1
    assert bytes(impostor.received) == b""


def test_what_the_impostor_gets_would_be_seen() -> None:
    context = ssl.create_default_context(cadata=IMPOSTOR.certificate)
    with (
        listen(IMPOSTOR) as impostor,
        socket.create_connection(split_address(impostor.address)) as plain,
        context.wrap_socket(plain, server_hostname="studio.local") as connection,
    ):
        connection.sendall(b"here it is")
    assert bytes(impostor.received) == b"here it is"


def test_the_connection_itself_is_bound_to_the_proof(home: Path) -> None:
    """Somebody stands between, has been trusted unseen, and passes on what the daemon says: the token stays here."""
    with serve(daemon_of(PAIR), pair=IMPOSTOR) as between:
        trusted = KnownDaemon(IMPOSTOR.certificate, TOKEN)
        with pytest.raises(Unauthenticated, match="does not know this token, or somebody stands between it and you"):
            check_known(between.address, trusted)
        remember(home, between.address, trusted)
        with pytest.raises(JobFailed, match="The token of this call is not that of the daemon") as caught:
            ask(between.address)
        assert "acebridge token new" in caught.value.remedy
        assert between.calls == []
        assert between.checks > 1


@pytest.mark.parametrize("address", ["studio.local:50710", "192.168.1.20:50710", "[fd00::1]:50710", "127.1:50710"])
def test_beyond_this_machine_no_call_is_made_to_who_is_not_trusted(
    home: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ACEBRIDGE_TOKEN", TOKEN)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be looked up or opened")

    for name in ("insecure_channel", "secure_channel"):
        monkeypatch.setattr(grpc, name, refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for use in (lambda: Client(address), lambda: Client(address, token=TOKEN), lambda: answers(address)):
        with pytest.raises(Unauthenticated) as caught:
            use()
        assert str(caught.value).startswith(
            f"The daemon at {address} is not trusted yet. Run `acebridge trust {address}`, "
        )
    remember(home, address, KnownDaemon(PAIR.certificate))
    assert route_to(address, home) == Route(address, PAIR.certificate)


def test_a_daemon_of_this_machine_has_one_address(home: Path) -> None:
    for address in ("localhost:50710", "127.0.0.1:50710", "[::ffff:127.0.0.1]:50710"):
        assert route_to(address, home) == Route("127.0.0.1:50710")
    assert route_to("[::1]:50710", home) == Route("[::1]:50710")


def test_no_proxy_of_the_environment_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("grpc_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # where nothing answers
    with serve(Recorder([TOKEN])) as daemon:
        assert answers(daemon.address, PATIENCE_S, token=TOKEN)


def test_the_own_daemon_says_itself_what_its_certificate_is(home: Path) -> None:
    own = {"address": "192.168.1.20:50710", "pid": os.getpid(), "start": "", "certificate": PAIR.certificate}
    (home / "daemon.json").write_text(json.dumps(own))
    remember(home, "192.168.1.20:50710", KnownDaemon(IMPOSTOR.certificate, OTHER))
    (home / "token").write_text(TOKEN)
    for address in ("192.168.1.20:50710", "localhost:50710"):
        assert route_to(address, home) == Route("192.168.1.20:50710", PAIR.certificate, is_own=True)
        assert token_for(address) == TOKEN


def test_a_port_without_tls_is_named(home: Path) -> None:
    with serve(Recorder([TOKEN])) as plain:
        route = Route(plain.address, PAIR.certificate)
        says = rf"^What answers at {plain.address} does not speak TLS, without which no token leaves this machine\."
        for use in (lambda: fetch_certificate(plain.address), lambda: check_certificate(route)):
            with pytest.raises(Unavailable, match=says):
                use()
        remember(home, plain.address, KnownDaemon(PAIR.certificate, TOKEN))
        with pytest.raises(Unavailable, match=says):
            find_daemon(plain.address, autostart=True, warn=print)
        with pytest.raises(ConnectionLost):
            ask(plain.address)
        assert (plain.calls, plain.checks) == ([], 0)


def test_who_closes_the_connection_without_a_word_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def close() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(65536)  # unread bytes would reset the connection

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(ConnectionAbortedError, match="closed before there was an answer"):
            fetch_certificate(f"127.0.0.1:{server.getsockname()[1]}")
        closing.join(PATIENCE_S)


def test_a_port_with_tls_on_this_machine_is_named() -> None:
    with serve(daemon_of(PAIR), pair=PAIR) as daemon:
        says = rf"^The daemon at {daemon.address} is not trusted yet\. Run `acebridge trust {daemon.address}`"
        with pytest.raises(Unauthenticated, match=says):
            find_daemon(daemon.address, autostart=True, warn=print)
        assert (daemon.calls, daemon.checks) == ([], 0)


def test_a_daemon_elsewhere_that_has_ended_is_not_started_here(home: Path) -> None:
    with serve(daemon_of(PAIR), pair=PAIR) as daemon:
        address = daemon.address
    remember(home, address, KnownDaemon(PAIR.certificate, TOKEN))
    with pytest.raises(Unavailable, match=rf"^No AceBridge daemon answers at {address}\. Start it on its machine: "):
        find_daemon(address, autostart=True, warn=print)
    with pytest.raises(OSError, match="refused"):
        fetch_certificate(address)


@pytest.mark.parametrize(
    ("pair", "why"),
    [(make_pair("x", begin_days=-9, end_days=-1), "has expired: it was valid until "),
     (make_pair("x", begin_days=1), "is not valid before "), (make_pair(common_name=""), "is for no name and no address")],
)  # fmt: skip
def test_a_trusted_certificate_that_cannot_be_checked(home: Path, pair: Pair, why: str) -> None:
    with serve(daemon_of(pair), pair=pair) as daemon:
        remember(home, daemon.address, KnownDaemon(pair.certificate, TOKEN))
        with pytest.raises(Unauthenticated, match=f"^The certificate of the daemon at {daemon.address} {why}"):
            find_daemon(daemon.address, autostart=False, warn=print)


def test_names_are_looked_up_as_everywhere_on_this_machine() -> None:
    """The resolver of gRPC itself does not know those of a local network. This name is none, which needs no network."""
    program = f"""
import acebridge.client.channels as channels
channel = channels.open_route(channels.Route("{"a" * 70}.local:1"))
channel.unary_unary("/x/y")(b"", timeout={PATIENCE_S})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S)
    assert "getaddrinfo" in done.stderr


def test_clients_do_not_ask_more_often_than_a_daemon_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks too often whether the other end is there is disconnected, with all calls."""
    given: dict[str, object] = {}
    monkeypatch.setattr(grpc, "secure_channel", lambda *_, options: given.update(options))
    open_route(Route("studio.local:50710", PAIR.certificate))
    assert given["grpc.keepalive_time_ms"] > 2 * connections.LEAST_PING_MS  # type: ignore[operator]
    assert given["grpc.http2.max_pings_without_data"] == 0  # as often as it takes


def test_one_that_takes_too_long_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        fetch_certificate(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.01)
