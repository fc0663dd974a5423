"""The host on one page, in examples/. Begin with a copy of this file for a host of your own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from acestep_runtime.audio import decode
from acestep_runtime.audio.samples import Samples
from examples import job_folder_host as example
from tests.support.conformance import FIRST, LAST, RATE_HZ, HostConformance, Scene
from tests.support.daemon import PATIENCE_S, until
from tests.support.paths import ROOT

PROGRAM = ROOT / "examples" / "job_folder_host.py"
_PLACED = re.compile(r"^(/.*\.wav): [0-9.]+ s at ([0-9.]+) s$", re.MULTILINE)


class ExampleHost:
    """The program with a media folder for each track: the track plays what it prints as placed, above its own audio."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._scene = scene
        self._media = [folder / track.name for track in scene.tracks]
        self._processes: dict[Path, subprocess.Popen[str]] = {}
        self._said = ""

    def repaint(self, track: int, caption: str, engine: str) -> Path:
        own, media = self._scene.tracks[track], self._media[track]
        known = set(media.glob("jobs/*/request.json"))
        stretch = (str((frame - own.at) / RATE_HZ) for frame in (FIRST, LAST))
        process = subprocess.Popen(
            [sys.executable, PROGRAM, own.file, *stretch, caption, media, "--engine", engine],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        (file,) = until(lambda: set(media.glob("jobs/*/request.json")) - known, "the request")
        self._processes[file.parent] = process
        return file.parent

    def settle(self, job: Path) -> None:
        if job in self._processes:
            self._said += "".join(self._processes.pop(job).communicate(timeout=PATIENCE_S))

    def cancel(self, job: Path) -> None:
        self._processes[job].send_signal(signal.SIGINT)

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()
        self._processes.clear()

    def open(self) -> None:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            for media in self._media:
                example.place_waiting(media / "jobs")
        self._said += said.getvalue()

    def plays(self, *, results: bool = True) -> list[Samples]:
        played = [track.plays() for track in self._scene.tracks]
        for track, file, position_s in self._placements() if results else ():
            made = decode.read(file)
            start = self._scene.tracks[track].at + round(position_s * RATE_HZ)
            played[track][start : start + len(made)] = made
        return played

    def results(self) -> list[Path]:
        return [file for _, file, _ in sorted(self._placements())]

    def messages(self) -> str:
        return self._said

    def begins_at(self, request: Mapping[str, Any]) -> int:
        (file,) = (part["source"]["file"] for part in request["parts"])
        return next(track.at for track in self._scene.tracks if str(track.file) == file)

    def _placements(self) -> list[tuple[int, Path, float]]:
        found = [(Path(file), float(position)) for file, position in _PLACED.findall(self._said)]
        return [(self._media.index(file.parent), file, position) for file, position in found]


class TestExample(HostConformance):
    """The example, in processes of its own."""

    @pytest.fixture
    def host(self, tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExampleHost]:
        monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
        host = ExampleHost(tmp_path, scene)
        yield host
        host.close()
