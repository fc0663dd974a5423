"""What a name means, and files that come in while they are decoded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from acebridge.errors import Busy
from acebridge.hosts.monitor.load import add_file, kind_of
from acebridge.hosts.monitor.player import Player
from acebridge.hosts.monitor.sources import check_room, load_asset, load_file
from acestep_runtime.audio import decode
from acestep_runtime.errors import InvalidValue, UnreadableAudio
from tests.support.daemon import PATIENCE_S, until
from tests.support.fake_output import FakeDevice
from tests.support.signals import Samples, noise


def test_what_a_name_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a" * 32).touch()
    assert [kind_of(name) for name in ("a" * 32, "b" * 32, "0" * 64)] == ["file", "job", "asset"]
    for name in ("song.wav", "b" * 31, ""):
        with pytest.raises(InvalidValue, match="a file, or the id of a job or an asset"):
            kind_of(name)


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "FLOAT"), ("flac", "PCM_24")])
def test_a_file(tmp_path: Path, suffix: str, subtype: str) -> None:
    music, path = noise(3.0, rate_hz=44_100), tmp_path / f"song.{suffix}"
    soundfile.write(path, music, 44_100, subtype)
    with Player(opener=FakeDevice()) as player:
        assert add_file(player, path, print) == 1
        recording = player._choices[1]
        until(lambda: recording.lufs is not None)
        np.testing.assert_allclose(recording.read(44_100, 0, len(music)), music, atol=2**-23)
        assert player.choices == {1: f"song.{suffix}"}


def test_a_file_that_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_text("no")
    with pytest.raises(UnreadableAudio, match=r"song\.wav is not audio"):
        load_file(tmp_path / "song.wav", print)
    with pytest.raises(UnreadableAudio, match="take 1 is not audio"):
        load_asset([b"no"], print, name="take 1")


def test_a_file_that_would_fill_the_disk_is_not_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2 * 10**9))
    check_room("hour.wav", 3600 * 48_000)
    with pytest.raises(Busy, match=r"day\.wav takes 33\.2 GB in .*, where 2\.0 GB are free\. Set TMPDIR"):
        check_room("day.wav", 24 * 3600 * 48_000)


def test_a_file_that_breaks_off_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    music, path, warnings = noise(3.0), tmp_path / "song.wav", list[str]()
    music[100_000] = np.nan
    soundfile.write(path, music, 48_000, "FLOAT")
    recording = load_file(path, warnings.append)
    until(lambda: recording.lufs is not None)
    assert recording.frames == recording.ready < 100_000
    assert "not a number" in warnings[0]
    recording.close()


def test_nothing_is_said_of_a_file_that_is_not_played_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder may come to it late: after the command that played it has gone to another folder, say."""
    path, closed, warnings = tmp_path / "song.wav", threading.Event(), list[str]()
    soundfile.write(path, noise(0.1), 48_000)

    def vanish(path: Path, *, name: str) -> Iterator[Samples]:
        assert closed.wait(PATIENCE_S)
        raise FileNotFoundError(path, name)
        yield

    monkeypatch.setattr(decode, "blocks", vanish)
    recording = load_file(path, warnings.append)
    (thread,) = (each for each in threading.enumerate() if each.name == "monitor decoder")
    recording.close()
    closed.set()
    thread.join()
    assert not warnings
