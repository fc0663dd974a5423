"""``acebridge protools``, with a fake Pro Tools."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acestep_runtime.audio.samples import Samples
from tests.support.conformance import FIRST, LAST, LENGTH, RATE_HZ, HostConformance, Scene, begins_at_position
from tests.support.daemon import PATIENCE_S, Daemon, until
from tests.support.fake_protools import FakeProTools, FakeTrack
from tests.support.shell import Shell


class ProToolsHost:
    """A session with each track's audio in a clip: a repaint is a clip on a new track below it."""

    begins_at = staticmethod(begins_at_position)

    def __init__(self, pro: FakeProTools, shell: Shell, scene: Scene) -> None:
        self.pro, self.shell = pro, shell
        self._jobs = Path(shell.environment["ACEBRIDGE_HOME"]) / "protools" / "jobs"
        self._tracks = [pro.add_track(track.name, channels=track.audio.shape[1]) for track in scene.tracks]
        for own, track in zip(self._tracks, scene.tracks, strict=True):
            pro.put(own, track.at, track.audio)
        self._processes: dict[Path, subprocess.Popen[str]] = {}
        self._said = ""

    def repaint(self, track: int, caption: str, engine: str) -> Path:
        known = set(self._jobs.glob("*/request.json"))
        for number, own in enumerate(self._tracks):
            own.selected = number == track
        self.pro.span = (FIRST, LAST)
        process = self._start("run", "repaint", caption, "-e", engine)
        (file,) = until(lambda: set(self._jobs.glob("*/request.json")) - known, "the request")
        self._processes[file.parent] = process
        return file.parent

    def settle(self, job: Path) -> None:
        if job in self._processes:
            self._wait(self._processes.pop(job))

    def cancel(self, job: Path) -> None:
        self._processes[job].send_signal(signal.SIGINT)

    def close(self) -> None:
        self.pro.stop()

    def open(self) -> None:
        for job in list(self._processes):
            self.settle(job)  # it has found no Pro Tools
        self.pro.start()
        self._wait(self._start("place"))

    def plays(self, *, results: bool = True) -> list[Samples]:
        played = []
        for own in self._tracks:
            sound = own.audio(0, LENGTH)
            for clip in (clip for track in self._new_tracks(own) for clip in track.clips) if results else ():
                end = min(LENGTH, clip.sample + len(clip.audio))
                sound[clip.sample : end] = clip.audio[: end - clip.sample]
            played.append(sound)
        return played

    def results(self) -> list[Path]:
        return [clip.file for track in self.pro.tracks for clip in track.clips if clip.file]

    def messages(self) -> str:
        return self._said

    def _new_tracks(self, own: FakeTrack) -> list[FakeTrack]:
        """The new tracks below one of the scene."""
        tracks = self.pro.tracks[self.pro.tracks.index(own) + 1 :]
        end = next((number for number, track in enumerate(tracks) if track in self._tracks), len(tracks))
        return tracks[:end]

    def _start(self, *words: str) -> subprocess.Popen[str]:
        return self.shell.start("protools", *words, "--port", str(self.pro.port))

    def _wait(self, process: subprocess.Popen[str]) -> None:
        self._said += "".join(process.communicate(timeout=PATIENCE_S))


class TestProTools(HostConformance):
    """Pro Tools, faked."""

    @pytest.fixture
    def host(self, tmp_path: Path, scene: Scene, daemon: Daemon) -> Iterator[ProToolsHost]:
        folder = tmp_path / "work"
        folder.mkdir()
        with FakeProTools(tmp_path / "Sitzung Ä", RATE_HZ) as pro, Shell(folder, daemon.environment) as shell:
            yield ProToolsHost(pro, shell, scene)
