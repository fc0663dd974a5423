"""Who may do what: roots, tokens, machines."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import NamedTuple

import pytest

from acebridge.errors import Unauthenticated
from acebridge.hosts.osc.access import MAX_SENDERS, Access
from acestep_runtime.errors import InvalidValue

TOKEN = "5ec2e7"


class FakePeer(NamedTuple):
    """A peer that sends nothing."""

    host: str = "127.0.0.1"
    is_stream: bool = False
    key: Hashable = 0

    def send(self, packet: bytes) -> None:
        raise AssertionError(packet)


def access(root: Path, allow: tuple[str, ...] = ()) -> Access:
    return Access((root.resolve(),), lambda: TOKEN, allow)


def test_paths_are_full_and_below_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path)
    monkeypatch.setenv("HOME", str(root))
    checks = access(root)
    own = root.resolve() / "in"
    assert checks.check_path(str(root / "in" / "a.wav"), "source", is_trusted=False) == own / "a.wav"
    assert checks.check_path("~/in", "output", is_trusted=False) == own
    for path in (
        "a.wav",
        "",
        str(tmp_path),
        f"{root}/../b.wav",
        f"{root}/link/b.wav",
        f"{root}x/b.wav",
        "/a\0b",
        "x" * 5000,
    ):
        with pytest.raises(InvalidValue) as caught:
            checks.check_path(path, "source", is_trusted=False)
        assert caught.value.field == "source"
    assert checks.check_path(str(tmp_path / "b.wav"), "source", is_trusted=True) == tmp_path.resolve() / "b.wav"
    with pytest.raises(InvalidValue, match="a full path"):
        checks.check_path("b.wav", "source", is_trusted=True)


def test_a_token_counts_for_its_peer_until_that_is_gone(tmp_path: Path) -> None:
    checks = access(tmp_path)
    for token in ("", "wrong", "ä" * 6, TOKEN[:-1]):
        with pytest.raises(Unauthenticated):
            checks.present(FakePeer(), token)
    one, two = FakePeer(key=1), FakePeer(key=2)
    checks.present(one, f" {TOKEN}\n")
    assert (checks.is_trusted(one), checks.is_trusted(two)) == (True, False)
    checks.forget(one)
    assert not checks.is_trusted(one)


def test_a_token_counts_until_the_daemon_has_another(tmp_path: Path) -> None:
    tokens = [TOKEN]
    checks = Access((tmp_path,), lambda: tokens[-1])
    checks.present(FakePeer(), TOKEN)
    assert checks.is_trusted(FakePeer())
    tokens.append("another")
    assert not checks.is_trusted(FakePeer())


def test_no_token_is_no_token(tmp_path: Path) -> None:
    checks = Access((tmp_path,), lambda: "")
    with pytest.raises(Unauthenticated):
        checks.present(FakePeer(), "")


def test_senders_with_token_are_few(tmp_path: Path) -> None:
    checks = access(tmp_path)
    peers = [FakePeer(key=number) for number in range(MAX_SENDERS + 5)]
    for peer in peers:
        checks.present(peer, TOKEN)
    assert [checks.is_trusted(peer) for peer in peers] == [False] * 5 + [True] * MAX_SENDERS


def test_other_machines_need_to_be_allowed_or_a_token_over_tcp(tmp_path: Path) -> None:
    checks = access(tmp_path, ("192.168.1.20",))
    tablet, stranger = FakePeer("192.168.1.20", key=1), FakePeer("192.168.1.21", key=2)
    stream = FakePeer("192.168.1.21", is_stream=True, key=3)
    assert [checks.admits(peer) for peer in (FakePeer(), FakePeer("::1"), tablet, stranger, stream)] == [1, 1, 1, 0, 0]
    with pytest.raises(Unauthenticated, match="over UDP"):
        checks.present(stranger, TOKEN)
    with pytest.raises(Unauthenticated, match="need the token"):
        checks.check(stream)
    checks.present(stream, TOKEN)
    checks.check(stream)


def test_feedback_stays_on_this_machine_without_token(tmp_path: Path) -> None:
    checks, peer = access(tmp_path, ("192.168.1.20",)), FakePeer()
    assert checks.check_feedback(peer, "localhost") == "127.0.0.1"
    assert checks.check_feedback(peer, "::1") == "::1"
    assert checks.check_feedback(peer, "192.168.1.20") == "192.168.1.20"
    for host in (
        "192.168.1.21",
        "0.0.0.0",
        "255.255.255.255",
        "example.org",
        "",
        "127.0.0.1.example.org",
        "2130706433",
        "127.0.0.1%.example.org",
    ):
        with pytest.raises(InvalidValue):
            checks.check_feedback(peer, host)


def test_feedback_goes_to_addresses_and_not_to_names(tmp_path: Path) -> None:
    checks, trusted = access(tmp_path), FakePeer(key=1)
    checks.present(trusted, TOKEN)
    assert checks.check_feedback(trusted, "10.0.0.9") == "10.0.0.9"
    with pytest.raises(InvalidValue, match="an address in numbers"):
        checks.check_feedback(trusted, "tablet.local")  # looking it up would keep all others waiting
