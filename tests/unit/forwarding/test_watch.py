"""The watch says each change of the line once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import ConnectionLost, ErrorReason
from acebridge.forwarding import watch as watch_module
from acebridge.forwarding.watch import Report

UP: Report = {"up": True, "why": "", "version": "1", "missing": "", "tasks": [], "models": [], "adapters": []}
DOWN: Report = {"up": False, "why": "127.0.0.1 does not answer."}


class Enough(Exception):
    pass


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "_LOOK_S", 0.0)


def test_each_change_is_said_once(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    lost = ConnectionLost(ErrorReason.UNAVAILABLE, "Gone.")
    answers: list[Any] = [lost, lost, UP, UP, lost, {**UP, "version": "2"}, Enough()]

    def ask(address: str) -> Report:
        assert address == "127.0.0.1:1"
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: Report = answer
        return found

    monkeypatch.setattr(watch_module, "ask", ask)
    monkeypatch.setattr(watch_module, "_stay", lambda _address, _home, _asked: None)  # the line breaks at once
    said: list[Report] = []
    with pytest.raises(Enough):
        watch_module.watch("127.0.0.1:1", home, said.append, threading.Event())
    assert said == [DOWN, UP, DOWN, {**UP, "version": "2"}]


def test_who_asks_gets_an_answer(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    answers = [UP, UP, {**UP, "models": ["new"]}]
    is_asked = threading.Event()

    def stay(_address: str, _home: Path, _asked: threading.Event) -> None:
        if not answers:
            raise Enough
        is_asked.set()

    monkeypatch.setattr(watch_module, "ask", lambda _: answers.pop(0))
    monkeypatch.setattr(watch_module, "_stay", stay)
    said: list[Report] = []
    with pytest.raises(Enough):
        watch_module.watch("127.0.0.1:1", home, said.append, is_asked)
    assert said == [UP, UP, {**UP, "models": ["new"]}]
