"""Finding a daemon, and not waiting for one that cannot come."""

from __future__ import annotations

import socket

import pytest

from acebridge.client.discovery import _reason, find_address
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import Daemon
from tests.support.shell import FAKE, Shell

BAD = ["", "localhost", "localhost:", ":50710", "127.0.0.1:port", "127.0.0.1:0", "127.0.0.1:65536", "::1:50710", "[]:1",
       "127.0.0.1:-1", "a b:1", "http://127.0.0.1:50710", "127.0.0.1:٣", "caf\udce9:1"]  # fmt: skip


@pytest.mark.parametrize("address", BAD)
def test_an_address_that_is_none_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidValue, match=r"^--address is .*; allowed: host:port, .* Write for example 127"):
        find_address(address)
    if address:
        monkeypatch.setenv("ACEBRIDGE_ADDRESS", address)
        with pytest.raises(InvalidValue, match=r"^ACEBRIDGE_ADDRESS is"):
            find_address()


@pytest.mark.parametrize("address", ["127.0.0.1:50710", "localhost:1", "[::1]:65535", "studio-2.local:8080"])
def test_addresses(address: str) -> None:
    assert find_address(address) == address


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_ADDRESS", "")
    assert find_address() == ""


def test_the_command_says_so(shell: Shell) -> None:
    message = shell.failure("status", "--address", "localhost")
    assert message.startswith("--address is 'localhost'; allowed: host:port")
    assert shell.failure("generate", "--address", "", *FAKE).startswith("--address is ''; allowed: host:port")
    assert shell.failure("doctor", "--address", "127.0.0.1:high").startswith("--address is '127.0.0.1:high'; allowed:")


def test_where_nothing_answers_is_said_at_once(shell: Shell, daemon: Daemon) -> None:
    with socket.socket() as taken:  # nobody else can have the port, and nobody listens there
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        message = shell.failure("generate", "--address", nobody, *FAKE, code=3)
    assert message == (
        f"No AceBridge daemon answers at {nobody}; the one of this data folder is at {daemon.address}."
        " Leave the address out, or give that one."
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "no message"),
        ("acebridge: The disk is full.\nTraceback\nsys:1: RuntimeWarning: never awaited\n", "The disk is full."),
        ("warning\nSegmentation fault\n", "Segmentation fault"),
    ],
)
def test_why_a_daemon_did_not_start(said: str, reason: str) -> None:
    assert _reason(said) == reason


def test_a_taken_port_is_one_sentence(alone: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = alone.spawn("serve", "--port", str(port), code=2)
        lines = [line for line in done.stderr.splitlines() if " info " not in line]
        assert lines == [
            f"acebridge: Port {port} of 127.0.0.1 is taken by another program."
            " Choose another with --port, or --port 0 for any free one."
        ]
        assert not done.stdout
