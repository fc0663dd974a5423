"""The lock of a job folder spoils no other file."""

from __future__ import annotations

from pathlib import Path

import filelock
import pytest

from acebridge.hosts.jobfolder.lock import lock_folder
from acestep_runtime.errors import InvalidValue


def test_a_lock_that_is_a_song_by_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with an older filelock, which empties the file that it opens."""
    song, job = tmp_path / "song.wav", tmp_path / "job"
    job.mkdir()
    song.write_bytes(b"song")
    (job / "lock").hardlink_to(song)
    real = filelock.FileLock.acquire

    def acquire(lock: filelock.FileLock, timeout: float) -> object:
        Path(lock.lock_file).write_bytes(b"")
        return real(lock, timeout=timeout)

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with pytest.raises(InvalidValue, match="cannot be written: the file has another name as well"), lock_folder(job):
        pass
    assert song.read_bytes() == b"song"


def test_what_an_earlier_command_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with lock_folder(tmp_path):
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.iterdir()) == []
