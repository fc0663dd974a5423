"""The plug-in's link to a real daemon, in minihost: capture, Go, and the result where it belongs."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acebridge.client.client import Client
from acebridge.hosts.plugin.instances import Instance, running_instances, send_command
from tests.support.daemon import Daemon, create_tone_job, daemon_at, until, until_started
from tests.support.linked_host import LinkedHost
from tests.support.plugin import REPLACE, Samples, make_state, read_state

pytestmark = pytest.mark.host

RATE_HZ = 48_000
HELD = 77


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("daemon"), config="[osc]\nport = 0\n") as daemon:
        until(lambda: (daemon.home / "osc.json").exists(), "the OSC bridge")
        yield daemon


@pytest.fixture
def host(daemon: Daemon, vst3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinkedHost]:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    host = LinkedHost(vst3, daemon.home)
    yield host
    host.close()


@pytest.fixture
def music() -> Samples:
    """A second of two channels."""
    return np.random.default_rng(5).uniform(-0.5, 0.5, (2, RATE_HZ)).astype(np.float32)


def read(file: str) -> Samples:
    samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    return np.ascontiguousarray(samples.T)


def test_a_repaint_plays_in_place(host: LinkedHost, music: Samples, tmp_path: Path) -> None:
    project = tmp_path / "Mein Lied ♫"
    host.send({"folder": str(project), "caption": "Grüße aus 東京"})
    host.capture(10_000, music)
    host.send({"select": [10_000 + 12_000, 12_000]})
    host.choose("task", "repaint")
    host.set("seed", 7 / 16777215)
    host.go()
    done = host.until_ended()
    assert done.text("state") == "done", done.text("sentence")
    ((region,), (file,)) = done.facts["regions"], done.job()[1]
    assert Path(file).parent == project
    take = read(file)
    start = region["frame"]
    assert (region["frames"], region["rate"]) == (take.shape[1], RATE_HZ)
    assert region["sha256"] == hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert start <= 22_000 < 34_000 <= start + take.shape[1] < 10_000 + RATE_HZ
    host.set("mode", REPLACE)
    played = host.play(10_000, music, 441)
    inside = slice(start - 10_000, start - 10_000 + take.shape[1])
    assert np.array_equal(played[:, inside], take)
    assert not np.array_equal(take, music[:, inside])
    assert np.array_equal(played[:, : inside.start], music[:, : inside.start])
    assert np.array_equal(played[:, inside.stop :], music[:, inside.stop :])
    assert host.state() == "done"
    job = host.newest_job()
    assert (job.origin.instance, job.origin.project) == (host.instance.id, str(project))
    assert job.origin.host.strip()
    assert [output.asset_id for output in job.takes[0].outputs] == [region["sha256"]]
    assert job.takes[0].seed == 7
