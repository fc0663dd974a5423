"""The scripts for REAPER, in the simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from acestep_runtime.audio.samples import Samples
from tests.support.conformance import FIRST, LAST, LENGTH, RATE_HZ, HostConformance, Scene, begins_at_position
from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.sound import track_samples
from tests.support.fake_reaper.state import Item
from tests.support.reaper_studio import COMMAND

_ESCAPE = 27


class ReaperHost:
    """A REAPER with each track's audio in an item: a repaint is a take of it."""

    begins_at = staticmethod(begins_at_position)

    def __init__(self, reaper: Reaper, scene: Scene) -> None:
        self.reaper = reaper
        self._shown: list[str] = []
        reaper.ext.update({("AceBridge", "command"): COMMAND, ("AceBridge", "cleaned"): "9999999999"})
        reaper.ext["AceBridge", "window"] = "no"
        for track in scene.tracks:
            item = reaper.project.add_track(track.name).add_item(track.file, track.at / RATE_HZ)
            item.fade_in = item.fade_out = 0
        self._channels = [track.audio.shape[1] for track in scene.tracks]
        reaper.project.settle()

    def repaint(self, track: int, caption: str, engine: str) -> Path:
        project, known = self.reaper.project, set(self._requests())
        self.reaper.ext["AceBridge", "engine"] = engine
        project.time_selection = (FIRST / RATE_HZ, LAST / RATE_HZ)
        for number, item in enumerate(self._items()):
            item.selected = float(number == track)
        project.settle()
        self.reaper.form(Style=caption)
        self.reaper.start("AceBridge_Repaint time selection.lua")
        (file,) = self.reaper.until(lambda: set(self._requests()) - known)
        return file.parent

    def settle(self, job: Path) -> None:
        del job
        if self.reaper.window().is_open:
            self.reaper.tick(40)  # more than a second
            self._shown += [text.text for text in self.reaper.window().texts]
            self.reaper.window().key(_ESCAPE)
        self.reaper.finish()

    def cancel(self, job: Path) -> None:
        del job
        self.reaper.run("AceBridge_Cancel.lua")

    def close(self) -> None:
        for script in self.reaper.scripts:
            script.end()
        for key in [key for key in self.reaper.ext if key[1].startswith("sent ") or key[1] in ("watcher", "panel")]:
            del self.reaper.ext[key]  # what does not last

    def open(self) -> None:
        self.reaper.start("AceBridge_Job list.lua")

    def plays(self, *, results: bool = True) -> list[Samples]:
        chosen = [item["I_CURTAKE"] for item in self._items()]
        if not results:
            for item in self._items():
                item["I_CURTAKE"] = 0
        tracks = self.reaper.project.tracks
        played = [
            track_samples(track, RATE_HZ, 0, LENGTH, channels).astype("float32")
            for track, channels in zip(tracks, self._channels, strict=True)
        ]
        for item, take in zip(self._items(), chosen, strict=True):
            item["I_CURTAKE"] = take
        return played

    def results(self) -> list[Path]:
        return [Path(take.source.path) for item in self._items() for take in item.takes[1:] if take.source]

    def messages(self) -> str:
        return "\n".join([*self.reaper.messages, self.reaper.console, *self._shown])

    def _items(self) -> list[Item]:
        return [item for track in self.reaper.project.tracks for item in track.items]

    def _requests(self) -> list[Path]:
        return sorted((self.reaper.resource / "AceBridge" / "jobs").glob("*/request.json"))


class TestReaper(HostConformance):
    """REAPER, simulated."""

    @pytest.fixture
    def host(self, tmp_path: Path, scene: Scene) -> Iterator[ReaperHost]:
        folder = tmp_path / "리퍼 'n' \"ünï\" 🎸"
        folder.mkdir()
        with Reaper(folder, rate=RATE_HZ) as reaper:
            yield ReaperHost(reaper, scene)
