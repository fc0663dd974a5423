"""Latents of takes in a real daemon: a chain of repaints, and the life of the files beside the audio."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio import decode
from acestep_runtime.file_hashes import hash_file
from acestep_runtime.latents_files import is_whole
from acestep_runtime.take_latents import TakeLatents, from_bytes
from tests.support.chains import CONTEXT_S, LENGTH_S, REGIONS, frames_outside, samples_outside, window_of
from tests.support.daemon import Daemon, assert_gone, assets, daemon_at, status, until, write_wav
from tests.support.shell import Shell
from tests.support.tiny_models import tiny_models

pytestmark = pytest.mark.slow
NEURAL = ["--engine", "neural", "--steps", "2", "--json"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def daemon(models: Path, tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "home").mkdir()
    with daemon_at(tmp_path / "home", config=f"models_dir = '{models}'\n") as daemon:
        yield daemon


@pytest.fixture
def shell(daemon: Daemon, tmp_path: Path) -> Shell:
    (tmp_path / "work").mkdir()
    return Shell(tmp_path / "work", daemon.environment)


def latents_file(daemon: Daemon, audio: Path) -> Path:
    """Where the store has the latents of a file that a client has."""
    asset_id = hash_file(audio)
    return daemon.home / "assets" / asset_id[:2] / f"{asset_id}.latents"


def latents_of(daemon: Daemon, audio: Path) -> TakeLatents:
    return from_bytes(latents_file(daemon, audio).read_bytes(), hash_file(audio))


def song(shell: Shell, seconds: float = LENGTH_S, name: str = "song.wav") -> Path:
    shell.json("generate", "--duration", str(seconds), "--seed", "1", *NEURAL, "-o", name)
    return shell.folder / name


def repaint(shell: Shell, source: str, region: tuple[float, float], seed: int, name: str, *more: str) -> Any:
    """Repaint a file that a client has, with the command; return what the take says of its source's latents."""
    message = shell.json(
        "repaint", source, "--start", str(region[0]), "--end", str(region[1]), "--context", str(CONTEXT_S), "--seed", str(seed),
        *NEURAL, "-o", name, *more,
    )  # fmt: skip
    return message["metadata"][0].get("source_latents")


def size_of_store(daemon: Daemon) -> int:
    return sum(file.stat().st_size for file in (daemon.home / "assets").glob("*/*"))


def test_ten_repaints_in_a_row_through_a_daemon_that_is_killed_between(daemon: Daemon, shell: Shell) -> None:
    first, name = song(shell), "song.wav"
    before, before_latents = decode.read(first), latents_of(daemon, first)
    assert before_latents.exact.all()
    for step, region in enumerate(REGIONS):
        if step == 4:
            assert_gone(daemon.kill())
            daemon.start()
        exact = latents_of(daemon, shell.folder / name).exact[slice(*window_of(region))]
        found = repaint(shell, name, region, 10 + step, f"{step}.wav")
        assert found == {"own": exact.sum(), "encoded": (~exact).sum()}
        assert found["own"]
        name = f"{step}.wav"
    after, latents = decode.read(shell.folder / name), latents_of(daemon, shell.folder / name)
    kept, frames = samples_outside(len(before)), frames_outside(len(before))
    assert np.array_equal(after[kept], before[kept])
    assert latents.exact[frames].all()
    assert np.array_equal(latents.latents[frames], before_latents.latents[frames])
    assert daemon.client is not None
    assert status(daemon.client).stored_bytes == size_of_store(daemon)
    assert len(list((daemon.home / "assets").glob("*/*.latents"))) == 1 + len(REGIONS)


def test_only_the_very_file_is_known_as_a_take(shell: Shell) -> None:
    first = song(shell, 6.0)
    samples = decode.read(first)
    (shell.folder / "copy.wav").write_bytes(first.read_bytes())
    write_wav(shell.folder / "written.wav", samples)  # the same samples, without the recipe
    soundfile.write(shell.folder / "song.flac", samples / np.abs(samples).max(), 48_000, subtype="PCM_24")
    assert repaint(shell, "copy.wav", (2.0, 3.0), 2, "a.wav") == {"own": 150, "encoded": 0}
    assert repaint(shell, "written.wav", (2.0, 3.0), 2, "b.wav") is None
    assert repaint(shell, "song.flac", (2.0, 3.0), 2, "c.wav") is None
    assert repaint(shell, "copy.wav", (2.0, 3.0), 2, "d.wav", "--sample-rate", "44100") is None


