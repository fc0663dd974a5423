"""Kills, stops and locks at any moment: what was accepted is kept, each job ends or says why not, and nothing is left over."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from acebridge.client.client import Client
from tests.support.daemon import Daemon, assert_gone, create_tone_job, song, state, status, until, write_wav
from tests.support.history import SECONDS, TAKES, History
from tests.support.shell import belongs
from tests.support.tiers import Rounds


class Trial:
    """A daemon, what it has promised, and what happens to it."""

    def __init__(self, home: Path) -> None:
        self.daemon = Daemon(home, step_ms=20, config="cancel_grace_s = 0.2\n")
        self.history = History()
        self.chance = random.Random(300)
        self.kills, self.seed = 0, 1
        #: Seconds from each start to the first answer.
        self.starts_s: list[float] = []
        self.client: Client = self.daemon.start()

    def next_seed(self) -> int:
        self.seed += TAKES
        return self.seed - TAKES

    def submit(self) -> str:
        """Have the next job accepted."""
        return self.history.submit(self.client, self.next_seed())

    def restart(self) -> None:
        began = time.monotonic()
        self.client = self.daemon.start()
        status(self.client)
        self.starts_s.append(time.monotonic() - began)
        self.history.note_results(self.client)

    def kill(self) -> None:
        """End the daemon; what it has started ends, too."""
        assert_gone(self.daemon.kill())
        self.kills += 1

    def wait(self) -> None:
        """Let a while pass: any moment is as good."""
        time.sleep(self.chance.choice((0.0, 0.01, 0.05, 0.2)))

    def send_to_worker(self, number: signal.Signals) -> bool:
        """Send a signal to the worker; return whether there is one."""
        with suppress(ProcessLookupError):
            if pid := self.worker_pid():
                os.kill(pid, number)
                return True
        return False

    def worker_pid(self) -> int:
        """Its process id, 0 when it is not alive."""
        return sum(worker.pid for worker in status(self.client).workers)


def kill_daemon(trial: Trial) -> None:
    path = write_wav(trial.daemon.home / "upload.wav", song(0.1, seed=trial.seed))
    trial.history.uploads.add(trial.client.upload(path).asset_id)
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


#: The most frequent first: a kill of the daemon costs most and finds most.
FAULTS: tuple[Callable[[Trial], None], ...] = (
    kill_daemon,
    kill_worker,
    hold_database,
    stop_worker_and_kill_daemon,
    kill_worker,
    stop_worker_and_cancel,
    kill_daemon_amid_a_call,
    kill_client,
)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "home")
    yield trial
    if trial.daemon.process is not None and trial.daemon.process.poll() is None:
        trial.daemon.kill()


@pytest.mark.slow
@pytest.mark.campaign("faults")
def test_what_was_accepted_is_kept_whatever_happens(trial: Trial, rounds: Rounds, soak: bool) -> None:
    for number in rounds(len(FAULTS), 52 * len(FAULTS)):
        FAULTS[number % len(FAULTS)](trial)
    ends = trial.history.check(trial.client)
    print(f"{trial.kills} kills, jobs: {ends}, slowest start {max(trial.starts_s):.2f} s")
    assert ends["succeeded"] >= len(trial.history.jobs) / 2
    if soak:
        assert trial.kills >= 300
        assert sorted(trial.starts_s)[len(trial.starts_s) // 2] < 3.0  # in a campaign the machine does nothing else
    assert trial.daemon.stop() == 0
    trial.daemon.check_store()
    assert "Traceback" not in trial.daemon.console()
    assert not [process for process in psutil.process_iter() if belongs(process, trial.daemon.home)]
