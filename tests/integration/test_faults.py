"""Kills, stops and locks at any moment: what was accepted is kept, each job ends or says why not, and nothing is left over."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from acebridge.errors import ErrorReason, JobFailed
from acebridge.tokens import read_tokens
from tests.support.bad_disk import IS_SUPPORTED, BadDisk, build_library
from tests.support.daemon import assert_gone, assets, create_tone_job, delete_job, state, status, until, until_state
from tests.support.history import SECONDS, TAKES, History
from tests.support.shell import belongs
from tests.support.size import Size, assert_no_growth, size_of
from tests.support.tiers import Rounds
from tests.support.trial import Trial


def kill_daemon(trial: Trial) -> None:
    trial.upload()
    trial.submit()
    trial.wait()
    trial.kill()
    trial.restart()


def kill_daemon_amid_a_call(trial: Trial) -> None:
    """Nobody knows whether the job was accepted: whoever asks again has it, and no other."""
    seed, client = trial.next_seed(), trial.client
    key = trial.history.key_of(seed)

    def ask() -> None:
        with suppress(Exception):  # whichever end the call has
            create_tone_job(client, SECONDS, seed=seed, takes=TAKES, key=key)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(trial.chance.choice((0.0, 0.002, 0.005)))
    trial.kill()
    asking.join()
    trial.restart()
    trial.history.submit(trial.client, seed)


def kill_worker(trial: Trial) -> None:
    trial.submit()
    trial.wait()
    until(trial.worker_pid, "a worker")
    trial.kills += trial.send_to_worker(signal.SIGKILL)


def stop_worker_and_cancel(trial: Trial) -> None:
    trial.submit()
    trial.wait()
    until(trial.worker_pid, "a worker")
    trial.send_to_worker(signal.SIGSTOP)
    running = status(trial.client).workers[0].job_id
    if running:
        trial.history.cancelled.add(running)
        trial.client.cancel(running)
        until(lambda: state(trial.client, running) != "running", "the end of a stopped worker's job")
    trial.send_to_worker(signal.SIGCONT)  # another one, or one that was at rest


def stop_worker_and_kill_daemon(trial: Trial) -> None:
    trial.submit()
    trial.wait()
    trial.send_to_worker(signal.SIGSTOP)
    processes = trial.daemon.kill()
    trial.kills += 1
    trial.restart()
    assert_gone(processes)  # by now: one that was stopped just when it was forked has nobody else to end it


def hold_database(trial: Trial) -> None:
    other = sqlite3.connect(trial.daemon.home / "acebridge.db", isolation_level=None, timeout=60)
    other.execute("BEGIN IMMEDIATE")
    asking = threading.Thread(target=trial.submit)
    asking.start()
    trial.wait()
    other.execute("ROLLBACK")
    other.close()
    asking.join()


CLIENT = """
import sys
from acebridge.client.client import Client
from tests.support.daemon import generate
for event in generate(Client(sys.argv[1]), float(sys.argv[2]), seed=int(sys.argv[3]), takes=int(sys.argv[4]), key=sys.argv[5]):
    print(event.job_id, flush=True)
