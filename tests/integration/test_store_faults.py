"""A daemon whose data folder was damaged: it serves nothing wrong, removes nothing, and says what to do."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from pathlib import Path

import pytest

from acebridge.client.client import Client, request_of
from acebridge.errors import ErrorReason, JobFailed
from tests.support.daemon import (
    PATIENCE_S,
    Daemon,
    assets,
    collect,
    create_tone_job,
    daemon_at,
    download,
    generate,
    job,
    song,
    until,
    until_state,
    write_wav,
)  # fmt: skip
from tests.support.paths import ROOT
from tests.support.shell import Shell


def asset_files(daemon: Daemon) -> set[str]:
    return {file.name for file in (daemon.home / "assets").glob("*/*")}


def results(client: Client, job_id: str) -> list[str]:
    return [output.asset_id for take in job(client, job_id).takes for output in take.outputs]


def refusal(daemon: Daemon) -> str:
    """What it says when it does not start: one sentence."""
    (daemon.home / "console.txt").unlink()
    with pytest.raises(AssertionError):
        daemon.start()
    assert daemon.process is not None
    assert daemon.process.wait(PATIENCE_S) in (2, 4)
    (line,) = [line for line in daemon.console().splitlines() if line.startswith("acebridge: ")]
    assert "Traceback" not in daemon.console()
    return line.removeprefix("acebridge: ")


def shell_of(daemon: Daemon, folder: Path) -> Shell:
    return Shell(folder, daemon.environment)


def test_a_damaged_file_is_never_served_and_doctor_says_so(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        client = daemon.client
        assert client is not None
        file = write_wav(tmp_path / "song.wav", song(1.0))
        source = client.upload(file)
        made = collect(generate(client, 0.5)).job_id
        for asset_id in (source.asset_id, *results(client, made)):
            path = daemon.home / "assets" / asset_id[:2] / asset_id
            data = bytearray(path.read_bytes())
            data[-9] ^= 1
            path.write_bytes(data)
        with pytest.raises(JobFailed, match=r"is damaged; it was moved to .*quarantine\.") as caught:
            download(client, results(client, made)[0])
        assert caught.value.kind is ErrorReason.DATA_LOSS
        with pytest.raises(JobFailed) as caught:
            client.create(request_of("repaint", {"start_s": 0.2, "end_s": 0.4}, source, submission={"engine": "fake"}))
        assert caught.value.kind is ErrorReason.DATA_LOSS
        assert not asset_files(daemon)
        assert len(list((daemon.home / "quarantine").iterdir())) == 2
        with shell_of(daemon, tmp_path) as shell:
            said = shell.run("doctor", code=4).stdout
            assert "BAD  stored audio: 2 damaged or unknown files lie in " in said
        # The same again is good again.
        assert client.upload(file).asset_id == source.asset_id
        assert download(client, source.asset_id) == file.read_bytes()


@pytest.mark.slow
def test_a_power_cut_that_loses_the_log_of_the_database_loses_no_audio(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home") as daemon:
        client = daemon.client
        assert client is not None
        ids = {client.upload(write_wav(tmp_path / "song.wav", song(0.5))).asset_id}
        for seed in range(3):
            ids.update(results(client, collect(generate(client, 0.2, seed=seed)).job_id))
        daemon.kill()
        for name in ("acebridge.db-wal", "acebridge.db-shm"):
            (daemon.home / name).unlink(missing_ok=True)
        client = daemon.start()
        assert download(client, min(ids))
        until(lambda: {asset.id for asset in assets(client)} == ids, "the files to be listed again")
        assert asset_files(daemon) == ids


@pytest.mark.slow
def test_what_stops_a_start_is_a_sentence_and_repair_mends_it(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home") as daemon, shell_of(daemon, tmp_path) as shell:
        client = daemon.client
        assert client is not None
        done = collect(generate(client, 0.2)).job_id
        ids = set(results(client, done))
        daemon.stop()
        path, database = daemon.home / "acebridge.db", (daemon.home / "acebridge.db").read_bytes()
        page = bytearray(database)
        page[4096:8192] = os.urandom(4096)
        for broken, says in (
            (bytes(page), "is damaged"),
            (b"", "is empty, and "),
        ):
            path.write_bytes(broken)
            said = refusal(daemon)
            assert says in said
            assert "acebridge repair" in said
            assert path.read_bytes() == broken
            assert asset_files(daemon) == ids
        assert "1 audio files, 0 jobs" in shell.run("repair").stdout
        client = daemon.start()
        assert {asset.id for asset in assets(client)} == ids
        assert shell.failure("repair").startswith(f"A daemon already serves {daemon.home}. Stop it first")
        (daemon.home / "console.txt").write_text("")


@pytest.mark.slow
def test_a_backup_of_a_daemon_at_work_and_the_way_back(tmp_path: Path) -> None:
    """The commands of docs/backup.md in their order, on a daemon with a finished, a running and a waiting job."""
    page = (ROOT / "docs" / "backup.md").read_text("utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    backup, stop, restore, repair = (shlex.split(line)[1:] for line in lines)
    assert (backup, restore) == (["backup", "songs.tar"], ["restore", "songs.tar", "--overwrite"])
    with daemon_at(tmp_path / "home", step_ms=5) as daemon, shell_of(daemon, tmp_path) as shell:
        client = daemon.client
        assert client is not None
        done = collect(generate(client, 0.2)).job_id
        daemon.hold(7)
        running, waiting = create_tone_job(client, 0.2, seed=7), create_tone_job(client, 0.2, seed=8)
        until_state(client, running, "running")
        made = shell.json(*backup)
        assert (made["files"], made["damaged"], made["missing"]) == (1, [], [])
        assert shell.failure(*backup).startswith("songs.tar exists already.")
        assert shell.failure(*restore).startswith("A daemon already serves ")
        daemon.release()
        until_state(client, waiting, "succeeded")
        after = collect(generate(client, 0.2, seed=9)).job_id
        shell.run(*stop)
        assert daemon.process is not None
        daemon.process.wait(PATIENCE_S)
        assert shell.failure("restore", "songs.tar").startswith(f"{daemon.home} holds data already.")
        assert "1 audio files" in shell.run(*restore).stdout
        assert "1 audio files, 3 jobs" in shell.run(*repair).stdout
        client = daemon.start()
        assert download(client, results(client, done)[0])
        for job_id in (running, waiting):
            until_state(client, job_id, "succeeded")
        with pytest.raises(JobFailed) as caught:
            job(client, after)
        assert caught.value.kind is ErrorReason.NOT_FOUND


def test_uploads_above_the_quota_are_refused_with_the_reason(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", config="quota_bytes = 500000\n") as daemon:
        client = daemon.client
        assert client is not None
        first = client.upload(write_wav(tmp_path / "a.wav", song(1.0)))
        with pytest.raises(JobFailed, match=r"nothing more can be evicted.*") as caught:
            client.upload(write_wav(tmp_path / "b.wav", song(1.0, seed=1)))
        assert caught.value.kind is ErrorReason.BUSY
        assert "quota_bytes" in caught.value.remedy
        assert asset_files(daemon) == {first.asset_id}
        assert hashlib.sha256((tmp_path / "a.wav").read_bytes()).hexdigest() == first.asset_id
