"""installer.lua on a disk that really is full: it says so, and goes on when there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reaper_install import DOCTOR, OK, workshop_at
from tests.support.small_disk import fill, mount_small_disk


@pytest.mark.parametrize("when", ["downloading uv", "unpacking uv", "downloading AceBridge"])
def test_a_full_disk(tmp_path: Path, archive: Path, when: str) -> None:
    disk = tmp_path / "REAPER"
    mount_small_disk(disk, mib=16)
    with workshop_at(tmp_path, archive) as workshop:
        reaper, ballast = workshop.reaper, disk / "ballast"
        workshop.server.may_go_on.clear()
        reaper.answer(OK)
        script = reaper.start(DOCTOR)
        if when != "downloading uv":
            workshop.server.may_go_on.set()
        reaper.until(lambda: script.window.is_open and when in script.window)
        fill(ballast)
        workshop.server.may_go_on.set()
        reaper.finish()
        assert reaper.messages[1].startswith("The disk of REAPER's resource folder is full.\n\nFree 2 GB, ")
        assert not workshop.command.exists()
        ballast.unlink()
        (report,) = workshop.install()
        assert report.startswith("Command: ")
