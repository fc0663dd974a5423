"""The client in Node makes, streams, cancels and resumes jobs, from the .proto files alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, expected_tone, state, until
from tests.support.paths import ROOT

pytestmark = pytest.mark.host
SECONDS = 4


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages, in a copy of the parts of the project that it needs."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node: install nodejs and npm")
    home = tmp_path_factory.mktemp("node")
    folder = shutil.copytree(
        ROOT / "examples/node", home / "examples/node", ignore=shutil.ignore_patterns("node_modules")
    )
    shutil.copytree(ROOT / "protos", home / "protos", ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "client.mjs"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with daemon_at(tmp_path / "home") as daemon:
        yield daemon


class Node:
    """The program on a daemon, in the folder where its files go."""

    def __init__(self, program: Path, daemon: Daemon, folder: Path) -> None:
        self.program, self.daemon, self.folder = program, daemon, folder

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "ACEBRIDGE_HOME": str(self.daemon.home)}
        return subprocess.Popen(
            ["node", str(self.program), *arguments],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == code, out + err
        return out if code == 0 else err

    def samples(self, name: str) -> np.ndarray:
        return soundfile.read(self.folder / name, dtype="float32", always_2d=True)[0]


@pytest.fixture
def node(program: Path, daemon: Daemon, tmp_path: Path) -> Node:
    return Node(program, daemon, tmp_path)


def job_in(line: str) -> str:
    """Return the id of the job in the line that announces it."""
    word, job_id, *_ = line.replace(",", "").split()
    assert word == "job", line
    return job_id


def test_it_makes_a_song_and_writes_what_is_streamed(node: Node) -> None:
    said = node.run("generate", "pop", str(SECONDS), "sòng.wav", "3", "fake")
    assert "sòng.wav: take 1, seed 3" in said
    assert "100 % " in said
    np.testing.assert_array_equal(node.samples("sòng.wav"), expected_tone(3, SECONDS))


def test_it_lists_and_cancels_jobs(node: Node, daemon: Daemon) -> None:
    assert daemon.client is not None
    daemon.hold(1)
    process = node.start("generate", "pop", str(SECONDS), "never.wav", "1", "fake")
    assert process.stdout is not None
    job_id = job_in(process.stdout.readline())
    assert f"{job_id} TASK_KIND_TEXT_TO_MUSIC " in node.run("jobs")
    node.run("cancel", job_id)
    assert process.wait(PATIENCE_S) == 1
    assert process.communicate()[1].startswith("CANCELLED: ")
    assert state(daemon.client, job_id) == "cancelled"
    assert "JOB_STATE_CANCELLED" in node.run("jobs")


def test_it_resumes_a_job_in_a_new_process(node: Node, daemon: Daemon) -> None:
    daemon.hold(5, at="audio")
    process = node.start("generate", "pop", str(SECONDS), "half.wav", "5", "fake")
    until(lambda: (node.folder / "half.wav").exists(), "the first samples")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    command = out.splitlines()[-1].partition("node client.mjs ")[2].split()
    assert command[:1] == ["watch"]
    assert int(command[-1]) > 1
    daemon.release()
    node.run(*command)
    np.testing.assert_array_equal(node.samples("half.wav"), expected_tone(5, SECONDS))


def test_its_errors_are_the_daemons(node: Node) -> None:
    said = node.run("generate", "pop", "0", "no.wav", code=1)
    assert said.startswith("INVALID_ARGUMENT: ")
    assert "duration_s" in said
    assert "usage: " in node.run("generate", code=2)
