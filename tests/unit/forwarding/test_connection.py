"""A connection serves several orders, and not when it may be dead."""

from __future__ import annotations

from typing import Any

import pytest

from acebridge.errors import InvalidSetting
from acebridge.forwarding import connection as connection_module
from acebridge.forwarding.connection import Connection
from acebridge.v1 import models_pb2


class FakeClient:
    """A client of a daemon with these devices."""

    models: Any = type("Models", (), {"GetCapabilities": None})
    devices: tuple[str, ...] = ("cpu",)

    def __init__(self, _address: str) -> None:
        pass

    def call(self, *_: object) -> models_pb2.Capabilities:
        return models_pb2.Capabilities(devices=self.devices)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "Client", FakeClient)


def test_a_daemon_that_is_connected_itself_gets_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection("studio.local:1")
    monkeypatch.setattr(FakeClient, "devices", ("cpu", "remote:laptop.local:50710"))
    with pytest.raises(
        InvalidSetting, match=r"^studio\.local is itself connected to another daemon, laptop\.local:50710"
    ):
        connection.get()
    monkeypatch.setattr(FakeClient, "devices", ("cpu",))
    assert connection.get()


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
