"""OSC clients that are not ours: oscsend and oscdump of liblo, and python-osc's own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import soundfile
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import ThreadingOSCUDPServer
from pythonosc.tcp_client import SimpleTCPClient
from pythonosc.udp_client import SimpleUDPClient

from acestep_runtime.tasks import TASKS
from tests.support.daemon import PATIENCE_S, Daemon, daemon_at, song, until, write_wav
from tests.support.osc import osc_peer, port_of

pytestmark = [
    pytest.mark.host,
    pytest.mark.skipif(not shutil.which("oscsend"), reason="needs liblo-tools"),
]
WORDS = "[Verse]\nHold on to me\nuntil the morning"


class Line(NamedTuple):
    """A message as oscdump prints it; a text with spaces is several words."""

    address: str
    tags: str
    words: list[str]

    @property
    def kind(self) -> str:
        return self.address.rpartition("/")[2]


class Liblo:
    """A bridge, oscsend to it, and an oscdump that gets its feedback."""

    def __init__(self, daemon: Daemon, port: int) -> None:
        self.daemon, self.port = daemon, port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.dump_port: int = free.getsockname()[1]
        self.dump = subprocess.Popen(["oscdump", "-L", str(self.dump_port)], stdout=subprocess.PIPE, text=True)
        self.lines: list[Line] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.dump.stdout is not None
        for line in self.dump.stdout:
            if len(words := line.split()) > 1 and words[1].startswith("/"):
                self.lines.append(Line(words[1], words[2] if len(words) > 2 else "", words[3:]))

    def send(self, address: str, types: str = "", *values: object) -> None:
        words = ["oscsend", "127.0.0.1", str(self.port), address, *([types] if types else []), *map(str, values)]
        subprocess.run(words, check=True)

    def listen(self) -> None:
        """Wait until oscdump gets feedback: it says nothing of its start."""

        def is_listening() -> bool:
            self.send("/acebridge/feedback", "si", "127.0.0.1", self.dump_port)
            self.send("/acebridge/session/bpm", "i", 90 + len(self.lines) % 10)
            self.send("/acebridge/session/bpm", "s", "")
            return bool(self.lines)

        until(is_listening, "oscdump")

    def run(self, address: str, types: str = "", *values: object) -> list[Line]:
        """Send a message; return what a job said until it was done, without what goes to faders."""
        start = len(self.lines)
        self.send(address, types, *values)
        until(lambda: any(line.kind in ("done", "error") for line in self.lines[start:]), address)
        return [line for line in self.lines[start:] if "/latest/" not in line.address]

    def close(self) -> None:
        self.dump.terminate()
        self.dump.wait()
        self._reader.join()
        assert self.dump.stdout is not None
        self.dump.stdout.close()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("liblo")
    with daemon_at(folder / "home", config=f"roots = ['{folder}']\n[osc]\nport = 0\n") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def liblo(daemon: Daemon) -> Iterator[Liblo]:
    liblo = Liblo(daemon, port_of(daemon.home))
    try:
        liblo.listen()
        yield liblo
    finally:
        liblo.close()


@pytest.fixture(scope="module")
def source(daemon: Daemon, liblo: Liblo) -> Path:
    """A song of the draft engine, made through OSC."""
    folder = daemon.home.parent / "made"
    liblo.send("/acebridge/session/engine", "s", "draft")
    liblo.send("/acebridge/session/output", "s", folder)
    lines = liblo.run("/acebridge/text2music", "ssf", "warm soul", WORDS, 6)
    assert lines[-1].kind == "done", lines
    return folder / "text2music.wav"


def test_every_session_field_is_set_by_oscsend(liblo: Liblo, source: Path, daemon: Daemon) -> None:
    fields: dict[str, tuple[str, object]] = {
        "source": ("s", source), "start": ("f", 1.5), "end": ("d", 3.5), "bpm": ("i", 96), "keyscale": ("s", "A minor"),
        "timesignature": ("f", 4), "caption": ("s", "piano solo"), "lyrics": ("s", WORDS), "tracks": ("s", "drums,bass"),
        "takes": ("i", 1), "seed": ("h", 2**32 - 1), "engine": ("s", "draft"), "strength": ("f", 0.75),
        "output": ("s", daemon.home.parent / "session"),
    }  # fmt: skip
    for field, (types, value) in fields.items():
        liblo.send(f"/acebridge/session/{field}", types, value)
    with osc_peer(liblo.port) as peer:
        held = peer.session()
    wanted = {field: str(value) if isinstance(value, Path) else value for field, (_, value) in fields.items()}
    assert held == {**wanted, "seed": str(2**32 - 1)}


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "text2music": ("ssf", "jazz", "", 2),
    "cover": ("sssf", None, "jazz", "", 1),
    "repaint": ("sffs", None, 2, 4, "piano"),
    "lego": ("siis", None, 0, 3, "drums"),
    "complete": ("ss", None, "drums"),
    "extract": ("ss", None, "vocals"),
    "understand": ("s", None),
    "align_lyrics": ("ss", None, WORDS),
    "score": ("ss", None, WORDS),
    "create_sample": ("s", "a ballad about rain"),
    "format_sample": ("ss", "soul", WORDS),
    "transcribe": ("ss", None, "bass"),
}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_run_by_oscsend_and_followed_by_oscdump(
    liblo: Liblo, source: Path, daemon: Daemon, task: str
) -> None:
    folder = daemon.home.parent / task
    liblo.send("/acebridge/session/clear")
    liblo.send("/acebridge/session/engine", "s", "draft")
    liblo.send("/acebridge/session/output", "s", folder)
    types, *values = ARGUMENTS[task]
    lines = liblo.run(f"/acebridge/{task}", types, *(source if value is None else value for value in values))
    kinds = [line.kind for line in lines if line.address.startswith("/acebridge/job/")]
    assert kinds[0] == "queued"
    assert kinds[-1] == "done", lines
    assert "take" in kinds
    fractions = [float(line.words[0]) for line in lines if line.kind == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    files = list(folder.iterdir())
    assert len(files) == kinds.count("take")
    for file in files:
        if file.suffix == ".wav":
            assert soundfile.info(file).frames > 0
        elif file.suffix == ".json":
            assert json.loads(file.read_text("utf-8"))["engine"] == "draft"


def test_a_job_is_cancelled_by_oscsend(liblo: Liblo, daemon: Daemon) -> None:
    daemon.hold(77)
    start = len(liblo.lines)
    liblo.send("/acebridge/text2music", "s", '{"output": {"seeds": [77]}, "submission": {"engine": "fake"}}')
    until(lambda: any(line.kind == "progress" for line in liblo.lines[start:]), "a job under way")
    liblo.send("/acebridge/cancel")
    until(lambda: liblo.lines[-1].kind == "error", "the end of the job")
    assert "CANCELLED" in " ".join(liblo.lines[-1].words)
    daemon.release()


def test_oscsend_over_tcp(liblo: Liblo) -> None:
    url = f"osc.tcp://127.0.0.1:{liblo.port}"
    subprocess.run(["oscsend", url, "/acebridge/session/caption", "s", "over TCP"], check=True)

    def is_set() -> bool:
        with osc_peer(liblo.port) as peer:
            return peer.session().get("caption") == "over TCP"

    until(is_set, "the caption")


def test_the_clients_of_python_osc(daemon: Daemon, tmp_path: Path) -> None:
    """UDP with a server of its own for feedback; TCP in both framings, with the token for a path outside the roots."""
    port = port_of(daemon.home)
    done: list[tuple[Any, ...]] = []
    ended = threading.Event()
    dispatcher = Dispatcher()
    dispatcher.map("/acebridge/job/*/take", lambda _, *values: done.append(values))
    dispatcher.map("/acebridge/job/*/done", lambda *_: ended.set())
    with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with SimpleUDPClient("127.0.0.1", port) as udp:
                udp.send_message("/acebridge/session/clear", [])
                udp.send_message("/acebridge/feedback", ["127.0.0.1", server.server_address[1]])
                udp.send_message("/acebridge/session/output", str(daemon.home.parent / "python-osc"))
                udp.send_message("/acebridge/create_sample", ["a ballad", '{"submission": {"engine": "draft"}}'])
                assert ended.wait(PATIENCE_S)
                udp.send_message("/acebridge/feedback/stop", ["127.0.0.1", server.server_address[1]])
        finally:
            server.shutdown()
            thread.join()
    until(lambda: done, "the take")  # each message has a thread of its own, and they come in any order
    assert json.loads(Path(done[0][3]).read_text("utf-8"))["caption"]
    outside = write_wav(tmp_path / "outside.wav", song(1.0))
    for mode in ("1.0", "1.1"):
        client = SimpleTCPClient("127.0.0.1", port, mode=mode)
        try:
            client.send_message("/acebridge/token", (daemon.home / "token").read_text().strip())
            client.send_message("/acebridge/session/source", str(outside))
            client.send_message("/acebridge/session", [])
            received: list[Any] = []
            until(lambda: received.extend(client.get_messages(1)) or any("count" in str(each) for each in received))  # noqa: B023
            assert any(str(outside) in str(each) for each in received)
        finally:
            client.close()
