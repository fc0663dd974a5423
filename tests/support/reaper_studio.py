"""A studio: the simulated REAPER and a project to work on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

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

    def visible_state(self) -> dict[str, Any]:
        """What a user would notice of the project; our notes in it and what could be redone are not that."""
        return {key: value for key, value in self.project.state().items() if key not in ("ext", "redo")}

    def jobs(self) -> list[Path]:
        """The job folders that are there."""
        return sorted((self.reaper.resource / "AceBridge" / "jobs").glob("*-*-*"))

    def end_scripts(self) -> None:
        """End all scripts, as when REAPER is closed."""
        for script in self.reaper.scripts:
            script.end()

    def wait_until_sent(self) -> None:
        """Wait until a job is sent."""
        self.reaper.until(lambda: [folder for folder in self.jobs() if (folder / "request.json").exists()])


def media(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path
