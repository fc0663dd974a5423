"""The actions in Ableton Live, in a simulated one."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from acebridge.hosts.live import extension, job
from acebridge.hosts.live.extension import Actions, Service
from acestep_runtime.audio.samples import Samples
from tests.support.conformance import FIRST, LAST, LENGTH, RATE_HZ, HostConformance, Scene
from tests.support.daemon import until
from tests.support.fake_live import FakeLive
from tests.support.live_service import MENU, serving

#: Of a Set at 120 BPM.
BEAT_FRAMES = RATE_HZ // 2
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)


class LiveHost:
    """A Set with each track's audio in a clip: a repaint is a take on a lane of the track."""

    def __init__(self, live: FakeLive, scene: Scene, stack: ExitStack) -> None:
        self.live, self._stack = live, stack
        self._tracks = [live.add_track(track.name) for track in scene.tracks]
        for number, track in zip(self._tracks, scene.tracks, strict=True):
            live.add_clip(number, track.at / BEAT_FRAMES, track.file)
        self._engine = ""
        self._begun = self._ended = 0
        original = Actions._guard

        def guard(actions: Actions, title: str, work: Callable[[], None]) -> None:
            self._begun += 1
            original(actions, title, work)
            self._ended += 1

        stack.enter_context(mock.patch.object(Actions, "_guard", guard))  # nothing else says when a click is dealt with
        stack.enter_context(mock.patch.object(extension, "RETURN_S", 0.0))  # a Live that is closed stays away for long

    def repaint(self, track: int, caption: str, engine: str) -> Path:
        self._serve(engine)
        known = set(job.jobs_folder().glob("*/request.json"))
        self.live.answers.append({"style": caption})
        self.live.select("Repaint selection", FIRST / BEAT_FRAMES, LAST / BEAT_FRAMES, self._tracks[track])
        (file,) = until(lambda: set(job.jobs_folder().glob("*/request.json")) - known, "the request")
        return file.parent

    def settle(self, job: Path) -> None:
        del job
        until(lambda: self._begun == self._ended, "the end of the actions")

    def cancel(self, job: Path) -> None:
        del job
        self.live.cancel()

    def close(self) -> None:
        self.live.close()
        self.live.menu.clear()

    def open(self) -> None:
        self.settle(Path())  # what ran meanwhile has found no Live
        self.live.open()
        until(lambda: len(self.live.menu) == MENU, "the menu")
        begun = self._begun
        self.live.select("Place waiting results", 0.0, 1.0, self._tracks[0])
        until(lambda: self._begun > begun, "the action")

    def plays(self, *, results: bool = True) -> list[Samples]:
        played = []
        for track in self._tracks:
            sound = self.live.playback(track, 0.0, LENGTH / BEAT_FRAMES)
            for lane in self.live.objects[track]["lanes"] if results else ():
                take = self.live.playback(lane, 0.0, LENGTH / BEAT_FRAMES)
                for clip in (self.live.objects[number] for number in self.live.objects[lane]["clips"]):
                    start = self.live.frame_at(clip["start"])
                    sound[start : start + clip["frames"]] = take[start : start + clip["frames"]]
            played.append(sound.astype("float32"))
        return played

    def results(self) -> list[Path]:
        others = [number for number in self.live.tracks().values() if number not in self._tracks]
        places = [*(lane for track in self._tracks for lane in self.live.objects[track]["lanes"]), *others]
        return [Path(self.live.objects[clip]["file"]) for place in places for clip in self.live.objects[place]["clips"]]

    def messages(self) -> str:
        return "\n".join(html.unescape(text) for page in self.live.pages for text in _PARAGRAPH.findall(page))

    def begins_at(self, request: Mapping[str, Any]) -> int:
        (target,) = request["place"]
        return round(target["anchors"][0][1] * BEAT_FRAMES)

    def _serve(self, engine: str) -> None:
        """Have the actions work with an engine, as an option of the program says."""
        if engine != self._engine:
            assert not self._engine
            self._stack.enter_context(serving(self.live, Service(engine)))
            self._engine = engine


class TestLive(HostConformance):
    """Live, simulated."""

    @pytest.fixture
    def host(self, tmp_path: Path, scene: Scene) -> Iterator[LiveHost]:
        with closing(FakeLive(tmp_path / "Sängerin & Cie")) as live, ExitStack() as stack:
            yield LiveHost(live, scene, stack)
