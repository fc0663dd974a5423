"""Files outside every root of the daemon: the user names them to a command, and the client uploads them, for every task."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.config import Config
from acestep_runtime import guide
from acestep_runtime.tasks import AUDIO_FIELDS, TASKS
from tests.support.daemon import Daemon, assets, daemon_at, song, status, write_wav
from tests.support.job_folders import Job, outputs, part
from tests.support.shell import FAKE, Shell

#: Task → the words of its command with the file "{}"; the file is the reference where there is no source.
COMMANDS = {
    "text2music": ("generate", "--reference", "{}", "--duration", "0.3", "-o", "out.wav"),
    "cover": ("cover", "{}", "-o", "out.wav"),
    "repaint": ("repaint", "{}", "--start", "0.1", "--end", "0.3", "-o", "out.wav"),
    "extract": ("extract", "{}", "-t", "bass", "-o", "out.wav"),
    "lego": ("lego", "{}", "-t", "bass", "-o", "out.wav"),
    "complete": ("complete", "{}", "-t", "bass", "-o", "out.wav"),
    "understand": ("understand", "{}"),
    "align_lyrics": ("lrc", "{}", "--lyrics", "la"),
    "score": ("score", "{}"),
    "transcribe": ("midi", "{}", "-o", "out.mid"),
}
NAMES = ["노래 1.wav", "a\nb.wav", "-o.wav", "'\"$x`.wav", "x" * 196 + ".wav", " .wav", os.fsdecode(b"caf\xe9.wav")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that may read no file but those in a folder of its own."""
    allowed = tmp_path_factory.mktemp("allowed")
    with daemon_at(tmp_path_factory.mktemp("home"), config=f'roots = ["{allowed}"]\n') as daemon:
        yield daemon


def test_every_task_with_audio_is_tried() -> None:
    with_audio = {name for name, task in TASKS.items() if set(AUDIO_FIELDS) & set(task.__dataclass_fields__)}
    assert set(COMMANDS) == with_audio


@pytest.mark.parametrize("task", COMMANDS)
def test_the_file_of_a_command_is_uploaded(shell: Shell, daemon: Daemon, task: str) -> None:
    file = write_wav(shell.folder / f"{task}.wav", song(0.4, seed=200 + list(COMMANDS).index(task)))
    shell.run(*(word.format(file) for word in COMMANDS[task]), *FAKE)
    assert daemon.client is not None
    assert f"{task}.wav" in {asset.name for asset in assets(daemon.client)}


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_names_do_not_matter(shell: Shell, daemon: Daemon, number: int) -> None:
    name = NAMES[number]
    folder = shell.folder / name.removesuffix(".wav")
    folder.mkdir()
    write_wav(folder / name, song(0.2, seed=100 + number))
    shell.run("cover", *FAKE, "-o", "out.wav", "--", str(folder / name))
    assert (shell.folder / "out.wav").exists()
    assert daemon.client is not None
    assert any(asset.name == name.encode("utf-8", "replace").decode() for asset in assets(daemon.client))


def test_so_are_those_of_a_job_folder(tmp_path: Path, daemon: Daemon) -> None:
    job = Job(tmp_path / "내 노래 'x'").ask(
        part("repaint", start_s=0.5, end_s=1.0), part("cover"), part("extract", tracks=["bass"])
    )
    assert len(outputs(job.run(daemon))) == 3


def test_so_are_those_of_the_python_api(tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    song_file = write_wav(tmp_path / "my söng.wav", song(0.3, seed=9))
    (made,) = guide.generate("cover", src_audio=song_file, seed=1, engine="fake", daemon=daemon.address)
    assert made.audio.seconds == pytest.approx(0.3)


def test_the_working_folder_is_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, Path("/")):
        monkeypatch.chdir(folder)
        assert folder not in Config().roots
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setenv("USERPROFILE", "/")
    assert Path("/") not in Config().roots


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_root_whose_name_is_no_text_is_listed_all_the_same(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    root.mkdir()
    with daemon_at(tmp_path / "home", environment={"HOME": str(root)}) as daemon:
        assert daemon.client is not None
        assert str(tmp_path / "?") in status(daemon.client).roots
