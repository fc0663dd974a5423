"""A connection serves several orders, and not when it may be dead."""

from __future__ import annotations

from acebridge.forwarding.connection import Connection


def test_a_connection_is_used_again_while_it_is_fresh() -> None:
    now = [0.0]
    connection = Connection("127.0.0.1:1", lambda: now[0])
    first = connection.get()
    now[0] = 19.0
    assert connection.get() is first
    now[0] = 38.0
    assert connection.get() is first
    now[0] = 58.5
    assert connection.get() is not first
    second = connection.get()
    connection.drop()
    connection.drop()
    assert connection.get() is not second
    connection.drop()
