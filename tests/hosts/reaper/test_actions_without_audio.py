"""Actions that make no audio and leave the project as it is."""

from __future__ import annotations

import pytest

from tests.support.reaper_studio import Studio

pytestmark = pytest.mark.slow


def test_doctor_finds_everything(studio: Studio) -> None:
    studio.run("Doctor")
    (message,) = studio.reaper.messages
    assert message.startswith("Command: ")
    assert "daemon: version" in message
    assert studio.project.undo == []
    assert studio.jobs() == []


def test_settings_are_kept(studio: Studio) -> None:
    studio.run("Settings", **{"Context in seconds": "12"})
    assert studio.reaper.ext[("AceBridge", "context_s")] == "12"
    assert studio.project.undo == []
