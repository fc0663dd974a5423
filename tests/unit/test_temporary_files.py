"""What a killed program left is removed; what another one still writes, or somebody else owns, is not."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from acestep_runtime import temporary_files
from acestep_runtime.temporary_files import remove_stale, replace_file, temporary_file
from tests.support.leftovers import DAY_S, dead_pid, leave_temporary


def test_what_an_dead_pid_left_is_removed(tmp_path: Path) -> None:
    ended = dead_pid()
    stale, running = leave_temporary(tmp_path, ended), leave_temporary(tmp_path, os.getpid())
    young = leave_temporary(tmp_path, ended, age_s=60.0)
    remove_stale(tmp_path)
    assert not stale.exists()
    assert running.exists()
    assert young.exists()


def test_what_is_not_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = dead_pid()
    stale = leave_temporary(tmp_path, ended)
    others = [
        tmp_path / stale.name.replace(temporary_files._MACHINE, "0" * 8),  # of another machine
        tmp_path / f"{stale.name}.wav",
        tmp_path / ".0123456789abcdef.part",
        tmp_path / "take.part",
    ]
    for other in others:
        other.write_bytes(b"RIFF")
        os.utime(other, (time.time() - DAY_S,) * 2)
    target = tmp_path / "target.wav"
    target.write_bytes(b"RIFF")
    link, folder = leave_temporary(tmp_path, ended), leave_temporary(tmp_path, ended)
    link.unlink()
    link.symlink_to(target)
    folder.unlink()
    folder.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    remove_stale(tmp_path)
    assert stale.exists()
    monkeypatch.undo()
    remove_stale(tmp_path)
    assert not stale.exists()
    assert all(other.exists() for other in [*others, target, link, folder])


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_stale(tmp_path / "nowhere")


def test_a_number_that_no_process_can_have(tmp_path: Path) -> None:
    stale = leave_temporary(tmp_path, 9_999_999_999)
    remove_stale(tmp_path)
    assert not stale.exists()


def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"old")
    with replace_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replace_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_does_not_reach_the_disk_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"), replace_file(tmp_path / "song.wav") as file:
        file.write(b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_file_is_gone_at_the_end(tmp_path: Path) -> None:
    with temporary_file(tmp_path / "song.flac") as path:
        path.write_bytes(b"encoded")
        assert path.parent == tmp_path
    with temporary_file(tmp_path / "song.flac"):
        pass  # nothing was written
    assert list(tmp_path.iterdir()) == []
