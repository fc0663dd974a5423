"""The panel in a scene: a window that is high enough for all of it, and the clicks of a musician."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.fake_reaper.script import Script
from tests.support.reaper_answers import answer
from tests.support.reaper_scene import Scene

SCRIPT = "AceBridge_Panel.lua"
#: What follows jobs while no panel is open.
BACKGROUND = "AceBridge_Job list (background).lua"
PLACE = "0 460 1000"
CLICK_TICKS = 4
#: Ticks until a Go is taken again, and jobs are searched for.
REST_TICKS = 40


@dataclass
class Panel:
    """An open panel."""

    scene: Scene
    script: Script

    @property
    def window(self) -> Any:
        return self.script.window

    def tick(self, count: int = 1) -> None:
        self.scene.r.tick(count)

    def words(self) -> str:
        """Everything that the last frame says."""
        return "\n".join(text.text for text in self.window.texts)

    def click(self, text: str, which: int = 0) -> None:
        self.window.click(text, which)
        self.tick(CLICK_TICKS + 1)

    def choose(self, shown: str, name: str, which: int = 0) -> None:
        """Choose a name in the menu that opens where ``shown`` stands."""
        window = self.window
        window.menu_choices.append(0)
        self.click(shown, which)  # once to look at it
        names = [entry.lstrip("!").replace("&&", "&") for entry in window.menus[-1].split("|")]
        window.menu_choices.append(names.index(name) + 1)
        self.click(shown, which)

    def type(self, shown: str, text: str) -> None:
        """Type into the line that shows ``shown``."""
        self.click(shown)
        self.window.press("end")
        for letter in text:
            self.window.press(letter)
        self.tick(2)
        self.window.press(27)
        self.tick(2)

    def go(self) -> Path:
        """Click on Go; return the folder of the job."""
        jobs = self.scene.r.resource / "AceBridge" / "jobs"
        before = set(jobs.glob("*/request.json"))
        self.tick(REST_TICKS)
        self.click("Go")
        return self.scene.r.until(lambda: [p.parent for p in set(jobs.glob("*/request.json")) - before])[0]

    def repaint(self) -> Path:
        """Send what the panel shows, and have its result placed; return the folder of the job."""
        folder = self.go()
        self.answer(folder)
        return folder

    def running(self) -> list[str]:
        """The scripts that run."""
        return [script.name for script in self.scene.r.scripts if not script.ended]

    def answer(self, folder: Path) -> None:
        """Let the result of a job come, and be placed."""
        answer(folder)
        self.scene.r.until(lambda: (folder / "placed").exists())
        self.tick(3)

    def status(self, folder: Path, **changes: Any) -> None:
        """Have the command say this of a job."""
        content = {"version": 1, "state": "running", "stage": "Painting", "fraction": 0.25, "eta_s": 12.0,
                   "position": None, "message": "", "remedy": "", "update_time": time.time(), **changes}  # fmt: skip
        (folder / "status.json").write_text(json.dumps(content), "utf-8")
        self.tick(REST_TICKS)

    def close(self) -> None:
        """Close the window; jobs that run are followed in the background."""
        self.window.key(27)
        self.tick(CLICK_TICKS)
        assert self.script.ended


def open_panel(scene: Scene) -> Panel:
    """Open the panel and let it look at the selection."""
    scene.r.ext.setdefault(("AceBridge", "window_place"), PLACE)
    script = scene.r.start(SCRIPT)
    panel = Panel(scene, script)
    panel.tick(20)
    assert scene.r.faults == []
    return panel
