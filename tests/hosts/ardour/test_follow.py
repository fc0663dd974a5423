"""A real Ardour under Xvfb, its OSC surface, the hook, the bridge and a tablet: the loop of Ardour is repainted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from acebridge.hosts.ardour.install import FILE, HOOK
from tests.support.ardour import Ardour, free_port
from tests.support.daemon import daemon_at, until
from tests.support.osc import OscPeer, osc_peer, port_of
from tests.support.shell import COMMAND
from tests.support.signals import song

pytestmark = pytest.mark.host

RATE_HZ = 48_000
#: Where the region lies, and the loop, in samples: on no round number, so that nothing comes out right by chance.
REGION_AT, LOOP = 24_001, (120_007, 216_013)


class Studio:
    """Ardour with a song on its track, the bridge, the program that follows, and a tablet."""

    def __init__(self, ardour: Ardour, tablet: OscPeer, song: np.ndarray, log: Path) -> None:
        self.ardour, self.tablet, self.song, self.log = ardour, tablet, song, log

    def session_with(self, **wanted: Any) -> dict[str, Any]:
        """The session of the bridge, as soon as these fields are as they should be; ``None``: not set."""

        def read_session() -> dict[str, Any]:
            session = self.tablet.session()
            fitting = (session.get(name) == pytest.approx(value, abs=1e-5) for name, value in wanted.items())
            return session if all(fitting) else {}

        return until(
            read_session, f"{wanted} in the session; the program that follows said: {self.log.read_text('utf-8')}"
        )


def install_hook(home: Path, port: int) -> None:
    """Install the hook as a user does."""
    environment = {**os.environ, "HOME": str(home)}
    environment.pop("XDG_CONFIG_HOME", None)
    command = [*COMMAND, "host", "install", "ardour", "--port", str(port)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "Script Manager" in said


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio") / "스튜디오 'n' one"
    folder.mkdir()
    audio = song(bpm=120, bars=5, rate_hz=RATE_HZ)
    soundfile.write(folder / "song.wav", audio, RATE_HZ, subtype="FLOAT")
    ardour, listen = Ardour(folder, rate_hz=RATE_HZ), free_port()
    install_hook(ardour.home, listen)
    hook = (ardour.config / "scripts" / FILE).read_text("utf-8")
    with (
        daemon_at(folder / "data", config="[osc]\nport = 0\n") as daemon,
        ardour.running({HOOK: hook}),
        osc_peer(port_of(daemon.home)) as tablet,
        (folder / "follow.log").open("wb") as log,
    ):
        ardour.import_audio(folder / "song.wav", REGION_AT)
        follower = subprocess.Popen(
            [*COMMAND, "osc", "follow", "ardour", "--daw", f"127.0.0.1:{ardour.port}", "--listen", str(listen)],
            env={**os.environ, "ACEBRIDGE_HOME": str(daemon.home), "PYTHONUNBUFFERED": "1"}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield Studio(ardour, tablet, audio, folder / "follow.log")
        finally:
            follower.terminate()
            assert follower.wait() == 0, (folder / "follow.log").read_text("utf-8")


def read(path: str) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def repaint(studio: Studio, settings: str) -> np.ndarray:
    """Press the button of the tablet; return the result that lands in Ardour's folder of exports."""
    tablet = studio.tablet
    tablet.send("/acebridge/session/engine", "s", "draft")
    tablet.send("/acebridge/session/caption", "s", "bright piano")
    tablet.send("/acebridge/go/repaint", "s", settings)
    answers = tablet.wait_for("done")
    assert answers[-1].kind == "done", answers[-1]
    (file,) = [answer.values[3] for answer in answers if answer.kind == "take"]
    assert Path(file).parent == studio.ardour.session / "export"
    assert soundfile.info(file).samplerate == RATE_HZ
    return read(file)


def wait_for_value(tablet: OscPeer, kind: str, value: float) -> None:
    """Wait until the tablet is told this; what was so before comes first where the program that follows has just begun."""
    while tablet.wait_for(kind)[-1].values != (value,):
        pass


def test_the_transport_of_ardour_reaches_the_tablet(studio: Studio) -> None:
    ardour, tablet = studio.ardour, studio.tablet
    tablet.send("/acebridge/feedback", "si", "127.0.0.1", tablet.port)
    ardour.send("/locate", 96_000, 0)
    wait_for_value(tablet, "position", 2.0)
    ardour.send("/transport_play")
    wait_for_value(tablet, "playing", 1)
    positions = [tablet.wait_for("position")[-1].values[0] for _ in range(3)]
    ardour.send("/transport_stop")
    wait_for_value(tablet, "playing", 0)
    assert 2.0 <= positions[0] < positions[1] < positions[2]
    tablet.send("/acebridge/feedback/stop", "si", "127.0.0.1", tablet.port)


def test_the_loop_of_ardour_is_repainted_from_a_tablet(studio: Studio) -> None:
    studio.ardour.set_loop(*LOOP)
    start, end = (at - REGION_AT for at in LOOP)
    session = studio.session_with(start=start / RATE_HZ, end=end / RATE_HZ, bpm=120.0, timesignature=4)
    assert np.array_equal(read(session["source"]), studio.song), "Ardour keeps a file for each channel"

    result = repaint(studio, '{"crossfade_ms": 0}')
    assert result.shape == studio.song.shape
    changed = (result != studio.song).any(axis=1)
    assert not changed[:start].any()
    assert not changed[end:].any()
    assert changed[[start, end - 1]].all()
    assert changed[start:end].mean() > 0.99


def test_a_file_that_is_played_in_place_is_the_source(studio: Studio) -> None:
    at, trim, file = 960_001, 11_999, studio.log.parent / "song.wav"
    studio.ardour.embed_audio(file, at, trim)
    studio.ardour.set_loop(at + 24_000, at + 48_000)
    studio.session_with(source=str(file), start=24_000 / RATE_HZ, end=48_000 / RATE_HZ)
    studio.ardour.set_loop(at, at + 48_000)  # the region begins later
    studio.session_with(source=str(file), start=trim / RATE_HZ, end=48_000 / RATE_HZ)


def test_a_range_goes_before_the_loop_and_several_regions_are_refused(studio: Studio) -> None:
    ardour, tablet = studio.ardour, studio.tablet
    ardour.set_loop(96_000, 144_000)
    tablet.send("/acebridge/daw/action", "s", "Editor/select-loop-range")
    until(lambda: ardour.run("say(Editor:get_selection().time:end_sample())") == [["144000"]], "the range in Ardour")
    ardour.set_loop(48_000, 72_000)
    start, end = ((at - REGION_AT) / RATE_HZ for at in (96_000, 144_000))
    studio.session_with(start=start, end=end)

    ardour.run("""
    local playlist = Session:route_by_name("Song"):to_track():playlist()
    playlist:split_region(playlist:top_region_at(Temporal.timepos_t(120000)), Temporal.timepos_t(120000))
    """)
    studio.session_with(start=None, source=None)
    until(lambda: "2 audio regions are selected or in the range" in studio.log.read_text("utf-8"), "the sentence")
    error = tablet.ask("/acebridge/go/repaint")
    assert error.kind == "error"
    assert error.values[1] == "repaint needs a source."
