"""The Python API gives the same on a daemon as in this process."""

from collections.abc import Iterator

import numpy as np
import pytest

from acebridge.errors import Unavailable
from acestep_runtime import analyze_audio, generate
from acestep_runtime.errors import InvalidValue, UnreadableAudio, UnsupportedTask
from tests.support.daemon import Daemon
from tests.support.signals import noise


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("remote"))
    with daemon.start():
        yield daemon
    daemon.stop()


@pytest.fixture
def address(daemon: Daemon) -> str:
    return daemon.address


@pytest.mark.parametrize(
    "call",
    [
        {"caption": "x", "duration": 1.5, "batch_size": 2, "seed": 3, "engine": "fake"},
        {"task_type": "repaint", "src_audio": noise(2.0), "repainting_start": 1, "repainting_end": 1.5, "seed": 1,
         "engine": "fake"},
        {"task_type": "lego", "src_audio": (noise(1.0, rate_hz=44_100), 44_100), "track_name": "bass", "seed": 2,
         "engine": "fake"},
        {"task_type": "extract", "src_audio": noise(1.0, channels=1), "track_name": "drums", "seed": 0, "engine": "draft"},
        {"caption": "waltz for piano", "timesignature": 3, "duration": 4, "seed": 5, "engine": "draft"},
    ],
)  # fmt: skip
def test_the_same_files_and_facts(address: str, call: dict) -> None:
    here, there = generate(**call), generate(**call, daemon=address)
    assert len(here.takes) == len(there.takes)
    for ours, theirs in zip(here, there, strict=True):
        assert ours["audio"].path.read_bytes() == theirs["audio"].path.read_bytes()
        assert {r: s.path.read_bytes() for r, s in ours.stems.items()} == {
            r: s.path.read_bytes() for r, s in theirs.stems.items()
        }
        assert (ours.seed, ours.metadata) == (theirs.seed, theirs.metadata)


def test_listening_there(address: str) -> None:
    sound = noise(2.0)
    assert analyze_audio(sound, bpm=90, engine="draft", daemon=address) == analyze_audio(sound, bpm=90, engine="draft")


def test_the_next_batch_comes_from_the_daemon(address: str) -> None:
    call = {"duration": 0.5, "batch_size": 2, "seed": 8, "engine": "fake"}
    batches = [generate(**call, auto_gen=True, daemon=address)]
    for _ in range(2):
        batches.append(batches[-1].next_batch())
    assert [[take.seed for take in batch] for batch in batches] == [[8, 9], [10, 11], [12, 13]]
    here = generate(**{**call, "seed": 12})
    np.testing.assert_array_equal(batches[2]["audio"].samples(), here["audio"].samples())


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ({"bpm": 3}, InvalidValue), ({"seed": 10**20}, InvalidValue), ({"seed": "a"}, InvalidValue),
        ({"task_type": "cover", "src_audio": "gone.wav"}, UnreadableAudio), ({"engine": "neural"}, UnsupportedTask),
        ({"keyscale": "H"}, InvalidValue), ({"duration": 0.5, "batch_size": 99}, InvalidValue),
    ],
)  # fmt: skip
def test_the_same_errors(address: str, call: dict, kind: type) -> None:
    said = []
    for where in ({}, {"daemon": address}):
        with pytest.raises(kind) as caught:
            generate(**call, **where)
        said.append((getattr(caught.value, "field", ""), caught.value.remedy))
    assert said[0] == said[1]


def test_nobody_answers() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        generate(daemon="127.0.0.1:9")
