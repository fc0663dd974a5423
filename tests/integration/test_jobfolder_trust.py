"""Job folders that attack: with links, pipes and other folders, addresses elsewhere, results that name files of the user's."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acebridge.client import connection
from acebridge.hosts.jobfolder import run as running
from acebridge.hosts.jobfolder.folders import clean, pending
from acebridge.hosts.jobfolder.outputs import file_state
from acebridge.hosts.jobfolder.run import run, run_named
from acebridge.hosts.jobfolder.seal import is_sealed, make_seal
from acebridge.hosts.jobfolder.status import Status
from acestep_runtime.errors import InvalidValue
from tests.support.daemon import Daemon, song, write_wav
from tests.support.job_folders import RATE_HZ, Job, outputs, part

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, pipes and owners as POSIX has them")
OLD_S = 30 * 86400.0
DOCUMENTS = ("status.json", "result.json", "log.txt", "mix-1.wav")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of the user's."""
    file = tmp_path / "precious"
    file.write_bytes(b"precious")
    return file


MIX = {
    "task": "cover",
    "source": {"mix": [{"file": "source-1.wav"}, {"file": "source-1.wav", "at": 9}], "frames": RATE_HZ},
    "fields": {},
}


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to], ids=["link", "second name"])
def test_nothing_is_written_through_links(
    job: Job, daemon: Daemon, precious: Path, link: Callable[[Path, Path], None]
) -> None:
    for name in DOCUMENTS:
        link(job.folder / name, precious)
    job.ask(MIX)
    job.run(daemon)
    assert precious.read_bytes() == b"precious"
    for name in set(DOCUMENTS) - {"log.txt"}:
        assert not (job.folder / name).is_symlink()
        assert not (job.folder / name).samefile(precious)


def test_a_lock_that_is_a_link_is_not_opened(job: Job, precious: Path) -> None:
    (job.folder / "lock").symlink_to(precious)
    with pytest.raises(InvalidValue, match="cannot be written"):
        run(job.ask(part()).folder, autostart=False)
    assert precious.read_bytes() == b"precious"
    assert not (job.folder / "status.json").exists()


def test_a_log_is_written_into_a_file_only(tmp_path: Path) -> None:
    status, log = Status(tmp_path), tmp_path / "log.txt"
    status.log("one")
    status.log("two")
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["one", "two"]
    log.unlink()
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status.log("three")
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)
    status.log("nobody reads it")


def test_pipes_keep_nobody_waiting(job: Job) -> None:
    os.mkfifo(job.folder / "request.json")
    with pytest.raises(InvalidValue, match=r"request\.json cannot be read: a folder, a pipe or a device, not a file\."):
        run(job.folder, autostart=False)
    (job.folder / "request.json").unlink()
    job.ask(part())
    os.mkfifo(job.folder / "result.json")
    make_old(job)
    assert [each.folder for each in pending(job.folder.parent)] == [job.folder]
    other = Job(job.folder.parents[2], "20261122-210502-1a2b3c4d").ask(part())
    os.mkfifo(other.folder / "status.json")
    assert clean(job.folder.parent, 7) == [job.folder]
    assert other.folder.exists()


