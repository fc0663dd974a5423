"""The watch says each change of the line once."""

from __future__ import annotations

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
    monkeypatch.setattr(watch_module, "_stay", lambda _address, _home, _sleep: None)  # the line breaks at once
    said: list[Report] = []
    with pytest.raises(Enough):
        watch_module.watch("127.0.0.1:1", home, said.append, lambda _: None)
    assert said == [DOWN, UP, DOWN, {**UP, "version": "2"}]
