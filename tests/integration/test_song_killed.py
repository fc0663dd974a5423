"""A song of five sections with three takes each, whose command, worker or daemon is killed in each phase, ends as one that is
not: the same files byte for byte, and no section made twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from acebridge.client.client import Client
from acebridge.v1 import jobs_pb2
from acestep_runtime.song import make_song
from acestep_runtime.song.plan_file import parse_plan
from tests.support.daemon import Daemon, assert_gone, create_tone_job, daemon_at, delete_job, until, until_state
from tests.support.shell import Shell
from tests.support.songs import NAMES, PausedCommand, files_of, toml

TAKES, SEED, CHORUS = 3, 2511, 2
#: A seed of no take of the song.
OTHER = 7
PLAN = toml(takes=TAKES, seed=SEED)
#: Phases that begin with a function of the command: which call of it.
CALLS = {
    "before the submission": ("acebridge.client.api_runner", "submit_once", CHORUS + 1),
    "fetching a take": ("acebridge.client.api_runner", "_download", CHORUS * TAKES + 2),
    "keeping the takes": ("acestep_runtime.song.build", "_section_of", CHORUS + 1),
    "choosing": ("acestep_runtime.song.build", "save_state", 2 + 2 * CHORUS + 2),
    "splicing for the next section": ("acestep_runtime.song.build", "write_pieces", CHORUS + 1),
    "writing the song": ("acestep_runtime.song.build", "write_song", 1),
    "writing its table": ("acestep_runtime.song.build", "write_whole", 1),
}
GENERATING = {f"generating take {take + 1}": take for take in range(TAKES)}
VICTIMS = ("command", "worker", "daemon")
PHASES = ("queued", *GENERATING, *CALLS)
#: What `make test` runs; `make check` runs all.
QUICK = {
    ("command", "queued"), ("worker", "generating take 2"), ("daemon", "generating take 3"), ("daemon", "choosing"),
    ("command", "writing its table"),
}  # fmt: skip
ROWS = [
    pytest.param(victim, phase, id=f"{victim}, {phase}", marks=() if (victim, phase) in QUICK else pytest.mark.slow)
    for victim in VICTIMS
    for phase in PHASES
]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the song that nothing interrupts, made without a daemon."""
    plan = tmp_path_factory.mktemp("calm") / "song.toml"
    plan.write_text(PLAN, "utf-8")
    files = files_of(make_song(plan).folder)
    assert len(files) == len(NAMES) * TAKES + 2
    return files


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home"), step_ms=1) as daemon:
        yield daemon


@pytest.fixture
def shell(frail: Daemon, tmp_path: Path) -> Iterator[Shell]:
    with Shell(tmp_path, frail.environment) as shell:
        (tmp_path / "song.toml").write_text(PLAN, "utf-8")
        yield shell


def client_of(daemon: Daemon) -> Client:
    assert daemon.client is not None
    return daemon.client


def jobs(daemon: Daemon) -> list[jobs_pb2.Job]:
    client = client_of(daemon)
    return list(client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1000)).jobs)


def kill(victim: str, daemon: Daemon, process: subprocess.Popen[str]) -> None:
    """End one of the three with SIGKILL, and wait until it is gone."""
    if victim == "command":
        process.kill()
        process.wait()
    elif victim == "worker":
        for worker in daemon.workers():
            os.kill(worker.pid, signal.SIGKILL)
            psutil.wait_procs([worker], timeout=600)
    else:
        assert_gone(daemon.kill())


def has_running(daemon: Daemon, known: int) -> Callable[[], bool]:
    """Return whether a job of the song is at work, of which the third section is the newest."""

    def is_there() -> bool:
        found = jobs(daemon)
        is_running = found[0].state == jobs_pb2.JOB_STATE_RUNNING and found[0].progress.fraction > 0 if found else False
        return len(found) == known + CHORUS + 1 and is_running

    return is_there


def begin_and_kill(victim: str, phase: str, daemon: Daemon, shell: Shell) -> tuple[int, str]:
    """Run the command, kill the victim in a phase, and return how the command has ended and what it said."""
    address, known = daemon.address, len(jobs(daemon))
    if phase in CALLS:
        command = PausedCommand(
            daemon.environment,
            CALLS[phase],
            shell.folder / "gate",
            "song",
            str(shell.folder / "song.toml"),
            "--address",
            address,
        )
        kill(victim, daemon, command.process)
        return command.go_on()
    if phase == "queued":
        daemon.hold(OTHER)
        other = create_tone_job(client_of(daemon), seed=OTHER)
        until_state(client_of(daemon), other, "running")
        process = shell.start("song", "song.toml", "--address", address)
        until(lambda: len(jobs(daemon)) == known + 2, "the job of the first section")
        assert jobs(daemon)[0].state == jobs_pb2.JOB_STATE_QUEUED
    else:
        seed = parse_plan(PLAN).seeds(CHORUS, SEED, 0)[GENERATING[phase]]
        daemon.hold(seed)
        process = shell.start("song", "song.toml", "--address", address)
        until(has_running(daemon, known), "the third section")
    kill(victim, daemon, process)
    daemon.release()
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.parametrize(("victim", "phase"), ROWS)
def test_a_song_that_is_interrupted_ends_as_one_that_is_not(
    victim: str, phase: str, frail: Daemon, shell: Shell, calm: dict[str, bytes]
) -> None:
    known = {job.id for job in jobs(frail)}
    code, said = begin_and_kill(victim, phase, frail, shell)
    assert code in {"command": (-signal.SIGKILL,), "worker": (0,), "daemon": (0, 3)}[victim], said
    assert "Traceback" not in said
    if victim == "daemon":
        frail.start()
    shell.run("song", "song.toml", "--address", frail.address)
    assert files_of(shell.folder / "song.song") == calm
    made = {job.id for job in jobs(frail)} - known
    assert len(made) == len(NAMES) + (phase == "queued")  # the other one; none was made twice
    for job in jobs(frail):  # the next row submits the same again
        until_state(client_of(frail), job.id, "succeeded")
        delete_job(client_of(frail), job.id)
