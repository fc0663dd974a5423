"""The user's own daemon takes up its settings."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from acebridge.client import client, discovery, own_daemon, restart
from acebridge.errors import ErrorReason, JobFailed


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What is done with a daemon that is idle."""
    steps: list[str] = []
    monkeypatch.setattr(restart, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(own_daemon, "address_in", lambda _: "127.0.0.1:1")
    monkeypatch.setattr(client, "Client", lambda _: nullcontext())
    monkeypatch.setattr(discovery, "serves", lambda *_: True)
    monkeypatch.setattr(discovery, "start", lambda: steps.append("start"))
    monkeypatch.setattr(restart, "stop_daemon", lambda *_, **__: steps.append("stop"))
    return steps


def test_what_comes_meanwhile_comes_while_no_daemon_runs(steps: list[str]) -> None:
    assert restart.restart_own(meanwhile=lambda: steps.append("meanwhile"))
    assert steps == ["stop", "meanwhile", "start"]


def test_without_a_daemon_none_is_started(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "serves", lambda *_: False)
    assert restart.restart_own(meanwhile=lambda: steps.append("meanwhile"))
    assert steps == ["meanwhile"]


def test_a_daemon_that_goes_on_is_left_alone(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, only_if_idle: bool) -> None:
        assert only_if_idle
        raise JobFailed(ErrorReason.CONFLICT, "It is at work.")

    monkeypatch.setattr(restart, "stop_daemon", refuse)
    assert not restart.restart_own(meanwhile=lambda: steps.append("meanwhile"))
    assert steps == []
