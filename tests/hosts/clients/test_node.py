"""The client in JavaScript: it makes a song, leaves, comes back, cancels and pages, and reads errors."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.client.client import Client
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, expected_tone, until, until_state
from tests.support.paths import ROOT

pytestmark = pytest.mark.host
EXAMPLE = ROOT / "examples" / "node"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages, beside the protos as in the repository."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "protos", folder / "protos", ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    shutil.copytree(EXAMPLE, folder / "examples" / "node", ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(
        ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder / "examples" / "node", check=True, timeout=PATIENCE_S,
    )  # fmt: skip
    return folder / "examples" / "node" / "client.mjs"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("daemon"), step_ms=1) as daemon:
        yield daemon


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(daemon.address, token=daemon.token) as client:
        yield client
    daemon.release()


def environment_of(daemon: Daemon, **more: str) -> dict[str, str]:
    """Where the daemon's token is found: in its data folder, or in a variable."""
    return {**os.environ, "ACEBRIDGE_HOME": str(daemon.home), **more}


def node(
    example: Path, daemon: Daemon, command: str, *arguments: object, code: int = 0, **more: str
) -> tuple[str, str]:
    words = ["node", str(example), command, daemon.address, *map(str, arguments)]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment_of(daemon, **more)
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def check_tone(file: Path, seed: int, seconds: float) -> None:
    samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    assert rate_hz == 48_000
    assert np.array_equal(samples, expected_tone(seed, seconds))


FAKE = ("--engine", "fake")


def test_a_song_is_made_and_streamed(example: Path, daemon: Daemon, tmp_path: Path) -> None:
    words = ("warm pop", tmp_path / "song.wav", "--seconds", 3.3, "--seed", 4294967295, *FAKE)
    said, _ = node(example, daemon, "make", *words, http_proxy="http://127.0.0.1:1")  # which it does not ask
    check_tone(tmp_path / "song.wav", 4294967295, 3.3)
    assert "take 1: seed 4294967295, 120 bpm, C major" in said
    assert "100% done" in said


def test_a_job_goes_on_where_a_client_left_it(example: Path, daemon: Daemon, client: Client, tmp_path: Path) -> None:
    daemon.hold(5, at="audio")
    out, log = tmp_path / "song.wav", tmp_path / "log.txt"
    with log.open("w") as said:
        process = subprocess.Popen(
            ["node", str(example), "make", daemon.address, "x", str(out), "--seconds", "4", "--seed", "5", *FAKE],
            stdout=said, env=environment_of(daemon),
        )  # fmt: skip
        until(lambda: out.exists() and out.stat().st_size > 44 and "sequence" in log.read_text(), "the first audio")
        process.kill()
        process.wait(PATIENCE_S)
    job_id = re.findall(r"^job (\w{32})$", log.read_text(), re.MULTILINE)[0]
    sequence = re.findall(r"^sequence (\d+)$", log.read_text(), re.MULTILINE)[-1]
    daemon.release()
    until_state(client, job_id, "succeeded")
    node(example, daemon, "resume", job_id, sequence, out)
    check_tone(out, 5, 4.0)


def test_a_job_is_cancelled_and_listed(example: Path, daemon: Daemon, client: Client, tmp_path: Path) -> None:
    daemon.hold(6)
    process = subprocess.Popen(
        ["node", str(example), "make", daemon.address, "x", str(tmp_path / "x.wav"), "--seed", "6", *FAKE],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment_of(daemon),
    )  # fmt: skip
    assert process.stdout is not None
    job_id = process.stdout.readline().removeprefix("job ").strip()
    until_state(client, job_id, "running")
    node(example, daemon, "cancel", job_id)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.splitlines() == ["CANCELLED: The job was cancelled.", "CANCELLED {}"]
    listed, _ = node(example, daemon, "jobs")
    assert f"{job_id} TASK_KIND_TEXT_TO_MUSIC JOB_STATE_CANCELLED The job was cancelled." in listed.splitlines()


def test_errors_keep_their_parts(example: Path, daemon: Daemon, tmp_path: Path) -> None:
    _, said = node(example, daemon, "make", "x", tmp_path / "x.wav", "--seconds", 0.01, *FAKE, code=1)
    assert said.splitlines() == [
        "INVALID_ARGUMENT: duration_s is 0.01; allowed: 0.1 to 600 seconds.",
        'INVALID_VALUE {"allowed":"0.1 to 600 seconds","field":"duration_s","value":"0.01"}',
    ]


def test_it_sends_its_token(example: Path, daemon: Daemon, tmp_path: Path) -> None:
    node(example, daemon, "jobs")
    node(example, daemon, "jobs", ACEBRIDGE_HOME=str(tmp_path), ACEBRIDGE_TOKEN=daemon.token)
    for wrong in ({"ACEBRIDGE_TOKEN": "ab" * 32}, {"ACEBRIDGE_HOME": str(tmp_path)}):
        _, said = node(example, daemon, "jobs", code=1, **wrong)
        assert said.startswith("UNAUTHENTICATED: ")
        assert "token" in said
