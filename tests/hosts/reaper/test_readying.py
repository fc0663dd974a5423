"""The command is started before the dialog: whatever comes of that, it does the job, or is gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.daemon import until
from tests.support.reaper_studio import Studio

pytestmark = pytest.mark.slow


def _folders(studio: Studio) -> list[Path]:
    return list(studio.reaper.resource.glob("AceBridge/jobs/*"))


def _commands(folder: Path) -> list[psutil.Process]:
    """The commands that serve jobs below a folder."""
    lines = {process: " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])}
    return [process for process, line in lines.items() if "reaper run" in line and str(folder) in line]


def _has_loaded_all(command: psutil.Process) -> bool:
    """Whether it has the last of what it loads before it waits: the library behind soundfile."""
    with suppress(psutil.Error):
        return any("sndfile" in each.path for each in command.memory_maps())
    return False


def test_a_dialog_that_is_cancelled_leaves_no_folder_and_no_command(studio: Studio, tmp_path: Path) -> None:
    studio.reaper.form(None)
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.reaper.finish()
    assert not _folders(studio)
    assert not studio.reaper.messages
    until(lambda: not _commands(tmp_path), "the command that waited for a request")


def test_a_selection_that_is_not_possible_leaves_neither(studio: Studio, tmp_path: Path) -> None:
    studio.project.time_selection = (500.0, 510.0)
    studio.reaper.form()
    studio.reaper.start("AceBridge_Cover.lua")
    studio.reaper.finish()
    assert len(studio.reaper.messages) == 1
    assert not _folders(studio)
    until(lambda: not _commands(tmp_path), "the command that waited for a request")


def test_a_command_that_has_given_up_is_replaced(studio: Studio, tmp_path: Path) -> None:
    """It takes the sign away itself when the musician lets the dialog wait for too long."""
    studio.project.time_selection = (1.0, 2.0)

    def slow(_captions: list[str], offered: list[str]) -> list[str]:
        (folder,) = _folders(studio)
        until(lambda: any(map(_has_loaded_all, _commands(tmp_path))), "the command to wait")
        (folder / "readying").unlink()
        until(lambda: not _commands(tmp_path), "the command that gives up")
        return offered

    studio.reaper.form(slow)
    studio.reaper.start("AceBridge_Generate here.lua")
    studio.reaper.finish()
    studio.reaper.check()
    assert not studio.reaper.messages
    assert studio.project.undo
