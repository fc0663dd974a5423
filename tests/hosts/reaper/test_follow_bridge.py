"""The simulated REAPER, `acebridge osc follow reaper`, the bridge and a tablet: the loop of REAPER is repainted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.hosts.osc.surfaces.run import follow
from tests.support.daemon import Daemon, daemon_at
from tests.support.osc import OscPeer, osc_peer, port_of
from tests.support.paths import REAPER_SCRIPTS as SCRIPTS
from tests.support.reaper_osc import OscDevice
from tests.support.reaper_studio import ITEM_AT_S, RATE_HZ, Studio

ACTION = "AceBridge_Follow over OSC.lua"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("daemon"), config="[osc]\nport = 0\n") as daemon:
        yield daemon


class Setting:
    """A REAPER whose OSC is connected to the program that follows, and a tablet."""

    def __init__(self, studio: Studio, tablet: OscPeer) -> None:
        self.studio, self.tablet = studio, tablet
        self.device = OscDevice(studio.reaper, SCRIPTS / "AceBridge.ReaperOSC")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.said: list[str] = []
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()
        self._follower: Any = None

    def _follow(self) -> None:
        port = self.socket.getsockname()[1]
        resources = self.studio.reaper.resource
        follow(
            "reaper", daw=str(port), listen=0, resources=resources, say=self.said.append, is_stopping=self.stop.is_set
        )

    def close(self) -> None:
        self.stop.set()
        self._thread.join()
        self.socket.close()

    def tick(self) -> None:
        """Let REAPER take what has come and send what has changed."""
        try:
            packet, self._follower = self.socket.recvfrom(65536)
            self.device.receive(packet)
        except BlockingIOError:
            pass
        if self._follower:
            for packet in self.device.feedback():
                self.socket.sendto(packet, self._follower)

    def session_with(self, **wanted: Any) -> dict[str, Any]:
        """The session of the bridge, as soon as these fields are as they should be; ``None``: not set."""

        def read_session() -> dict[str, Any]:
            self.tick()
            session = self.tablet.session()
            fitting = (session.get(name) == pytest.approx(value, abs=1e-5) for name, value in wanted.items())
            return session if all(fitting) else {}

        found: dict[str, Any] = self.studio.reaper.until(read_session)
        return found


@pytest.fixture
def setting(studio: Studio, daemon: Daemon) -> Iterator[Setting]:
    with osc_peer(port_of(daemon.home)) as tablet:
        tablet.send("/acebridge/session/clear")
        setting = Setting(studio, tablet)
        yield setting
        setting.close()


def read(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def test_the_loop_of_reaper_is_repainted_from_a_tablet(setting: Setting) -> None:
    studio, tablet = setting.studio, setting.tablet
    studio.item["B_UISEL"] = 1
    studio.project.loop = (2.0, 4.0)
    studio.reaper.start(ACTION)
    start_s, end_s = 2.0 - ITEM_AT_S + 0.5, 4.0 - ITEM_AT_S + 0.5
    setting.session_with(start=start_s, end=end_s, source=str(studio.song), bpm=100.0)

    tablet.send("/acebridge/session/engine", "s", "draft")
    tablet.send("/acebridge/go/repaint", "s", '{"crossfade_ms": 0}')
    answers = tablet.wait_for("done")
    assert answers[-1].kind == "done", answers[-1]
    (file,) = [answer.values[3] for answer in answers if answer.kind == "take"]
    assert Path(file).parent == studio.project.media_folder

    source, result = read(studio.song), read(file)
    first, last = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
    assert result.shape == source.shape
    changed = (result != source).any(axis=1)
    assert not changed[:first].any()
    assert not changed[last:].any()
    assert changed[[first, last - 1]].all()


def test_without_the_action_the_loop_counts_in_the_users_source(setting: Setting) -> None:
    setting.studio.project.loop = (1.25, 2.5)
    setting.tablet.send("/acebridge/session/source", "s", str(setting.studio.song))
    setting.session_with(start=1.25, end=2.5, bpm=100.0, source=str(setting.studio.song))
