"""The plug-in in minihost, with a link to a daemon's data folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from acebridge.client.client import Client
from acebridge.hosts.plugin.instances import Instance, running_instances, send_command
from acebridge.v1 import jobs_pb2
from tests.support.daemon import until
from tests.support.minihost import RATE_HZ, Host
from tests.support.plugin import Samples

#: Values of the parameters that are choices, in their order.
CHOICES = {
    "task": ("text2music", "cover", "repaint", "lego", "complete", "extract"),
    "track": (
        "vocals", "backing_vocals", "drums", "bass", "guitar", "keyboard", "percussion", "strings", "synth", "fx", "brass",
        "woodwinds",
    ),
    "match_loudness": ("region", "context", "off"),
}  # fmt: skip


class LinkedHost(Host):
    """An instance whose data folder is ``home``, which the environment names already."""

    def __init__(self, path: str, home: Path, rate_hz: int = RATE_HZ) -> None:
        before = {instance.id for instance in running_instances(home)}
        super().__init__(path, rate_hz)
        self.home = home

        def find() -> Instance | None:
            return next((each for each in running_instances(home) if each.id not in before), None)

        found = until(find, "the instance folder")
        assert found is not None
        self.instance = found

    def close(self) -> None:
        """End the instance."""
        self.plugin.close()

    def now(self) -> Instance:
        """Return what the instance says of itself now."""
        return next(each for each in running_instances(self.home) if each.id == self.instance.id)

    def send(self, command: Mapping[str, Any]) -> None:
        """Have it do what a command file says."""
        send_command(self.instance, command)

    def choose(self, name: str, value: str) -> None:
        """Set a parameter that is a choice."""
        self.set(name, CHOICES[name].index(value) / (len(CHOICES[name]) - 1))

    def capture(self, frame: int, audio: Samples) -> None:
        """Record audio from a frame on, and wait until the plug-in has it."""
        self.set("capture", 1)
        self.play(frame, audio)
        self.stop()
        self.set("capture", 0)
        self.stop()
        entry = {"frame": frame, "frames": audio.shape[1]}

        def is_there() -> bool:
            return any(entry.items() <= each.items() for each in self.now().facts["recordings"])

        until(is_there, "the recording")

    def stop(self) -> None:
        """Play a block with the transport stopped."""
        self.play(0, np.zeros((2, 64), dtype=np.float32), playing=False)

    def go(self) -> None:
        """Press Go, as a host does, and wait until the plug-in has seen that."""
        self.press("go")

    def press(self, button: str) -> None:
        """Press "go" or "vary" in the same way."""
        before = self.now().job_number()
        self.set(button, 1)
        self.stop()
        until(lambda: self.now().job_number() > before, "the job")

    def until_ended(self) -> Instance:
        """Wait until no job runs; return what the instance says."""

        def end() -> Instance | None:
            now = self.now()
            return None if now.text("state") == "working" else now

        ended = until(end, "the end of the job")
        assert ended is not None
        self.stop()
        return ended

    def newest_job(self) -> jobs_pb2.Job:
        """Return the daemon's newest job."""
        from acebridge.client.discovery import address_in

        with Client(address_in(self.home)) as client:
            return client.call(client.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=1)).jobs[0]
