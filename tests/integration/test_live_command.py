"""``acebridge live``: the bridge file, the doctor, and the program as a musician starts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from acebridge.cli.app import app
from acebridge.hosts.live.doctor import examine
from acebridge.hosts.live.extension import Service
from acebridge.hosts.live.run import NoLive, serve
from tests.support.daemon import PATIENCE_S, Daemon, song, until
from tests.support.fake_live import RATE_HZ, FakeLive


@pytest.fixture
def live(tmp_path: Path) -> Iterator[FakeLive]:
    with closing(FakeLive(tmp_path / "Live")) as live:
        yield live


def test_the_bridge_is_a_file_that_live_loads(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["live", "install", "--to", str(tmp_path / "Für Live")])
    assert done.exit_code == 0, done.output
    assert "Settings > Extensions" in done.output
    with zipfile.ZipFile(tmp_path / "Für Live" / "ableton-python-bridge.ablx") as bridge:
        manifest = json.loads(bridge.read("manifest.json"))
        assert {"name", "author", "version", "entry", "minimumApiVersion"} <= set(manifest)
        assert b"activate" in bridge.read(manifest["entry"])


def test_the_doctor_finds_live_or_says_what_is_missing(live: FakeLive) -> None:
    live.add_track("Vocals")
    package, bridge = examine(url=live.url)
    assert (package.ok, bridge.ok) == (True, True)
    assert "120 BPM, 1 tracks" in bridge.says
    live.close()
    _, gone = examine(url=live.url)
    assert not gone.ok
    assert f"No bridge of Live answers at {live.url}." in gone.says
    assert "acebridge live install" in gone.remedy


def test_without_live_it_waits_or_says_so(live: FakeLive) -> None:
    live.close()
    with pytest.raises(NoLive, match=r"No bridge of Live answers at .* Start Live 12\.4\.5"):
        serve(live.url, Service(), say=lambda _: None, wait=False)


def command(live: FakeLive, *more: str) -> list[str]:
    return [sys.executable, "-m", "acebridge.cli", "live", "run", "--bridge", live.url, *more]


def test_another_version_of_the_api_is_refused(tmp_path: Path) -> None:
    with closing(FakeLive(tmp_path / "Old", api_version="0.9.0")) as live:
        done = subprocess.run(command(live), capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 4
    assert "The bridge in Live cannot be used: API version mismatch: SDK wants 1.0.0, host offers 0.9.0." in done.stderr
    assert "Update Live" in done.stderr


def test_the_program_waits_for_live_and_serves_it_until_it_is_interrupted(live: FakeLive, daemon: Daemon) -> None:
    live.close()
    arguments = command(live, "--engine", "draft")
    with subprocess.Popen(
        arguments, env={**daemon.environment, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline().decode().strip() == f"Waiting for Live's bridge at {live.url}."
            with closing(FakeLive(live.project.parent, port=live.port)) as again:
                _repaint(again)
        finally:
            program.send_signal(signal.SIGINT)
            program.stdout.read()
        assert program.wait(PATIENCE_S) == 0


def _repaint(live: FakeLive) -> None:
    """Repaint a second of a track, and look at it."""
    voice = live.add_track("Vocals")
    live.add_clip(voice, 4.0, 0.5 * song(4.0, rate_hz=RATE_HZ))
    until(lambda: ("AudioTrack.ArrangementSelection", "AceBridge: Place waiting results") in live.menu, "the menu")
    live.answers = [{"style": "brighter piano", "seed": "7"}]
    live.select("Repaint selection", 6.0, 8.0, voice)
    until(lambda: live.lanes(voice) and live.lanes(voice)[0]["clips"], "the take")
    (lane,) = live.objects[voice]["lanes"]
    old, new = (live.playback(place, 4.0, 12.0) for place in (voice, lane))
    changed = np.flatnonzero((old != new).any(axis=1))
    fade = round(0.02 * RATE_HZ)
    assert (changed[0], changed[-1] + 1) == (RATE_HZ - fade, 2 * RATE_HZ + fade)