"""


def kill_client(trial: Trial) -> None:
    """One that follows its job: the job goes on."""
    seed = trial.next_seed()
    words = [trial.daemon.address, str(SECONDS), str(seed), str(TAKES), trial.history.key_of(seed)]
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, *words], env=trial.daemon.environment, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        job_id = client.stdout.readline().strip()
        client.kill()
    trial.kills += 1
    assert trial.history.submit(trial.client, seed) == job_id


def stop_daemon(trial: Trial) -> None:
    """As a laptop does that sleeps: whoever asks meanwhile is answered afterwards."""
    trial.submit()
    os.kill(trial.daemon.pid, signal.SIGSTOP)
    asking = threading.Thread(target=trial.submit)
    asking.start()
    trial.wait()
    os.kill(trial.daemon.pid, signal.SIGCONT)
    asking.join()


def cut_power(trial: Trial) -> None:
    """What was promised was synced before."""
    assert trial.disk is not None
    trial.upload()
    trial.submit()
    trial.wait()
    trial.history.note_results(trial.client)
    trial.kill()
    trial.disk.cut_power()
    trial.cuts += 1
    trial.restart()


@contextmanager
def suppress_refusals(*allowed: ErrorReason) -> Iterator[None]:
    try:
        yield
    except JobFailed as refusal:
        if refusal.kind not in allowed:
            raise


def break_disk(trial: Trial) -> None:
    """Some of what is written fails. Then calls are refused with that reason; what was accepted is kept all the same."""
    assert trial.disk is not None
    number = trial.chance.choice((errno.EIO, errno.ENOSPC))
    seed = trial.next_seed()
    with trial.disk.failing(trial.chance.choice((0.03, 0.3, 1.0)), number):
        for ask in (trial.upload, lambda: trial.history.submit(trial.client, seed)):
            with suppress_refusals(ErrorReason.DISK_FULL, ErrorReason.DISK_FAILING):
                ask()
        trial.read()
        trial.wait()
        if trial.chance.random() < 0.3:
            trial.kill()
    if trial.daemon.client is None:
        trial.restart()
    trial.history.submit(trial.client, seed)


def exhaust_descriptors(trial: Trial) -> None:
    """The daemon can open nothing for a while: it says so, and what it has accepted waits."""
    process, seed = psutil.Process(trial.daemon.pid), trial.next_seed()
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    status(trial.client)  # over a connection that stays: there will be no other
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds(), before[1]))
    for ask in (trial.upload, lambda: trial.history.submit(trial.client, seed)):
        with suppress_refusals(ErrorReason.BUSY):
            ask()
    trial.wait()
    process.rlimit(psutil.RLIMIT_NOFILE, before)
    trial.history.submit(trial.client, seed)


def set_clock(trial: Trial) -> None:
    """Years to and fro: nothing is too old by that, nothing waits."""
    assert trial.disk is not None
    trial.disk.shift_clock(86400 * trial.chance.choice((-3000, -40, 0, 40, 3000)))
    job_id = trial.submit()
    until_state(trial.client, job_id, "succeeded", "failed")
    trial.read()


#: What finds most comes more than once.
FAULTS: tuple[Callable[[Trial], None], ...] = (
    kill_daemon,
    kill_worker,
    cut_power,
    kill_worker,
    hold_database,
    kill_client,
    break_disk,
    kill_worker,
    stop_worker_and_kill_daemon,
    kill_worker,
    set_clock,
    stop_worker_and_cancel,
    kill_daemon_amid_a_call,
    kill_worker,
    stop_daemon,
    exhaust_descriptors,
    kill_client,
    cut_power,
    break_disk,
)
#: Of these, what only Linux has, with a compiler for `tests.support.bad_disk`.
OF_LINUX = (cut_power, break_disk, set_clock, exhaust_descriptors)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """What breaks a disk, where there is a compiler for it."""
    return build_library(tmp_path_factory.mktemp("library")) if IS_SUPPORTED else None


@pytest.fixture
def trial(tmp_path: Path, library: Path | None) -> Iterator[Trial]:
    trial = Trial(tmp_path / "home", library)
    yield trial
    if trial.daemon.process is not None and trial.daemon.process.poll() is None:
        trial.daemon.kill()


@pytest.mark.slow
@pytest.mark.timeout(3600)  # a quarter of an hour, where nothing else runs
@pytest.mark.campaign("faults")
def test_what_was_accepted_is_kept_whatever_happens(trial: Trial, rounds: Rounds, soak: bool) -> None:
    faults = [fault for fault in FAULTS if trial.disk is not None or fault not in OF_LINUX]
    for number in rounds(len(faults), 25 * len(faults)):
        faults[number % len(faults)](trial)
    ends = trial.history.check(trial.client)
    failed = 0 if trial.disk is None else trial.disk.failures
    starts_s = sorted(trial.starts_s)
    print(
        f"{trial.kills} kills, {trial.cuts} of them power cuts, {failed} calls of the system failed; jobs: {ends},"
        f" {len(trial.history.uploads)} uploads, {trial.history.downloads} downloads;"
        f" start: median {starts_s[len(starts_s) // 2]:.2f} s, slowest {starts_s[-1]:.2f} s"
    )
    assert ends["succeeded"] >= len(trial.history.jobs) / 2
    if soak:
        assert trial.kills >= 300
    assert trial.daemon.stop() == 0
    trial.daemon.check_store()
    assert "Traceback" not in trial.daemon.console()
    assert not [process for process in psutil.process_iter() if belongs(process, trial.daemon.home)]


@pytest.mark.slow
@pytest.mark.campaign("faults")
def test_faults_leave_nothing_behind_in_a_daemon_that_lives(trial: Trial, rounds: Rounds) -> None:
    """Neither memory, nor descriptors, threads, processes or files."""
    faults = (kill_worker, hold_database, stop_worker_and_cancel, stop_daemon)

    def play(count: int) -> Size:
        for number in range(count):
            faults[number % len(faults)](trial)
        trial.history.check(trial.client)
        for job_id in list(trial.history.jobs):
            delete_job(trial.client, job_id)
        trial.history = History(uploads=trial.history.uploads)
        until(lambda: {asset.id for asset in assets(trial.client)} == trial.history.uploads, "the files to go")
        return size_of(trial.daemon)

    trial.upload()
    before = play(2 * len(faults))
    after = play(len(rounds(2 * len(faults), 25 * len(faults))))
    assert_no_growth(before, after)
    assert trial.daemon.stop() == 0


def test_a_token_outlasts_a_power_cut(tmp_path: Path, library: Path | None) -> None:
    if library is None:
        pytest.skip("needs a C compiler, on Linux")
    home = tmp_path / "home"
    home.mkdir()
    disk = BadDisk(home, tmp_path / "scratch", library, seed=1)
    for name in ("a", "b", "c"):
        code = f"from acebridge import tokens; from pathlib import Path; tokens.add_token(Path({str(home)!r}), {name!r}, ())"
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **disk.environment}, check=True)
        disk.cut_power()
    assert [token.name for token in read_tokens(home)] == ["a", "b", "c"]
