"""Finished jobs that others made come into the open project through the inbox: `acebridge place`, and two REAPERs beside it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.hosts.jobfolder.inbox import Placement
from acebridge.hosts.jobfolder.placing import files_source
from acebridge.hosts.jobfolder.presence import open_projects
from tests.support import schemas
from tests.support.daemon import Daemon, until
from tests.support.fake_reaper import Reaper
from tests.support.reaper_studio import COMMAND, RATE_HZ, Studio, media

LIST = "AceBridge_Job list.lua"


def inbox_of(r: Reaper) -> Path:
    return r.resource / "AceBridge" / "inbox"


def watch(r: Reaper) -> None:
    """Open the job list, which watches the inbox, and wait until it says so."""
    r.start(LIST)
    r.until(lambda: open_projects(inbox_of(r)))


def place(r: Reaper, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `acebridge place` while REAPER goes on."""
    command = [COMMAND, "place", *map(str, arguments), "--inbox", str(inbox_of(r))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        r.until(lambda: (time.sleep(0.002), process.poll() is not None)[1])
        out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def answers(r: Reaper) -> list[dict[str, Any]]:
    return [json.loads(file.read_text("utf-8")) for file in sorted(inbox_of(r).glob("*/answer.json"))]


@pytest.fixture
def r(tmp_path: Path) -> Iterator[Reaper]:
    """A REAPER without a daemon, with a saved project at 44.1 kHz."""
    with open_reaper(tmp_path) as r:
        yield r


def open_reaper(folder: Path, resource: str = "REAPER") -> Reaper:
    r = Reaper(folder, rate=RATE_HZ, resource=resource)
    r.ext.update({("AceBridge", "command"): COMMAND, ("AceBridge", "cleaned"): "9999999999"})
    r.new_tab("Song.rpp")
    r.close_tab(r.projects[0])
    r.project.add_track("Guitar")
    r.project.settle()
    return r


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE_HZ, 2)).astype(np.float32)
    return media(tmp_path / "tone.wav", samples)


def send(r: Reaper, file: Path, at_s: float = 1.0, **more: Any) -> Placement:
    """Put a file into the inbox, as a program would that does not wait."""
    placement = Placement(inbox_of(r), open_projects(inbox_of(r))[0])
    content = files_source([file])(placement.project.media, placement.folder)
    placement.send(content.result, {"kind": "seconds", "position_s": at_s}, title=content.title, **more)
    return placement


def test_a_job_of_the_command_line_comes_into_the_open_project(
    studio: Studio, daemon: Daemon, tmp_path: Path
) -> None:
    made = subprocess.run(
        [COMMAND, "generate", "--engine", "draft", "--prompt", "calm piano", "--duration", "2", "--seed", "5",
         "--sample-rate", "44100", "--json", "--out", str(tmp_path / "made.wav")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    report = json.loads(made.stdout)
    watch(studio.reaper)
    studio.project.cursor = 3.0
    before = len(studio.project.tracks)
    done = place(studio.reaper, report["job_id"][:12])
    assert (done.returncode, done.stderr) == (0, "")
    assert "on a new track at 3.000 s" in done.stdout
    studio.reaper.check()
    track = studio.project.tracks[-1]
    assert len(studio.project.tracks) == before + 1
    assert track.name == "calm piano"
    (item,) = track.items
    assert (item.position, item.length) == (3.0, pytest.approx(2.0))
    file = Path(item.active.source.path)
    assert file.parent == studio.project.media_folder
    assert np.array_equal(soundfile.read(file)[0], soundfile.read(tmp_path / "made.wav")[0])
    facts = json.loads(item.active.ext["P_EXT:AceBridge"])
    assert (facts["seed"], facts["engine"]) == (5, "draft")
    assert len(studio.project.undo) == 1
    assert answers(studio.reaper) == [], "the sender has removed what was answered"
