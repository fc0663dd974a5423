"""What every host has to get right that uses job folders, whatever it is written in: see PROTOCOL.md.

The test of a host derives a class from `HostConformance` and provides the fixture ``host``. The daemon's fake engine takes 5 ms
for a step; the command finds the daemon in the data folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import soundfile

from acebridge.hosts.jobfolder import VERSION
from tests.support import schemas
from tests.support.daemon import Daemon, daemon_at, song, until, write_wav

RATE_HZ = 44_100
FINAL = ("done", "failed", "cancelled")
#: Of the takes that the fake engine makes, which a check may hold.
SEED = 7


class Host(Protocol):
    """A host as the checks drive it. None of its methods waits for the job."""

    def submit(self, folder: Path, request: dict[str, Any]) -> None:
        """Make a job folder, write a request into it and start the command.

        The host adds its own name and the version of the protocol that it speaks, unless the request has them.
        """

    def status(self, folder: Path) -> dict[str, Any]:
        """Return the status as the host reads it, also while there is none yet: then its state is ``starting``."""

    def cancel(self, folder: Path) -> None:
        """Ask the command to stop."""

    def result(self, folder: Path) -> dict[str, Any]:
        """Return the result as the host reads it."""


class Project:
    """A song in a project, the folder of its media and that of the host's jobs."""

    def __init__(self, root: Path) -> None:
        self.root, self.jobs, self.media = root, root / "jobs", root / "Media"
        self.media.mkdir(parents=True)
        self.song = write_wav(root / "song.wav", song(2.0, rate_hz=RATE_HZ), RATE_HZ)

    def job(self, number: int = 1) -> Path:
        """Return a job folder that is not there yet."""
        return self.jobs / f"20261122-21050{number}-1a2b3c4d"

    def request(self, **more: Any) -> dict[str, Any]:
        """Return a request for a repaint of half a second of the song; ``more`` are other fields of the task."""
        fields = {"start_s": 0.5, "end_s": 1.0, "crossfade_ms": 10, "output": {"seeds": [SEED]}, **more}
        part = {"task": "repaint", "position_s": 3.0, "source": {"file": str(self.song)}, "fields": fields}
        return {"title": "Repaint", "engine": "fake", "media": {"folder": str(self.media)}, "parts": [part]}

    @property
    def files(self) -> set[str]:
        """The media files that are there, hidden ones included."""
        return {file.name for file in self.media.iterdir()}


def _has_ended(status: dict[str, Any]) -> bool:
    return status["state"] in FINAL


def follow(host: Host, folder: Path, wanted: Callable[[dict[str, Any]], bool] = _has_ended) -> list[dict[str, Any]]:
    """Wait for the end of a job, or for a status that is ``wanted``; return every status that was seen."""
    seen: list[dict[str, Any]] = []

    def is_reached() -> bool:
        seen.append(host.status(folder))
        return wanted(seen[-1])

    until(is_reached, "a status of the job")
    return seen