def test_damaged_and_lost_latents_cost_no_result(daemon: Daemon, shell: Shell) -> None:
    first = song(shell, 6.0)
    file = latents_file(daemon, first)
    good = file.read_bytes()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert repaint(shell, "song.wav", (2.0, 3.0), 2, "a.wav") is None
    said = f"The latents of {first.name} are not used (not whole): it is encoded again."
    until(lambda: said in _logs(daemon), said)
    file.unlink()
    assert repaint(shell, "song.wav", (2.0, 3.0), 2, "b.wav") is None
    assert np.array_equal(decode.read(shell.folder / "a.wav"), decode.read(shell.folder / "b.wav"))
    song(shell, 6.0, "again.wav")  # the same song has them again
    assert file.read_bytes() == good
    assert repaint(shell, "song.wav", (2.0, 3.0), 2, "c.wav") == {"own": 150, "encoded": 0}


def _logs(daemon: Daemon) -> str:
    return "".join(file.read_text("utf-8", "replace") for file in daemon.home.rglob("*.log*"))


def test_latents_go_with_their_audio(daemon: Daemon, shell: Shell) -> None:
    assert daemon.client is not None
    song(shell, 2.0)
    assert len(list((daemon.home / "assets").glob("*/*"))) == 2
    with_latents = status(daemon.client).stored_bytes
    assert with_latents == size_of_store(daemon) > sum(asset.size_bytes for asset in assets(daemon.client))
    shell.run("prune", "--days", "0", "--yes")
    until(lambda: not list((daemon.home / "assets").glob("*/*")), "files to go")
    until(lambda: status(daemon.client).stored_bytes == 0, "nothing to be counted")


def test_the_quota_counts_them(models: Path, tmp_path: Path) -> None:
    """One song of two seconds fits to the byte; another one drives it out, and its latents with it."""
    (tmp_path / "home").mkdir()
    config = f"models_dir = '{models}'\n"
    with daemon_at(tmp_path / "home", config=config) as daemon:
        first = song(Shell(tmp_path, daemon.environment), 2.0)
        size = size_of_store(daemon)
        (daemon.home / "config.toml").write_text(f"{config}quota_bytes = {size}\n")
        daemon.stop()
        daemon.start()
        assert latents_file(daemon, first).exists()  # all of it fits, to the byte
        shell = Shell(tmp_path, daemon.environment)
        shell.json("generate", "--duration", "2", "--seed", "2", *NEURAL, "-o", "other.wav")
        (daemon.home / "config.toml").write_text(f"{config}quota_bytes = {size - 1}\n")
        daemon.stop()
        _age(daemon)
        daemon.start()
        until(lambda: len(list((daemon.home / "assets").glob("*/*"))) == 0, "both to be evicted")


def _age(daemon: Daemon) -> None:
    """Let all assets be unused for long."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(daemon.home / "acebridge.db")) as database:
        database.execute("UPDATE assets SET used = used - 1e6, last_used = last_used - 1e6")
        database.commit()


def test_backup_and_restore_bring_them_along(daemon: Daemon, shell: Shell, tmp_path: Path, models: Path) -> None:
    first = song(shell, 6.0)
    made = json.loads(shell.run("backup", str(tmp_path / "b.tar"), "--json").stdout)
    assert made["size_bytes"] == size_of_store(daemon)
    good = latents_file(daemon, first).read_bytes()
    assert is_whole(good)
    daemon.stop()
    other = tmp_path / "other"
    other.mkdir()
    environment = {**daemon.environment, "ACEBRIDGE_HOME": str(other)}
    Shell(tmp_path, environment).spawn("restore", str(tmp_path / "b.tar"))
    with daemon_at(other, config=f"models_dir = '{models}'\n") as second:
        assert latents_file(second, first).read_bytes() == good
        shutil.copy(first, tmp_path / "song.wav")
        found = repaint(Shell(tmp_path, second.environment), "song.wav", (2.0, 3.0), 2, "a.wav")
        assert found == {"own": 150, "encoded": 0}
        assert second.client is not None
        assert status(second.client).stored_bytes == size_of_store(second)
