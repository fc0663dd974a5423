"""A daemon to which all kinds of things happen, and what it has promised meanwhile."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from acebridge.client.client import Client
from tests.support.bad_disk import BadDisk
from tests.support.daemon import Daemon, assert_gone, download, song, status, write_wav
from tests.support.history import TAKES, History


class Trial:
    """A daemon, what it has promised, and what happens to it. With a ``library`` of `bad_disk` its disk may fail."""

    def __init__(self, home: Path, library: Path | None = None) -> None:
        self.daemon = Daemon(home, step_ms=20, config="cancel_grace_s = 0.2\n")
        self.history = History()
        self.chance = random.Random(300)
        self.kills, self.cuts, self.seed = 0, 0, 1
        #: Seconds from each start to the first answer.
        self.starts_s: list[float] = []
        self.disk: BadDisk | None = None
        if library is not None:
            self.disk = BadDisk(home, home.with_name("scratch"), library, seed=300)
            self.daemon.environment.update(self.disk.environment)
        self.client: Client = self.daemon.start()

    def next_seed(self) -> int:
        self.seed += TAKES
        return self.seed - TAKES

    def submit(self) -> str:
        """Have the next job accepted."""
        return self.history.submit(self.client, self.next_seed())

    def upload(self) -> str:
        """Have the next file stored."""
        path = write_wav(self.daemon.home.with_name("upload.wav"), song(0.1, seed=self.seed))
        asset_id = self.client.upload(path).asset_id
        self.history.uploads.add(asset_id)
        return asset_id

    def read(self) -> None:
        """Fetch a stored file: whatever the disk does, reading needs no writing."""
        if self.history.uploads:
            download(self.client, self.chance.choice(sorted(self.history.uploads)))
            self.history.downloads += 1

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
