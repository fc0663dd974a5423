"""A small project in the simulated REAPER whose jobs a test answers on its own, without a daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.api import VERSIONS
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_answers import answer
from tests.support.reaper_studio import RATE_HZ, media

#: Where the item lies and where it begins in its file, in frames; on no round numbers.
AT, LENGTH, OFFSET = 10 * RATE_HZ + 123, 4 * RATE_HZ, 4_410
#: What of it is repainted.
START, STOP = AT + RATE_HZ + 77, AT + 2 * RATE_HZ + 991


#: Runs a test in every version of REAPER, each with its Lua.
on_every_version = pytest.mark.parametrize("version", VERSIONS)


@dataclass
class Scene:
    """A track with an item of noise, and another one 10 ms after it."""

    r: Reaper
    project: Any
    track: Any
    item: Any
    second: Any
    folder: Path

    def render(self) -> np.ndarray:
        """Return the left channel of the first 40 s."""
        return self.project.render(0, 40)[:, 0]

    def new_tracks(self) -> list[Any]:
        return [track for track in self.project.tracks if track is not self.track]

    def start(self, action: str, **form: Any) -> None:
        self.r.form(**form)
        self.r.start(f"AceBridge_{action}.lua")

    def wait(self) -> Path:
        """Wait until a job is sent that was not answered yet; return its folder."""
        jobs = self.r.resource / "AceBridge" / "jobs"
        return self.r.until(
            lambda: [p.parent for p in jobs.glob("*/request.json") if not (p.parent / "result.json").exists()]
        )[0]

    def send(self, action: str, **form: Any) -> Path:
        """Start an action with its defaults; return the folder of its job."""
        self.start(action, **form)
        return self.wait()

    def request(self, folder: Path) -> dict[str, Any]:
        return json.loads((folder / "request.json").read_text("utf-8"))

    def finish(self, folder: Path) -> None:
        """Let the result of a job come, and all scripts end."""
        answer(folder)
        self.r.finish()

    def run(self, action: str, **form: Any) -> dict[str, Any]:
        """Run an action to its end; return its request."""
        folder = self.send(action, **form)
        self.finish(folder)
        return self.request(folder)

    def select(self) -> None:
        """Make the time selection that is repainted."""
        self.project.time_selection = (START / RATE_HZ, STOP / RATE_HZ)
        self.project.settle()


@contextmanager
def open_scene(folder: Path, version: str = "7.40", scripts: Path = SCRIPTS) -> Iterator[Scene]:
    """Open a REAPER with a command that does nothing, no window, and a project at 120 BPM."""
    command = folder / "acebridge"
    command.write_text("#!/bin/sh\n", "utf-8")
    command.chmod(0o755)
    with Reaper(folder, rate=RATE_HZ, version=version, scripts=scripts) as r:
        r.ext.update({("AceBridge", "command"): str(command), ("AceBridge", "cleaned"): "9999999999"})
        r.ext["AceBridge", "window"] = "no"
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (20 * RATE_HZ, 2)).astype(np.float32)
        track = r.project.add_track("Guitar")
        r.project.tempo(0, 120, 4, 4)
        item = track.add_item(media(folder / "a.wav", noise), AT / RATE_HZ, LENGTH / RATE_HZ, OFFSET / RATE_HZ, "riff")
        backwards = media(folder / "b.wav", noise[::-1].copy())
        second = track.add_item(backwards, (AT + LENGTH + 441) / RATE_HZ, 3.0, 0.0, "next")
        item.selected = 1
        item.notes = "la"
        r.project.settle()
        yield Scene(r, r.project, track, item, second, folder)
