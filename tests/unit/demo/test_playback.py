"""Playback: the samples sent to the sound card, and a plain sentence without one."""

from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acebridge.demo.playback import play

SOUND = np.zeros((10, 2), np.float32)


class PortAudioError(Exception):
    pass


def test_playback_runs_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    card = SimpleNamespace(
        PortAudioError=PortAudioError,
        play=lambda samples, rate_hz: calls.append((samples is SOUND, rate_hz)),
        wait=lambda: calls.append("waited"),
    )
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    assert play(SOUND, 48_000) == ""
    assert calls == [(True, 48_000), "waited"]


def test_a_missing_device_gives_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PortAudioError("Error querying device -1")

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(PortAudioError=PortAudioError, play=refuse))
    assert play(SOUND, 48_000) == "There is no sound output here: Error querying device -1."


def test_a_missing_library_gives_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "PortAudio library is not installed" in play(SOUND, 48_000)
