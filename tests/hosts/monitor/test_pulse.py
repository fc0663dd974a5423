"""What a sound server gets: real PortAudio, a real PulseAudio with a silent sink, the real command, every sample."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.daemon import PATIENCE_S, Daemon, create_tone_job, daemon_at, expected_tone, song, until, write_wav
from tests.support.pulse import Record, pulse, record
from tests.support.signals import noise
from tests.support.sound import assert_arrived, wait_for_more

pytestmark = pytest.mark.host

#: Runs of which one has to come through without an underrun, which the command reports: others use the machine too.
_TRIES = 30
#: A long latency: this is about samples, not about speed.
_LATENCY = ("--latency", "1")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("daemon")) as daemon:
        yield daemon


@pytest.fixture
def environment(tmp_path: Path, daemon: Daemon) -> Iterator[dict[str, str]]:
    with pulse(tmp_path / "pulse") as environment:
        yield {**daemon.environment, **environment, "ACEBRIDGE_HOME": str(daemon.home)}


def run(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "acebridge.cli", *arguments], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def play(folder: Path, environment: dict[str, str], *arguments: str) -> tuple[Record, str]:
    """Run a command until it has come through without an underrun; return what arrived, and what it printed."""
    for _ in range(_TRIES):
        with record(environment) as arrived:
            done = run(folder, environment, *arguments)
            assert done.returncode == 0, done
            wait_for_more(arrived)
        if "nderrun" not in done.stderr:
            return arrived, done.stdout
    raise AssertionError(f"each of {_TRIES} runs had an underrun: {done.stderr}")


def test_a_file_arrives_as_it_is(tmp_path: Path, environment: dict[str, str]) -> None:
    music = noise(4.0, rms=0.2, seed=11)
    write_wav(tmp_path / "song.wav", music)
    arrived, _ = play(tmp_path, environment, "listen", "song.wav", *_LATENCY)
    assert_arrived(arrived, music)


def test_a_job_arrives_as_its_engine_made_it(tmp_path: Path, daemon: Daemon, environment: dict[str, str]) -> None:
    assert daemon.client is not None
    job_id = create_tone_job(daemon.client, 4.0, seed=5)
    arrived, _ = play(tmp_path, environment, "listen", job_id, *_LATENCY)
    music = expected_tone(5, 4.0)
    sounding = np.flatnonzero(music.any(axis=1))  # a tone begins and ends at zero, as silence is
    assert_arrived(arrived, music[sounding[0] : sounding[-1] + 1])


def test_a_stored_asset_arrives_as_it_is(tmp_path: Path, daemon: Daemon, environment: dict[str, str]) -> None:
    write_wav(tmp_path / "song.wav", song(3.0, seed=2))
    assert daemon.client is not None
    asset = daemon.client.upload(tmp_path / "song.wav").asset_id
    arrived, _ = play(tmp_path, environment, "listen", asset[:20], *_LATENCY)
    assert_arrived(arrived, song(3.0, seed=2))


def test_the_devices_are_listed(tmp_path: Path, environment: dict[str, str]) -> None:
    assert "default (ALSA)" in run(tmp_path, environment, "listen", "--devices").stdout


def test_without_a_sound_server_it_is_one_sentence(tmp_path: Path, daemon: Daemon) -> None:
    write_wav(tmp_path / "song.wav", song(1.0))
    silent = {**daemon.environment, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    done = run(tmp_path, silent, "listen", "song.wav")
    assert done.returncode == 4
    assert done.stderr.strip().splitlines()[-1].startswith("acebridge: ")
    assert "Traceback" not in done.stderr


def test_a_sound_server_that_dies_ends_it_in_one_sentence(tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", song(600.0))
    with pulse(tmp_path / "pulse") as environment:
        command = subprocess.Popen(
            [sys.executable, "-m", "acebridge.cli", "listen", "song.wav"], cwd=tmp_path, env=environment, text=True,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        with record(environment) as arrived:
            until(lambda: arrived.samples().any(), "the first sound")
    _, printed = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 4
    assert "is gone. Connect it again or choose another one" in printed
