"""Clients with other libraries than ours, each in an environment that has nothing of AceBridge, as docs/contract.md says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.daemon import Daemon, daemon_at, expected_tone, song, write_wav
from tests.support.installation import Installation, run
from tests.support.paths import ROOT

pytestmark = pytest.mark.host
HERE = Path(__file__).parent
PACKAGES = ("betterproto2==0.10.0", "betterproto2-compiler==0.10.1", "grpclib==0.4.9", "grpc-requests==0.1.21")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("venv"))
    installed = made.pip("install", "--quiet", *PACKAGES)
    assert installed.returncode == 0, installed.stderr
    assert not made.has("acebridge")
    return made


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    root = json.dumps(str(tmp_path_factory.getbasetemp()))
    with daemon_at(tmp_path_factory.mktemp("daemon"), step_ms=1, config=f"roots = [{root}]\n") as daemon:
        yield daemon


def talk(installation: Installation, script: str, daemon: Daemon, *arguments: object, folder: Path) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(folder), "ACEBRIDGE_TOKEN": daemon.token}
    done = run([installation.python, HERE / script, daemon.address, *map(str, arguments)], cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_betterproto2_and_grpclib(installation: Installation, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "client").mkdir()
    protos = sorted(str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").rglob("*.proto"))
    options = ("--python_betterproto2_out=client", "--python_betterproto2_opt=client_generation=none")
    path = f"{installation.scripts}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "protos"), *options, *protos],
        cwd=tmp_path, check=True, env={**os.environ, "PATH": path}, capture_output=True,
    )  # fmt: skip
    message = talk(installation, "with_betterproto.py", daemon, tmp_path / "out.raw", folder=tmp_path)
    assert (message["take"], message["seed"], message["bpm"], message["keyscale"], message["chords"]) == (
        1,
        11,
        96.0,
        "C major",
        0,
    )
    assert (message["task"], message["state"], message["failed"]) == ("TEXT_TO_MUSIC", "SUCCEEDED", False)
    assert message["error"] == "duration_s is 0.01; allowed: 0.1 to 600 seconds."
    samples = np.frombuffer((tmp_path / "out.raw").read_bytes(), "<f4").reshape(-1, 2)
    assert np.array_equal(samples, expected_tone(11, 2.5))


def test_grpc_requests(installation: Installation, daemon: Daemon, tmp_path: Path) -> None:
    source = write_wav(tmp_path / "song.wav", song(2.0))
    message = talk(installation, "with_grpc_requests.py", daemon, source, tmp_path / "out.raw", folder=tmp_path)
    header, take, job = message["header"], message["take"], message["job"]
    assert (header["output"], header["take"], header["role"], header["encoding"]) == (1, 1, "mix", "ENCODING_FLOAT32")
    assert (int(header["start_frame"]), int(header["frames"])) == (24_000 - 960, 24_000 + 2 * 960)
    assert (int(take["seed"]), take["metadata"]["keyscale"]) == (4294967295, "C major")
    assert (job["task"], job["state"], job["progress"]) == (
        "TASK_KIND_REPAINT", "JOB_STATE_SUCCEEDED", {"stage": "done", "fraction": 1.0},
    )  # fmt: skip
    assert message["seen"][0] == job["id"]
    assert len(set(message["seen"])) == len(message["seen"])
    assert message["refused"] == "There is no job 'nope'. List the jobs to see their ids."
    region = np.frombuffer((tmp_path / "out.raw").read_bytes(), "<f4").reshape(-1, 2)
    assert region.shape == (24_000 + 2 * 960, 2)
    assert not np.array_equal(region, song(2.0)[24_000 - 960 : 48_000 + 960])
