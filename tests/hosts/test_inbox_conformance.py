"""The watchers of an inbox get everything right that the protocol asks of them: the example, and that of REAPER."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fake_reaper import Reaper
from tests.support.inbox_conformance import RATE_HZ, InboxConformance, Watcher
from tests.support.paths import ROOT
from tests.support.reaper_studio import COMMAND

_spec = importlib.util.spec_from_file_location("inbox_host", ROOT / "examples" / "inbox_host.py")
assert _spec is not None
assert _spec.loader is not None
example = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = example  # where its dataclass looks for its names
_spec.loader.exec_module(example)


class ExampleWatcher:
    """The example, by its own functions."""

    def __init__(self, root: Path) -> None:
        self.inbox, self._files = root / "inbox", []  # type: ignore[var-annotated]
        self._project = example.Project("/songs/song", root / "Media", lambda *placed: self._files.append(placed))
        self._watcher = example.Watcher(self.inbox, self._project)

    def look(self) -> None:
        self._watcher.look()

    def record(self, on: bool) -> None:
        self._project.recording = on

    def list_files(self) -> list[tuple[str, float]]:
        return [(str(file), position_s) for file, position_s in self._files]

    def die(self) -> None:
        """It does nothing unless it is asked to look."""


class ReaperWatcher:
    """The job list in the simulated REAPER."""

    def __init__(self, root: Path, reaper: Reaper) -> None:
        self.inbox, self.reaper = root / "REAPER" / "AceBridge" / "inbox", reaper
        reaper.ext.update({("AceBridge", "command"): COMMAND, ("AceBridge", "cleaned"): "9999999999"})
        reaper.project.file = str(root / "Song.rpp")
        reaper.start("AceBridge_Job list.lua")

    def look(self) -> None:
        self.reaper.tick(40)  # more than a second
        self.reaper.check()

    def record(self, on: bool) -> None:
        self.reaper.project.playing = 5 if on else 0

    def list_files(self) -> list[tuple[str, float]]:
        return [(item.active.source.path, item.position) for item in self.reaper.project.items()]

    def die(self) -> None:
        for script in self.reaper.scripts:
            script.at_exits.clear()
            script.end()


class TestExampleWatcher(InboxConformance):
    """The watcher in examples/."""

    @pytest.fixture
    def open_watcher(self, tmp_path: Path) -> Callable[[], Watcher]:
        return lambda: ExampleWatcher(tmp_path / "host")


class TestReaperWatcher(InboxConformance):
    """That of REAPER's scripts."""

    @pytest.fixture
    def open_watcher(self, tmp_path: Path) -> Iterator[Callable[[], Watcher]]:
        root = tmp_path / "host"
        with ExitStack() as stack:
            yield lambda: ReaperWatcher(root, stack.enter_context(Reaper(root, rate=RATE_HZ)))
