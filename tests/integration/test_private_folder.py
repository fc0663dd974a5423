"""The data folder is its user's alone: made so, repaired at the start, and shut to another user of the machine."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from acebridge.client.client import Client
from tests.support.daemon import PATIENCE_S, Daemon, collect, daemon_at, generate, song, until, write_wav
from tests.support.shell import FAKE, Shell

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
#: The user "nobody", or any that is not root.
ANOTHER_USER = 65534


def open_to_others(home: Path) -> set[str]:
    """What in a data folder somebody else may read, write or enter."""
    paths = [home, *home.rglob("*")]
    return {str(p.relative_to(home)) for p in paths if not p.is_symlink() and stat.S_IMODE(p.stat().st_mode) & 0o077}


def work(client: Client, folder: Path) -> None:
    """Have everything made that the daemon makes."""
    client.upload(write_wav(folder / "song.wav", song(0.2)))
    collect(generate(client, 0.2, takes=2))


def test_all_that_is_made_is_private_from_the_start(alone: Shell, tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    before = os.umask(0o022)
    try:
        with Shell(alone.folder, {**alone.environment, "ACEBRIDGE_HOME": str(home), "ACEBRIDGE_PORT": "0"}) as shell:
            write_wav(shell.folder / "song.wav", song(0.2))
            shell.spawn("cover", "song.wav", "-n", "2", "-o", "out.wav", *FAKE)
            shell.spawn("token", "new", "x")
            shell.spawn("doctor")
            try:
                assert open_to_others(home) == set()
                assert {"acebridge.db-wal", "acebridge.db-shm", "token", "tokens.json", "logs"} <= {
                    file.name for file in home.iterdir()
                }
                assert stat.S_IMODE((shell.folder / "out.wav").stat().st_mode) == 0o644  # as the user has files
            finally:
                shell.spawn("stop")
            assert open_to_others(home) == set()
    finally:
        os.umask(before)


@pytest.mark.slow
def test_an_old_folder_is_repaired_and_said_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with daemon_at(home) as daemon:
        assert daemon.client is not None
        work(daemon.client, tmp_path)
        assert open_to_others(home) == {"gates", "config.toml", "console.txt"} & open_to_others(home)
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    said = "other users could reach files of the data folder, and cannot any more"
    count = daemon.console().count(said)
    with daemon_at(home) as daemon:
        assert open_to_others(home) <= {"config.toml", "console.txt"}  # this test writes them again
        assert daemon.console().count(said) == count + 1
        assert (home / "assets").is_dir()


@pytest.mark.slow
def test_the_bridge_writes_as_the_user_does(tmp_path: Path) -> None:
    with daemon_at(tmp_path / "home", config="[osc]\nport = 0\n") as daemon:
        file = until(lambda: (f := daemon.home / "osc.json").exists() and f)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        bridge = next(child for child in daemon.children() if "osc" in child.cmdline())
        status = Path(f"/proc/{bridge.pid}/status")
        if status.exists():
            own = os.umask(0o022)
            os.umask(own)
            assert f"Umask:\t{own:04o}" in status.read_text()


# ---- another user ----

#: Runs as root until it has imported everything, for another user may not read where Python and the tests are.
ATTACK = """
import os, sys
import grpc, grpc._cython.cygrpc
from acebridge.client.client import Client
from acebridge.client.credentials import token_for
from acebridge.errors import JobFailed
from acebridge.v1 import assets_pb2, daemon_pb2, jobs_pb2, tasks_pb2
address, home, files, user = sys.argv[1], sys.argv[2], sys.argv[3:-1], int(sys.argv[-1])
os.setgroups([]); os.setgid(user); os.setuid(user)
got = []
for path in (home, *files):
    for act in (os.listdir, lambda p: open(p, "rb").read(1), lambda p: open(p, "ab"), os.stat, os.unlink):
        if path == home and act is os.stat: continue  # that a folder is there is no secret
        try: got.append(f"{path}: {act(path)}")
        except (PermissionError, NotADirectoryError, IsADirectoryError): pass
try: open(os.path.join(home, "mine"), "w"); got.append("wrote")
except PermissionError: pass
assert token_for(address) == ""
with Client(address, local=True) as client:
    for stub, request in ((client.daemon.GetStatus, daemon_pb2.GetStatusRequest()), (client.daemon.Shutdown,
        daemon_pb2.ShutdownRequest()), (client.jobs.ListJobs, jobs_pb2.ListJobsRequest()), (client.assets.ListAssets,
        assets_pb2.ListAssetsRequest()), (client.assets.ImportAsset, assets_pb2.ImportAssetRequest(path=files[0]))):
        try: client.call(stub, request); got.append(f"answered {stub}")
        except JobFailed as error:
            if error.kind != "UNAUTHENTICATED": got.append(f"{error.kind}: {error}")
    try: next(client.submit_request(tasks_pb2.TextToMusicRequest(duration_s=1))); got.append("made music")
    except JobFailed as error:
        if error.kind != "UNAUTHENTICATED": got.append(f"{error.kind}: {error}")
print("\\n".join(got))
"""


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon where anybody may go: what shuts them out is its own doing."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        with daemon_at(folder / "home", config=f'roots = ["{folder}"]\n') as daemon:
            yield daemon
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may become another user")
def test_another_user_gets_nothing(daemon: Daemon) -> None:
    assert daemon.client is not None
    secret = daemon.home.parent / "secret"
    secret.mkdir(mode=0o700)
    work(daemon.client, secret)
    (asset,) = list((daemon.home / "assets").glob("*/*"))[:1]
    files = [secret / "song.wav", daemon.home / "token", daemon.home / "acebridge.db", daemon.home / "logs", asset]
    words = [daemon.address, daemon.home, *files, ANOTHER_USER]
    done = subprocess.run(
        [sys.executable, "-c", ATTACK, *map(str, words)], env=daemon.environment,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
    assert all(file.exists() for file in files)
    assert daemon.process is not None
    assert daemon.process.poll() is None


@pytest.mark.parametrize(
    "words",
    [("serve", "--port", "0"), ("repair",), ("restore", "b.tar"), ("token", "new", "x"), ("token", "list")],
    ids=lambda words: words[0],
)
def test_a_place_that_cannot_be_a_data_folder_is_said(alone: Shell, words: tuple[str, ...]) -> None:
    (alone.folder / "b.tar").touch()
    (alone.folder / "file").write_text("no folder")
    for home in (alone.folder / "file", alone.folder / "file" / "home"):
        alone.environment["ACEBRIDGE_HOME"] = str(home)
        says = alone.failure(*words)
        assert " cannot be " in says
        assert "folder" in says
        assert "ACEBRIDGE_HOME" in says
    assert (alone.folder / "file").read_text() == "no folder"