@pytest.mark.parametrize("command", [run, run_named])
def test_the_folder_is_the_users_own_and_no_link(
    job: Job, tmp_path: Path, command: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    job.ask(part())
    link = tmp_path / "20261122-210501-9a2b3c4d"
    link.symlink_to(job.folder)
    before = sorted(job.folder.iterdir())
    convert: Callable[[Path], Any] = str if command is run_named else Path
    with pytest.raises(InvalidValue, match=r"^FOLDER is '.*'; allowed: a job folder, and no link to one\."):
        command(convert(link))
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    with pytest.raises(InvalidValue, match=r"belongs to another user\. Have the script"):
        command(convert(job.folder))
    assert sorted(job.folder.iterdir()) == before


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1:50710",
        "example.com:50710",
        "127.0.0.1.example.com:1",
        "unix:/tmp/x",
        "dns:///x:1",
        "[2001:db8::1]:1",
        "x",
        "127.0.0.1:50711",
        "127.0.0.2:50710",
        "[::1]:50710",
        "localhost:50711",
    ],
)
def test_a_request_sends_audio_nowhere_else(
    job: Job, home: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    note_own(home, "127.0.0.1:50710")
    monkeypatch.setattr(running, "perform_all", lambda *_: pytest.fail("went on"))
    monkeypatch.setattr(connection, "connect", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(InvalidValue) as caught:
        run(job.ask(part(), address=address).folder, autostart=False)
    assert str(caught.value) == (
        f"address is '{address}'; allowed: that of your own daemon, while it runs. Leave it out; or set ACEBRIDGE_ADDRESS or"
        " give --address: a request alone may send audio nowhere else."
    )
    assert job.status["reason"] == "INVALID_VALUE"
    assert not (job.folder / "mix-1.wav").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:50710", "localhost:50710", "studio.example:50710", ""])
def test_the_own_daemon_and_what_the_user_has_set_are_allowed(
    job: Job, home: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    note_own(home, "127.0.0.1:50710")
    monkeypatch.setenv("ACEBRIDGE_ADDRESS", "studio.example:50710")
    monkeypatch.setattr(running, "perform_all", lambda *_: {"version": 1})
    assert run(job.ask(part(), address=address).folder, autostart=False) == {"version": 1}


def test_beside_the_option_the_address_of_a_request_does_not_count(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "perform_all", lambda *given: {"version": 1, "address": given[2]})
    done = run(job.ask(part(), address="192.0.2.1:50710").folder, address="127.0.0.1:1", autostart=False)
    assert done == {"version": 1, "address": "127.0.0.1:1"}


def note_own(home: Path, address: str) -> None:
    """Write what a daemon leaves in its data folder."""
    (home / "daemon.json").write_text(json.dumps({"address": address, "pid": os.getpid(), "start": ""}))


def make_old(job: Job) -> None:
    """Let a job be done for long."""
    (job.folder / "status.json").write_text(json.dumps({"state": "done", "update_time": time.time() - OLD_S}))


def test_cleaning_removes_no_file_of_the_users(job: Job, precious: Path) -> None:
    """Whoever writes a result can name any file of theirs, and say how it was written."""
    job.ask(part(), media={"folder": str(precious.parent)})
    output = {"file": str(precious), "written": file_state(precious), "seal": "0" * 64}
    (job.folder / "result.json").write_text(json.dumps({"parts": [{"takes": [{"outputs": [output]}]}]}))
    make_old(job)
    assert clean(job.folder.parent, 7) == [job.folder]
    assert precious.exists()


def test_a_seal_counts_in_its_own_job_only(job: Job, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the result of a job that is placed could be used to remove what is on tracks."""
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    write_wav(job.folder / "source-1.wav", song(1.0, seed=5), RATE_HZ)
    job.ask(part())
    (made,) = outputs(job.run(daemon))
    (job.folder / "placed").touch()
    other = Job(job.folder.parents[2], "20261122-210502-1a2b3c4d")
    other.ask(part())
    shutil.copy(job.folder / "result.json", other.folder)
    make_old(other)
    assert clean(job.folder.parent, 7) == [other.folder]
    assert Path(made["file"]).exists()
    # The key is the user's own, and another one proves nothing.
    (key,) = daemon.home.glob("job_key")
    assert key.stat().st_mode & 0o777 == 0o600
    (job.folder / "placed").unlink()
    make_old(job)
    content = key.read_text()
    key.write_text("0" * 64)
    assert clean(job.folder.parent, 60) == []
    result = (job.folder / "result.json").read_text()
    assert clean(job.folder.parent, 7) == [job.folder]
    assert Path(made["file"]).exists()
    # With its own key it goes.
    key.write_text(content)
    job.folder.mkdir()
    job.ask(part())
    (job.folder / "result.json").write_text(result)
    make_old(job)
    assert clean(job.folder.parent, 7) == [job.folder]
    assert not Path(made["file"]).exists()


@pytest.mark.slow
def test_many_jobs_at_once_make_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    file, seals = tmp_path / "a.wav", list[str]()
    threads = [threading.Thread(target=lambda: seals.append(make_seal(tmp_path, file, [1, 2]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (seal,) = set(seals)
    assert is_sealed(seal, tmp_path, file, [1, 2])
    for other in ((tmp_path / "x", file, [1, 2]), (tmp_path, tmp_path / "b.wav", [1, 2]), (tmp_path, file, [1, 3])):
        assert not is_sealed(seal, *other)
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["job_key"]


def test_without_a_place_for_the_key_nothing_is_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "home"))
    assert make_seal(tmp_path, tmp_path / "a.wav", [1, 2]) == ""
    assert not is_sealed("", tmp_path, tmp_path / "a.wav", [1, 2])
