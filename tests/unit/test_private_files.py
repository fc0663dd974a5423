"""What nobody else may read: made so, and made so again."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from acebridge.errors import InvalidSetting
from acebridge.private_files import explain_access, make_private_folder, open_private, repair_modes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def make(path: Path, permissions: int) -> Path:
    path.write_text("x")
    path.chmod(permissions)
    return path


def test_a_folder_is_made_private_and_those_above_are_not(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o755, 0o700)
    make_private_folder(tmp_path / "a")  # what is there stays
    with open(tmp_path / "file", "ab", opener=open_private):
        assert mode(tmp_path / "file") == 0o600


@pytest.mark.parametrize(
    ("number", "place", "says"),
    [
        (errno.EACCES, "home/logs/daemon.log", "home/logs/daemon.log cannot be used: Permission denied."),
        (errno.EPERM, "home", "home cannot be used: Operation not permitted."),
        (errno.EROFS, "home/x", "home/x cannot be used: Read-only file system."),
        (errno.EACCES, "", "cannot be used: Permission denied."),
        (errno.ENOTDIR, "home", "home cannot be used: there is a file in place of a folder."),
        (errno.EEXIST, "home", "home cannot be used: there is a file in place of a folder."),
    ],
)
def test_what_is_somebody_elses_is_said_in_one_sentence(tmp_path: Path, number: int, place: str, says: str) -> None:
    with pytest.raises(InvalidSetting) as caught, explain_access(tmp_path / "home"):
        raise OSError(number, os.strerror(number), str(tmp_path / place))
    assert caught.value.message == f"{tmp_path / place} {says[says.index('cannot') :]}"
    assert caught.value.remedy == (
        f"Let the folder {tmp_path / 'home'} and all in it be yours to write, or set ACEBRIDGE_HOME to another folder."
    )


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/b.tar"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EIO, "Input/output error", "/home/me/acebridge/x"),
        OSError(errno.EACCES, "Permission denied", 7),
    ],
)
def test_other_faults_are_left_as_they_are(error: OSError) -> None:
    with pytest.raises(OSError) as caught, explain_access(Path("/home/me/acebridge")):  # noqa: PT011 - compared below
        raise error
    assert caught.value is error


def test_all_is_repaired_but_links_and_what_is_to_be_left(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, home / "assets", home / "assets" / "ab", home / "models", elsewhere):
        folder.mkdir()
        folder.chmod(0o755)
    files = [make(home / name, 0o644) for name in ("config.toml", "assets/ab/노래", "assets/odd\udcff")]
    program, secret = make(home / "run", 0o755), make(home / "token", 0o400)
    model, other = make(home / "models" / "m", 0o644), make(elsewhere / "song.wav", 0o644)
    (home / "link").symlink_to(other)
    (home / "folder").symlink_to(elsewhere)
    (home / "nowhere").symlink_to("gone")
    assert repair_modes(home, leave=[home / "models"]) == 3 + 3 + 1
    assert [mode(file) for file in files] == [0o600] * 3
    assert [mode(path) for path in (home, home / "assets", home / "assets" / "ab")] == [0o700] * 3
    assert [mode(path) for path in (program, secret)] == [0o700, 0o400]
    assert [mode(path) for path in (model, home / "models", other, elsewhere)] == [0o644, 0o755, 0o644, 0o755]
    assert repair_modes(home, leave=[home / "models"]) == 0


def test_a_child_gets_back_the_umask_of_the_user() -> None:
    code = (
        "import os; from acebridge.private_files import restrict_umask, user_umask;"
        "os.umask(0o027); print(user_umask()); restrict_umask(); restrict_umask(); print(user_umask(), os.umask(0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["-1", str(0o027), str(0o077)]
