"""``acebridge listen`` and ``--listen`` on a machine without sound, and with a stream that a test reads."""

from __future__ import annotations

import re
import shlex
import threading

import numpy as np
import pytest

from acebridge.client.client import Client
from acebridge.hosts.monitor import device
from acebridge.hosts.monitor.device import NoSound, OutputRequest, Render
from acebridge.hosts.monitor.player import Player
from acestep_runtime.audio import decode
from tests.support.daemon import Daemon, create_tone_job, expected_tone, song, state, until, until_state, write_wav
from tests.support.fake_output import FakeOutput
from tests.support.paths import ROOT
from tests.support.shell import FAKE, Shell
from tests.support.signals import Samples


class Ear(FakeOutput):
    """A stream that is asked by a thread of its own, faster than time passes."""

    def start(self, render: Render) -> None:
        super().start(render)
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while not self.closed:
            self.pull(2400)
            threading.Event().wait(0.002)

    def close(self) -> None:
        super().close()
        self._thread.join()


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> list[Ear]:
    """The streams that are opened in this process."""
    opened: list[Ear] = []

    def open_ear(request: OutputRequest) -> Ear:
        opened.append(Ear(request))
        return opened[-1]

    init = Player.__init__
    monkeypatch.setattr(Player, "__init__", lambda self, **settings: init(self, **{**settings, "opener": open_ear}))
    return opened


def music_in(samples: Samples) -> Samples:
    """The frames that are not silent: a stream that is faster than time runs dry now and then."""
    return samples[samples.any(axis=1)]


def assert_played(ear: Ear, *music: Samples) -> None:
    np.testing.assert_array_equal(music_in(ear.music()), np.concatenate([music_in(each) for each in music]))


def test_a_file(shell: Shell, ears: list[Ear]) -> None:
    write_wav(shell.folder / "song.wav", song(1.5))
    shell.run("listen", "song.wav")
    assert_played(ears[0], song(1.5))
    assert ears[0].latency_s == 0.1


def test_a_part_of_a_file_at_another_level_and_latency(shell: Shell, ears: list[Ear]) -> None:
    write_wav(shell.folder / "song.wav", song(1.5))
    shell.run("listen", "song.wav", "--start", "1", "--level", "-6", "--latency", "0.2", "--device", "x")
    played = music_in(ears[0].music())
    np.testing.assert_allclose(played[480:], song(1.5)[48_480:] * np.float32(10 ** (-6 / 20)), rtol=1e-5)
    assert (ears[0].latency_s, ears[0].device) == (0.2, "x")


def test_a_finished_job_by_the_beginning_of_its_id(shell: Shell, client: Client, ears: list[Ear]) -> None:
    job_id = create_tone_job(client, 1.0, seed=3)
    until_state(client, job_id, "succeeded")
    shell.run("listen", job_id[:16], "--own-levels")
    assert_played(ears[0], expected_tone(3, 1.0))


def test_a_stored_asset(shell: Shell, client: Client, ears: list[Ear]) -> None:
    path = write_wav(shell.folder / "song.wav", song(1.0, seed=7))
    shell.run("listen", client.upload(path).asset_id)
    assert_played(ears[0], song(1.0, seed=7))


def test_takes_one_after_another_and_one_of_them(shell: Shell, client: Client, ears: list[Ear]) -> None:
    job_id = create_tone_job(client, 0.5, seed=3, takes=2)
    until_state(client, job_id, "succeeded")
    shell.run("listen", job_id, "--own-levels")
    assert_played(ears[0], expected_tone(3, 0.5), expected_tone(4, 0.5))
    shell.run("listen", job_id, "--own-levels", "--take", "2")
    assert_played(ears[1], expected_tone(4, 0.5))
    assert "--take is 3; allowed: 1, 2." in shell.failure("listen", job_id, "--take", "3")


def test_a_job_plays_before_it_is_done(daemon: Daemon, shell: Shell, client: Client, ears: list[Ear]) -> None:
    daemon.hold(5, at="audio")
    job_id = create_tone_job(client, 6.0, seed=5)
    listener = threading.Thread(target=shell.run, args=("listen", job_id))
    listener.start()
    until(lambda: ears and len(music_in(ears[0].music())) > 1000, "the first sound")
    assert state(client, job_id) == "running"
    assert ears[0].latency_s == 0.3
    daemon.release(5)
    listener.join()
    assert_played(ears[0], expected_tone(5, 6.0))


