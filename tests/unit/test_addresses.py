"""Which addresses are this machine's own, and when two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acebridge.addresses import (
    is_address,
    is_local,
    is_loopback,
    join_address,
    plain_address,
    reachable_host,
    split_address,
)


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("::ffff:127.0.0.1", True),
     ("fe80::1%lo", False), ("10.0.0.1", False), ("", False), ("127.0.0.1%.example.org", False), ("::ffff:10.0.0.1", False)],
)  # fmt: skip
def test_loopback(host: str, own: bool) -> None:
    assert is_loopback(host) == own


@pytest.mark.parametrize("address", ["localhost.example.org:1", "studio.local:50710", "127.1:1", "[::]:1", "0.0.0.0:1"])
def test_a_name_is_not_this_machine_wherever_it_leads(address: str) -> None:
    assert is_address(address)
    assert not is_local(address)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Studio.Local:050", "studio.local.:50"), ("localhost:1", "127.0.0.1:1"), ("[0:0::0:1]:7", "[::1]:7"),
     ("[::ffff:10.0.0.1]:9", "10.0.0.1:9")],
)  # fmt: skip
def test_the_same_address_in_two_forms(one: str, other: str) -> None:
    assert plain_address(one) == plain_address(other)


@given(st.one_of(st.ip_addresses().map(str), st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.local)?", fullmatch=True)),
       st.integers(1, 65535))  # fmt: skip
def test_what_is_joined_is_split_again(host: str, port: int) -> None:
    address = join_address(host, port)
    assert is_address(address)
    assert split_address(address) == (host, port)
    assert plain_address(plain_address(address)) == plain_address(address)


@pytest.mark.parametrize(
    ("listening", "reached"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("0:0::0", "::1"),
        ("192.0.2.7", "192.0.2.7"),
        ("localhost", "localhost"),
    ],
)
def test_where_this_machine_reaches_its_daemon(listening: str, reached: str) -> None:
    assert reachable_host(listening) == reached
