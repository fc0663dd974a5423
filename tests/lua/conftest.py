"""A studio for each test: the simulated REAPER, a project to work on, and a real daemon with the draft engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from house import Daemon, daemon_at
from signals import song

from tests.lua.fake import Reaper

RATE_HZ = 44_100
COMMAND = str(Path(sys.executable).parent / "acebridge")
#: Where the item lies in the project: on no round number, so that nothing comes out right by chance.
ITEM_AT_S = 44_123 / RATE_HZ


@dataclass
class Studio:
    """A REAPER with a 44.1 kHz project: a band on one track, a pad on another, a tempo change at second 6."""

    reaper: Any
    project: Any
    band: Any
    item: Any
    pad: Any
    song: Path
    folder: Path

    def run(self, action: str, **form: Any) -> None:
        """Run an action with these answers in its dialog, to its end."""
        self.reaper.form(**form)
        self.reaper.run(f"AceBridge_{action}.lua")

    def seen(self) -> dict[str, Any]:
        """What a user would notice of the project; our notes in it and what could be redone are not that."""
        return {key: value for key, value in self.project.state().items() if key not in ("ext", "redo")}

    def jobs(self) -> list[Path]:
        """The job folders that are there."""
        return sorted((self.reaper.resource / "AceBridge" / "jobs").glob("*-*-*"))

    def sent(self) -> None:
        """Wait until a job is sent."""
        self.reaper.until(lambda: [folder for folder in self.jobs() if (folder / "request.json").exists()])


def media(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that the tests of a module share."""
    with daemon_at(tmp_path_factory.mktemp("daemon")) as house:
        yield house


@pytest.fixture
def reaper(tmp_path: Path, house: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reaper]:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(house.home))
    folder = tmp_path / "리퍼 'n' \"ünï\" 🎸"
    folder.mkdir()
    with Reaper(folder, rate=RATE_HZ) as reaper:
        reaper.ext[("AceBridge", "command")] = COMMAND
        reaper.ext[("AceBridge", "engine")] = "draft"
        yield reaper


@pytest.fixture
def studio(reaper: Reaper, tmp_path: Path) -> Studio:
    project = reaper.project
    band = project.add_track('기타 "lead"')
    pad = project.add_track("Päd, très doux")
    path = media(tmp_path / "밴드 'take' 1.wav", song(bpm=100, bars=6, rate_hz=RATE_HZ))
    item = band.add_item(path, position=ITEM_AT_S, length=12.0, offset=0.5)
    pad.add_item(
        media(tmp_path / "pad.wav", 0.2 * song(bpm=100, bars=2, rate_hz=RATE_HZ, seed=3)), position=2.0, length=4.0
    )
    project.tempo(0, 100, 4, 4)
    project.tempo(6, 90)
    project.settle()
    return Studio(reaper, project, band, item, pad, path, tmp_path)
