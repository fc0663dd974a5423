"""What every host has to get right, whatever its means: scripts and job folders, or a client of its own. See docs/hosts.md.

The test of a host derives a class from `HostConformance` and provides the fixture ``host``: the host, with the project of the
fixture `scene` open and the daemon of the fixture `daemon` as its own. A check drives it as its user does, and looks at what
that user gets: what the project plays, sample by sample, and what the host says. The truth is what the command makes of the
same audio.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytest

from acebridge.client.parents import read_recipe
from acebridge.errors import AceBridgeError
from acebridge.hosts.jobfolder import VERSION
from acebridge.hosts.jobfolder.folders import pending
from acestep_runtime.audio import decode
from acestep_runtime.audio.samples import Samples
from tests.support import schemas
from tests.support.daemon import Daemon, create_tone_job, daemon_at, song, until, until_started, until_state, write_wav
from tests.support.job_folders import Job, outputs, part
from tests.support.reaper_answers import read_source

RATE_HZ = 44_100
#: What is repainted, and how much of the project the checks look at, in frames; on no round number.
FIRST, LAST, LENGTH = 70_003, 115_009, 200_000
#: The crossfade of a repaint on each side, beyond the stretch.
FADE = round(0.02 * RATE_HZ)
CAPTION = 'brighter piano, "bell", l\'été, 반짝이는 ✨'
ENGINE = "draft"
BUSY_SEED = 1


class Track(NamedTuple):
    """A track of the project with one clip: its name, the frame where the clip begins, its audio, and the file with it."""

    name: str
    at: int
    audio: Samples
    file: Path

    def plays(self) -> Samples:
        """What it plays, shape [`LENGTH`, channels]."""
        out = np.zeros((LENGTH, self.audio.shape[1]), np.float32)
        out[self.at : self.at + len(self.audio)] = self.audio
        return out


class Scene(NamedTuple):
    """A project of `RATE_HZ` at 120 BPM: a stereo track and a mono one. Their audio fits into 24 bits, as some hosts render."""

    folder: Path
    tracks: list[Track]


def make_scene(folder: Path) -> Scene:
    """Write the audio of the project."""
    folder.mkdir()
    tracks = []
    for name, at, seconds, channels in (("Gitarre 기타", 24_001, 3.0, 2), ("Bass 'n' Ton", 30_007, 2.5, 1)):
        noise = np.round(song(seconds, rate_hz=RATE_HZ, channels=channels, seed=at) * 2**23) / 2**23
        file = write_wav(folder / f"{name} ä.wav", noise.astype(np.float32), RATE_HZ)
        tracks.append(Track(name, at, noise.astype(np.float32), file))
    return Scene(folder, tracks)


class Host(Protocol):
    """A host with the project of the scene open. Only `settle` waits for what becomes of a job."""

    def repaint(self, track: int, caption: str, engine: str) -> Path:
        """Select `FIRST` to `LAST` on a track and repaint it; return the job's folder, once its request is there."""

    def settle(self, job: Path) -> None:
        """Wait until the host has done what it does after the end of a job: place its result, say something, or nothing."""

    def cancel(self, job: Path) -> None:
        """Cancel a job, as the user does."""

    def close(self) -> None:
        """Save the project and close the host; a job that runs goes on."""

    def open(self) -> None:
        """Open the project again, and do what its user does to get results of jobs that have ended meanwhile."""

    def plays(self, *, results: bool = True) -> list[Samples]:
        """What the tracks of the scene play in their first `LENGTH` frames: with the newest results, or without any."""

    def results(self) -> list[Path]:
        """The files with results that are in the project, in the order of their tracks."""

    def messages(self) -> str:
        """All that the user was told since the host was opened for this check."""

    def begins_at(self, request: Mapping[str, Any]) -> int:
        """The frame of the project where the source of a request begins."""


def begins_at_position(request: Mapping[str, Any]) -> int:
    """The frame of the project where the source of a request begins, for hosts that say it in the request."""
    return round(request["parts"][0]["position_s"] * RATE_HZ)


@dataclass(frozen=True)
class HostJob:
    """A job as it was sent: its folder, its request, its track, and the frame of the project where its source begins."""

    job: Path
    request: dict[str, Any]
    track: int
    begin: int
    source: Samples

    @property
    def media(self) -> Path:
        """The folder that its audio is written into."""
        return Path(self.request["media"]["folder"])

    def audio(self) -> set[Path]:
        """The files of ours there, also those that are still written."""
        return {path for path in self.media.glob("*") if "AceBridge" in path.name}