def test_a_task_plays_while_it_runs_and_writes_its_file(shell: Shell, ears: list[Ear]) -> None:
    write_wav(shell.folder / "song.wav", song(2.0))
    message = shell.json("repaint", "song.wav", "--start", "1", "--end", "1.5", "--listen", "-o", "new.wav", *FAKE)
    assert message["outputs"][0]["file"] == "new.wav"
    written = decode.read(shell.folder / "new.wav")
    played = music_in(ears[0].music())
    assert len(played) == len(written)
    gains = played[1000:40_000] / written[1000:40_000]
    assert np.ptp(gains) < 1e-4 or np.all(np.diff(gains[:, 0]) < 1e-3)  # its level may move towards the source's


def test_a_failed_job_says_why(shell: Shell, client: Client, ears: list[Ear]) -> None:
    job_id = create_tone_job(client, 0.5, caption="fail")
    until_state(client, job_id, "failed")
    assert "failed as asked" in shell.failure("listen", job_id, code=4)
    assert not music_in(ears[0].music()).any()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(("song.mp3",), "'song.mp3'; allowed: a file, or the id of a job or an asset"), ((), "what to play is 'nothing'"),
     (("song.wav", "--latency", "9"), "--latency is 9.0; allowed: 0.005 to 5 seconds"),
     (("song.wav", "--level", "40"), "level is '40 dB'; allowed: -90 to 12 dB"),
     (("song.wav", "--loop", "2", "1"), "later than the loop's start"),
     (("0" * 32,), "job"), (("0" * 64,), "asset")],
)  # fmt: skip
def test_bad_input(shell: Shell, ears: list[Ear], arguments: tuple[str, ...], problem: str) -> None:
    write_wav(shell.folder / "song.wav", song(0.1))
    assert problem in shell.failure("listen", *arguments)
    assert not ears


@pytest.fixture
def no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without PortAudio: the module is there, and says so when it is imported."""
    monkeypatch.setattr(device, "_load", _fail)


def _fail() -> None:
    raise NoSound("There is no sound here: the PortAudio library is not installed.", remedy="Install it.")


@pytest.mark.usefixtures("no_sound")
def test_without_portaudio_it_is_one_sentence_and_the_task_goes_on(shell: Shell) -> None:
    write_wav(shell.folder / "song.wav", song(0.5))
    assert "PortAudio library is not installed. Install it." in shell.failure("listen", "song.wav", code=4)
    assert "PortAudio library is not installed." in shell.failure("listen", "--devices", code=4)
    done = shell.run("generate", "--duration", "0.2", "--listen", "-o", "new.wav", *FAKE)
    assert "warning: There is no sound here" in done.stderr
    assert (shell.folder / "new.wav").exists()


def test_a_job_that_is_left_alone_cannot_be_played(shell: Shell) -> None:
    assert "--listen is 'given'; allowed: nothing with --detach" in shell.failure(
        "generate", "--listen", "--detach", *FAKE
    )


@pytest.mark.slow
def test_the_page_runs(shell: Shell, client: Client, ears: list[Ear], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of docs/listening.md, but for those that play until somebody ends them."""
    monkeypatch.setattr(device, "device_names", lambda: ["0: Speakers"])
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "listening.md").read_text("utf-8"), re.DOTALL)
    words = [shlex.split(line, comments=True)[1:] for block in blocks for line in block.splitlines()]
    job_id = create_tone_job(client, 0.5)
    until_state(client, job_id, "succeeded")
    for name in ("song", "new", "other"):
        write_wav(shell.folder / f"{name}.wav", song(61.0))
    for command in words:
        if "--loop" not in command:
            shell.run(*(job_id[:12] if word == "0e9d4b2f6a7c" else word for word in command))
    assert len(words) == 10
    assert len(ears) == 8
    assert all(music_in(ear.music()).any() for ear in ears)
