"""AceBridge as a person installs it: used, updated while its daemon runs, moved, and uninstalled without a trace."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S
from tests.support.installation import Installation, Session, borrow_dependencies, dependencies, run
from tests.support.paths import ROOT

pytestmark = pytest.mark.host

PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")
SONG = ("generate", "-e", "fake", "--duration", "0.2", "-o")
#: Nobody's session of systemd is touched.
NO_BUS = {"XDG_RUNTIME_DIR": "", "DBUS_SESSION_BUS_ADDRESS": ""}


@pytest.fixture
def user(installation: Installation, tmp_path: Path) -> Iterator[Session]:
    """A person with a home folder, whose data are where they usually are."""
    home, folder = tmp_path / "user", tmp_path / "folder"
    folder.mkdir()
    data = home / ".local" / "share" / "acebridge"
    with Session(installation.command, folder, data, HOME=str(home), **NO_BUS) as session:
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            session.environment.pop(name, None)
        yield session


def remedy_command(python: Path) -> str:
    """Return what messages say when a package of the neural engine is missing."""
    says = "from acestep_runtime.installation import install_command; print(install_command('neural'))"
    return run([python, "-c", says], cwd=python.parent).stdout.strip()


def user_home(user: Session) -> Path:
    return Path(user.environment["HOME"])


def test_the_doctor_is_content_and_the_draft_engine_plays(session: Session) -> None:
    assert "BAD" not in session.run("doctor")
    made = json.loads(session.run("generate", "-e", "draft", "--duration", "2", "-o", "song.wav", "--json"))
    assert made["engine"] == "draft"
    assert soundfile.info(session.folder / "song.wav").frames == 96_000
    session.run("stop")


def test_the_page_names_the_wheel(wheel: Path) -> None:
    named = set(re.findall(r"acebridge-[\w.-]+?\.whl", PAGE))
    assert named == {wheel.name}


def test_what_messages_say_about_an_extra_works(installation: Installation, wheel: Path) -> None:
    words = shlex.split(remedy_command(installation.python))
    assert words == [str(installation.python), "-m", "pip", "install", f"{wheel}[neural]"]
    done = run([*words, "--no-deps", "--no-index", "--force-reinstall"])
    assert done.returncode == 0, done.stderr


def test_an_update_replaces_the_daemon_that_runs(
    installation: Installation, wheel: Path, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    installation.install(installation.build_wheel(tmp_path / "old", "0.0.9"))
    daemon = session.serve()
    first = json.loads(session.run(*SONG, "first.wav", "--json"))
    installation.install(wheel)
    # The files are new, the process is not.
    assert "AceBridge 0.0.9 at" in session.run("status")
    assert session.run("--version") == f"acebridge {VERSION}\n"
    second = session.attempt(*SONG, "second.wav")
    assert second.returncode == 0, second.stderr
    assert daemon.wait(PATIENCE_S) == 0
    assert f"AceBridge {VERSION} at" in session.run("status")
    session.run("jobs", "watch", first["job_id"], "-o", "again.wav")
    assert (session.folder / "again.wav").read_bytes() == (session.folder / "first.wav").read_bytes()
    session.run("stop")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_data_can_be_moved_behind_a_link(session: Session, tmp_path: Path) -> None:
    made = json.loads(session.run(*SONG, "first.wav", "--json"))
    session.run("stop")
    shutil.move(session.home, tmp_path / "elsewhere")
    session.home.symlink_to(tmp_path / "elsewhere")
    session.run("jobs", "watch", made["job_id"], "-o", "again.wav")
    assert (session.folder / "again.wav").read_bytes() == (session.folder / "first.wav").read_bytes()
    session.run("stop")


@pytest.mark.skipif(sys.platform != "linux", reason="a unit of systemd")
def test_the_service_without_a_session(user: Session, installation: Installation) -> None:
    unit = user_home(user) / ".config" / "systemd" / "user" / "acebridge.service"
    user.environment.pop("ACEBRIDGE_PRECISION", None)  # of these tests alone; a service would not see it
    done = user.attempt("service", "install")
    if shutil.which("systemctl") is None:
        assert done.stderr.startswith(
            "acebridge: There is no systemd user service here: this machine has no `systemctl`."
        )
        assert not unit.exists()
        return
    assert done.returncode == 4
    assert done.stderr.startswith(f"acebridge: The systemd user service is written to {unit}, but not started: ")
    assert "systemctl --user enable acebridge.service && systemctl --user restart acebridge.service" in done.stderr
    assert user.run("service", "install", "--print") == unit.read_text("utf-8")
    (start,) = re.findall(r"^ExecStart=(.*)$", unit.read_text("utf-8"), re.M)
    assert shlex.split(start) == [str(installation.command), "serve", "--home", str(user.home)]
    if shutil.which("systemd-analyze"):
        checked = run(["systemd-analyze", "--user", "verify", unit], env=user.environment | {"XDG_RUNTIME_DIR": "/tmp"})
        assert "acebridge" not in checked.stderr, checked.stderr
    state = json.loads(user.run("service", "status", "--json"))
    assert (state["installed"], state["active"], state["file"]) == (True, False, str(unit))
    assert user.run("service", "uninstall") == f"removed {unit}\n"
    assert not unit.exists()
    assert user.run("service", "uninstall") == "There is no systemd user service.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the places of Linux")
def test_uninstalling_leaves_only_what_the_page_names(user: Session, installation: Installation, wheel: Path) -> None:
    site = Path(
        run([installation.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).stdout.strip()
    )
    user.environment["SHELL"] = "/bin/bash"
    user.run(*SONG, "song.wav")
    user.attempt("service", "install")
    user.environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    user.run("--install-completion", "bash")
    user.run("service", "uninstall")
    user.attempt("stop")  # the service has taken the place of the daemon that ran, and is gone itself
    removed = installation.pip("uninstall", "--yes", "acebridge")
    try:
        assert removed.returncode == 0, removed.stderr
        left = [path for folder in (site, installation.scripts) for path in folder.rglob("*acebridge*")]
        left += site.rglob("*acestep*")
        assert not left
    finally:
        installation.install(wheel)
    named = {match.rstrip("/") for match in re.findall(r"`([^`\s]+)`", PAGE)}
    in_home = {path.relative_to(user_home(user)).as_posix() for path in files(user_home(user))}
    outside = {path for path in in_home if not path.startswith(".local/share/acebridge/")}
    assert outside == {".bashrc", ".bash_completions/acebridge.sh"}
    assert {f"~/{path}" for path in outside} <= named
    assert "~/.local/share/acebridge" in named
    data = {path.relative_to(user.home).parts[0] for path in user.home.rglob("*") if path.name != "console.txt"}
    assert {"assets", "acebridge.db", "logs", "config.toml"} <= data
    assert data <= named


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# ---- uv ----


@pytest.fixture
def uv(installation: Installation, tmp_path: Path) -> Path:
    """The program uv, from the package index."""
    target = tmp_path / "uv"
    got = installation.pip("install", "--no-deps", "--retries", "1", "--timeout", "15", "--target", target, "uv")
    if got.returncode:
        pytest.skip("uv cannot be had")
    return target / "bin" / ("uv.exe" if os.name == "nt" else "uv")


def test_as_a_tool_of_uv(uv: Path, wheel: Path, tmp_path: Path) -> None:
    none = tmp_path / "none.txt"  # dependencies are borrowed
    none.write_text("".join(f"{name}; sys_platform == 'never'\n" for name in dependencies()), "utf-8")
    places = {f"UV_{name}": str(tmp_path / name.lower()) for name in ("TOOL_DIR", "TOOL_BIN_DIR", "CACHE_DIR")}
    options = ("--no-index", "--offline", "--no-python-downloads", "--python", sys.executable, "--overrides", none)
    (line,) = [line for line in PAGE.splitlines() if line.startswith("uv tool install ./")]
    words = line.replace(shlex.split(line)[-1], str(wheel)).split()[1:]

    def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done = run([uv, *arguments], env={**os.environ, **places}, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done

    tool(*words, *options)
    (python,) = (tmp_path / "tool_dir").glob("*/bin/python" if os.name != "nt" else "*/Scripts/python.exe")
    borrow_dependencies(python)
    command = tmp_path / "tool_bin_dir" / ("acebridge.exe" if os.name == "nt" else "acebridge")
    folder = tmp_path / "folder"
    folder.mkdir()
    with Session(command, folder, tmp_path / "data") as session:
        session.run(*SONG, "song.wav")
        assert soundfile.info(folder / "song.wav").frames == 9600
        assert Path((session.home / "command").read_text("utf-8").strip()).resolve() == command.resolve()
        again = remedy_command(python)
        assert shlex.split(again) == ["uv", "tool", "install", "--force", f"{wheel}[neural]"]
        session.run("stop")
    tool(*shlex.split(again)[1:], *options)  # what messages say is understood
    borrow_dependencies(python)  # its environment is a new one
    assert run([command, "--version"]).stdout == f"acebridge {VERSION}\n"
    tool("tool", "uninstall", "acebridge")
    assert not list((tmp_path / "tool_bin_dir").iterdir())
    assert not list((tmp_path / "tool_dir").glob("acebridge*"))