class HostConformance:
    """The checks."""

    @pytest.fixture(scope="class")
    @classmethod
    def daemon(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
        """A daemon that the checks of a host share."""
        with daemon_at(tmp_path_factory.mktemp("daemon") / "daten") as daemon:
            yield daemon

    @pytest.fixture(scope="class")
    @classmethod
    def scene(cls, tmp_path_factory: pytest.TempPathFactory) -> Scene:
        """The project, in a folder whose name is hard to quote."""
        return make_scene(tmp_path_factory.mktemp("scene") / "Lied 노래 'n' 100%20#&;$x")

    @pytest.fixture(autouse=True)
    def _here(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
        daemon.release()

    # What the checks do.

    @contextmanager
    def busy(self, daemon: Daemon) -> Iterator[None]:
        """Have jobs wait: the daemon is at work on another one."""
        daemon.hold(BUSY_SEED)
        assert daemon.client is not None
        other = create_tone_job(daemon.client, seed=BUSY_SEED)
        until_started(daemon.client, other)
        try:
            yield
        finally:
            daemon.release(BUSY_SEED)
        until_state(daemon.client, other, "succeeded")  # it would wait again when the next one is held

    def send(self, host: Host, track: int = 0, caption: str = CAPTION) -> HostJob:
        """Repaint the stretch; look at the request, and at the audio that it names, which is what the host plays."""
        before = host.plays()[track]
        job = host.repaint(track, caption, ENGINE)
        request = json.loads((job / "request.json").read_text("utf-8"))
        schemas.check("request", request)
        assert request["version"] == VERSION
        assert request["host"]["name"]
        assert request["host"]["version"]
        (wanted,) = request["parts"]
        assert (wanted["task"], wanted["fields"]["music"]["caption"]) == ("repaint", caption)
        source, rate_hz = read_source(job, wanted["source"])
        begin = host.begins_at(request)
        assert (rate_hz, source.shape[1]) == (RATE_HZ, before.shape[1])
        own = np.pad(before, ((0, max(0, begin + len(source) - LENGTH)), (0, 0)))
        np.testing.assert_array_equal(source, own[begin : begin + len(source)])
        stretch = (wanted["fields"].get(key, len(source) / RATE_HZ) for key in ("start_s", "end_s"))
        assert [begin + round(seconds * RATE_HZ) for seconds in stretch] == [FIRST, LAST]
        return HostJob(job, request, track, begin, source)

    def wait_until_taken(self, sent: HostJob) -> str:
        """Wait until the daemon has the job; return its id there."""
        file = sent.job / "status.json"
        until(lambda: file.exists() and json.loads(file.read_text("utf-8"))["job_id"], "the daemon to have the job")
        status = json.loads(file.read_text("utf-8"))
        schemas.check("status", status)
        return str(status["job_id"])

    def wait_until_done(self, sent: HostJob) -> None:
        """Wait until the result is there, without the host."""

        def is_done() -> bool:
            with suppress(OSError, ValueError):  # it is replaced meanwhile
                return bool(json.loads((sent.job / "status.json").read_text("utf-8"))["state"] == "done")
            return False

        until(is_done, "the result")
        schemas.check("result", json.loads((sent.job / "result.json").read_text("utf-8")))

    def repaint_same(self, daemon: Daemon, folder: Path, before: Samples, sent: HostJob, file: Path) -> Samples:
        """Return what a track has to play with a result: what the command makes of the same audio with the seed of ``file``."""
        fields = {
            **sent.request["parts"][0]["fields"],
            "start_s": (FIRST - sent.begin) / RATE_HZ, "end_s": (LAST - sent.begin) / RATE_HZ,
            "output": {"seeds": [read_recipe(file).seed]},
        }  # fmt: skip
        same = Job(folder)
        write_wav(same.folder / "source-1.wav", sent.source, RATE_HZ)
        (output,) = outputs(same.ask(part("repaint", **fields), engine=ENGINE).run(daemon))
        made, start = decode.read(Path(output["file"])), sent.begin + output["start_frame"]
        expected = np.pad(before, ((0, max(0, start + len(made) - LENGTH)), (0, 0)))
        expected[start : start + len(made)] = made
        return expected[:LENGTH]

    def check_placed(self, host: Host, daemon: Daemon, folder: Path, before: list[Samples], *all_sent: HostJob) -> None:
        """Assert that each result is on its track once, to the sample, and all else is as before; nothing is left behind."""
        after, files = host.plays(), host.results()
        assert len(files) == len(all_sent)
        expected = list(before)
        for sent, file in zip(all_sent, files, strict=True):
            own = folder / f"same {sent.track}"
            expected[sent.track] = self.repaint_same(daemon, own, before[sent.track], sent, file)
            old, new = before[sent.track], after[sent.track]
            assert (old[FIRST:LAST] != new[FIRST:LAST]).mean() > 0.99
            changed = np.flatnonzero((old != new).any(axis=1))
            assert (changed[0] >= FIRST - FADE, changed[-1] < LAST + FADE) == (True, True)
            self.check_tidy(sent)
        for wanted, found in zip(expected, after, strict=True):
            np.testing.assert_array_equal(found, wanted)
        for old, found in zip(before, host.plays(results=False), strict=True):
            np.testing.assert_array_equal(found, old)

    def check_tidy(self, sent: HostJob) -> None:
        """Assert that nothing waits to be placed, and no file is left that is of use only while a job runs."""
        assert not [job for job in pending(sent.job.parent) if job.folder == sent.job]
        files = [path for folder in (sent.job, sent.media) if folder.is_dir() for path in folder.rglob("*")]
        assert not [path for path in files if path.suffix == ".part" or path.name in ("lock", "readying")]

    def check_untouched(self, host: Host, before: list[Samples]) -> None:
        """Assert that nothing was placed and all plays as before."""
        assert host.results() == []
        for old, found in zip(before, host.plays(), strict=True):
            np.testing.assert_array_equal(found, old)

    # The checks.

    @pytest.mark.parametrize("track", [0, 1], ids=["stereo", "mono"])
    def test_a_stretch_is_repainted_to_the_sample(
        self, host: Host, scene: Scene, daemon: Daemon, tmp_path: Path, track: int
    ) -> None:
        before = host.plays()
        for own, found in zip(scene.tracks, before, strict=True):
            np.testing.assert_array_equal(found, own.plays())
        with self.busy(daemon):
            sent = self.send(host, track)
        host.settle(sent.job)
        self.check_placed(host, daemon, tmp_path, before, sent)

    @pytest.mark.slow
    def test_two_jobs_at_once_go_to_their_own_tracks(self, host: Host, daemon: Daemon, tmp_path: Path) -> None:
        before = host.plays()
        with self.busy(daemon):
            both = [self.send(host, track, f"take {track}") for track in range(2)]
            assert len({self.wait_until_taken(sent) for sent in both}) == 2
        for sent in both:
            host.settle(sent.job)
        self.check_placed(host, daemon, tmp_path, before, *both)

    def test_a_cancelled_job_ends_and_places_nothing(self, host: Host, daemon: Daemon) -> None:
        before = host.plays()
        with self.busy(daemon):
            sent = self.send(host)
            job_id, audio = self.wait_until_taken(sent), sent.audio()
            host.cancel(sent.job)
            host.settle(sent.job)
            assert daemon.client is not None
            until_state(daemon.client, job_id, "cancelled")
        self.check_untouched(host, before)
        self.check_tidy(sent)
        assert not (sent.job / "result.json").exists()
        assert sent.audio() <= audio

    def test_an_error_of_the_daemon_is_said_with_its_remedy(self, host: Host, daemon: Daemon, tmp_path: Path) -> None:
        before = host.plays()
        same = Job(tmp_path / "same").ask(part("repaint", start_s=0.5, end_s=1.0), engine="neural")
        with pytest.raises(AceBridgeError, match="no weights"):
            same.run(daemon)
        job = host.repaint(0, CAPTION, "neural")
        host.settle(job)
        said = " ".join(host.messages().split())
        assert same.status["message"] in said
        assert same.status["remedy"] in said
        self.check_untouched(host, before)

    @pytest.mark.slow
    def test_a_job_goes_on_with_a_daemon_that_is_back(self, host: Host, daemon: Daemon, tmp_path: Path) -> None:
        before = host.plays()
        with self.busy(daemon):
            sent = self.send(host)
            self.wait_until_taken(sent)
            daemon.kill()
            daemon.start()
        host.settle(sent.job)
        self.check_placed(host, daemon, tmp_path, before, sent)

    @pytest.mark.slow
    def test_what_ended_while_it_was_closed_is_placed_once(self, host: Host, daemon: Daemon, tmp_path: Path) -> None:
        """Also where a newer command has written keys that the host does not know."""
        before = host.plays()
        with self.busy(daemon):
            sent = self.send(host)
            self.wait_until_taken(sent)
            host.close()
        self.wait_until_done(sent)
        for name in ("status.json", "result.json"):
            file = sent.job / name
            file.write_text(json.dumps(_add_keys(json.loads(file.read_text("utf-8")))), "utf-8")
        host.open()
        host.settle(sent.job)
        self.check_placed(host, daemon, tmp_path / "first", before, sent)
        host.close()
        host.open()
        host.settle(sent.job)
        self.check_placed(host, daemon, tmp_path / "second", before, sent)

    def test_a_result_of_a_newer_protocol_is_refused_and_kept(self, host: Host, daemon: Daemon) -> None:
        before = host.plays()
        with self.busy(daemon):
            sent = self.send(host)
            self.wait_until_taken(sent)
            host.close()
        self.wait_until_done(sent)
        file = sent.job / "result.json"
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "version": VERSION + 1}), "utf-8")
        host.open()
        host.settle(sent.job)
        assert f"version {VERSION + 1}" in host.messages()
        self.check_untouched(host, before)
        assert file.exists()
        assert not (sent.job / "placed").exists()
        (sent.job / "placed").touch()  # other checks do not find it


def _add_keys(content: Any) -> Any:
    """Return a document with a key in each of its objects that nobody knows."""
    if isinstance(content, list):
        return [_add_keys(each) for each in content]
    if isinstance(content, dict):
        return {**{key: _add_keys(value) for key, value in content.items()}, "later": {"key": ["새", 1]}}
    return content