class HostConformance:
    """The checks."""

    @pytest.fixture(scope="class")
    @classmethod
    def daemon(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
        """A daemon that the tests of a host share."""
        with daemon_at(tmp_path_factory.mktemp("daemon")) as daemon:
            yield daemon

    @pytest.fixture(autouse=True)
    def _here(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        daemon.release()

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        """A project to work in."""
        return Project(tmp_path / "project")

    def run(self, host: Host, project: Project, folder: Path, request: dict[str, Any]) -> dict[str, Any]:
        """Run a job to its good end; return its only output, after a look at the file."""
        host.submit(folder, request)
        last = follow(host, folder)[-1]
        assert (last["state"], last["message"]) == ("done", ""), last
        schemas.check("request", json.loads((folder / "request.json").read_text("utf-8")))
        schemas.check("status", last)
        result = host.result(folder)
        schemas.check("result", result)
        ((output,),) = (take["outputs"] for part in result["parts"] for take in part["takes"])
        info = soundfile.info(output["file"])
        assert (info.samplerate, info.channels, info.frames) == (
            output["sample_rate"],
            output["channels"],
            output["frames"],
        )
        assert Path(output["file"]).parent == project.media
        return output

    def test_a_result_is_whole_and_in_its_place(self, host: Host, project: Project) -> None:
        output = self.run(host, project, project.job(), project.request())
        assert project.files == {Path(output["file"]).name}
        assert (output["position_s"], output["length_s"], output["start_frame"]) == (3.0, 2.0, 0)
        before, after = (soundfile.read(file, dtype="float32")[0] for file in (project.song, output["file"]))
        changed = np.flatnonzero((before != after).any(axis=1))
        fade = round(0.01 * RATE_HZ)
        assert (changed[0], changed[-1] + 1) == (RATE_HZ // 2 - fade, RATE_HZ + fade)

    def test_the_host_says_who_it_is(self, host: Host, project: Project) -> None:
        self.run(host, project, project.job(), project.request())
        named = json.loads((project.job() / "request.json").read_text("utf-8"))["host"]
        assert named["name"]
        assert named["version"]
        assert host.status(project.job())["host"] == f"{named['name']} {named['version']}"

    def test_progress_only_rises(self, host: Host, project: Project, daemon: Daemon) -> None:
        daemon.hold(SEED)
        host.submit(project.job(), project.request())
        seen = follow(host, project.job(), lambda status: 0 < status["fraction"] < 1)
        daemon.release()
        seen += follow(host, project.job())
        order = ["starting", "waiting", "running", "done"]
        steps = [order.index(status["state"]) for status in seen]
        assert steps == sorted(steps)
        assert {"running", "done"} <= {status["state"] for status in seen}
        fractions = [status["fraction"] for status in seen]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert any(0 < fraction < 1 for fraction in fractions)

    def test_a_cancelled_job_leaves_no_audio(self, host: Host, project: Project, daemon: Daemon) -> None:
        daemon.hold(SEED, at="audio")
        host.submit(project.job(), project.request(output={"seeds": [SEED], "takes": 8}))
        until(lambda: project.files, "audio to arrive")
        host.cancel(project.job())
        last = follow(host, project.job())[-1]
        schemas.check("status", last)
        assert (last["state"], last["reason"], last["message"]) == ("cancelled", "CANCELLED", "The job was cancelled.")
        assert project.files == set()
        assert not (project.job() / "result.json").exists()

    @pytest.mark.parametrize(
        ("more", "message", "remedy"),
        [
            (
                {"media": {"folder": "Media"}},
                "media.folder is 'Media'; allowed: the full path of a folder.",
                "Run the action",
            ),
            ({"parts": []}, "parts is []; allowed: at least one part.", "Run the action"),
            (
                {"version": VERSION + 1},
                f"These scripts are of version {VERSION + 1}, this command knows {VERSION}.",
                "Update AceBridge.",
            ),
        ],
        ids=["wrong value", "nothing to do", "newer protocol"],
    )
    def test_a_bad_request_fails_with_a_remedy(
        self, host: Host, project: Project, more: dict[str, Any], message: str, remedy: str
    ) -> None:
        host.submit(project.job(), {**project.request(), **more})
        last = follow(host, project.job())[-1]
        schemas.check("status", last)
        assert (last["state"], last["reason"], last["message"]) == ("failed", "INVALID_VALUE", message)
        assert last["remedy"].startswith(remedy)
        assert project.files == set()
        assert not (project.job() / "result.json").exists()

    def test_a_source_that_is_gone_is_named(self, host: Host, project: Project) -> None:
        project.song.unlink()
        host.submit(project.job(), project.request())
        last = follow(host, project.job())[-1]
        assert last["state"] == "failed"
        assert last["message"] == f"The audio file {project.song} cannot be read: No such file or directory."
        assert last["remedy"] == "Check that it is still there."

    @pytest.mark.parametrize("name", ["Lied 기타 🎸", "a b  c", 'it\'s "one"', "100%20#?&;$x"])
    def test_paths_with_spaces_and_any_letters(self, host: Host, tmp_path: Path, name: str) -> None:
        project = Project(tmp_path / name)
        output = self.run(host, project, project.job(), {**project.request(), "title": name})
        assert project.files == {Path(output["file"]).name}

    def test_two_jobs_at_once(self, host: Host, project: Project, daemon: Daemon) -> None:
        folders = [project.job(1), project.job(2)]
        daemon.hold(SEED)
        for folder in folders:
            host.submit(folder, project.request())
        for folder in folders:
            follow(host, folder, lambda status: status["state"] in ("waiting", "running"))
        daemon.release()
        assert [follow(host, folder)[-1]["state"] for folder in folders] == ["done", "done"]
        results = [host.result(folder) for folder in folders]
        assert [result["id"] for result in results] == [folder.name for folder in folders]
        files = [take["outputs"][0]["file"] for result in results for take in result["parts"][0]["takes"]]
        assert {Path(file).name for file in files} == project.files
        assert len(project.files) == 2
        assert Path(files[0]).read_bytes() == Path(files[1]).read_bytes()
