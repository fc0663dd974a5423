"""The wheel: what it holds, that it can live beside python-daemon, and that files where a command is started do not matter."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import typer

from acebridge.cli.app import app
from acebridge.version import VERSION
from tests.support.daemon import PATIENCE_S
from tests.support.installation import TREES, Installation, Session, run

pytestmark = pytest.mark.host

SHIPPED = {".py", ".pyi", ".proto", ".toml", ".html", ".css", ".js", ".lua", ".md", ".json", ".typed"}
SHIPPED_NAMES = {"py.typed", "drum_network.npz", "ptsl.binpb", "ptsl-notice.txt"}
#: Files that raise when they are imported, as a musician's folder may hold them.
TRAPS = (
    "acebridge/__init__.py", "acestep_runtime/__init__.py", "daemon/__init__.py", "daemon.py", "numpy/__init__.py", "torch.py",
    "grpc.py", "json.py", "workers.py",
)  # fmt: skip


def commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, and of every group of them."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


COMMANDS = tuple(commands(typer.main.get_command(app)))


def check_help(session: Session) -> None:
    """Every command says what it does."""
    assert session.run("--version") == f"acebridge {VERSION}\n"
    for words in COMMANDS:
        assert " ".join(("acebridge", *words)) in session.run(*words, "--help")


def check_work(session: Session) -> None:
    """A daemon serves, makes audio, answers and stops; and a command starts one where none is."""
    daemon = session.serve()
    made = json.loads(session.run("generate", "-e", "fake", "--duration", "0.2", "-o", "song.wav", "--json"))
    assert soundfile.info(session.folder / "song.wav").frames == 9600
    assert json.loads(session.run("status", "--json"))
    assert made["job_id"] in {job["id"] for job in json.loads(session.run("jobs", "--json"))}
    session.run("doctor")
    session.run("stop")
    assert daemon.wait(PATIENCE_S) == 0
    # Without it the command looks at the default port, where another daemon may be.
    session.address.write_text('{"address": "127.0.0.1:1"}', "utf-8")
    session.run("generate", "-e", "fake", "--duration", "0.2", "-o", "again.wav")
    assert soundfile.info(session.folder / "again.wav").frames == 9600
    session.run("stop")


def test_the_wheel_holds_the_sources_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"acebridge", "acestep_runtime"}
        assert len({name.split("/")[0] for name in names if ".dist-info/" in name}) == 1
        expected = {
            f"{place}/{path.relative_to(folder).as_posix()}": path
            for place, folder in TREES.items()
            for path in folder.rglob("*")
            if path.suffix in SHIPPED or path.name in SHIPPED_NAMES
        }
        assert {name for name in names if ".dist-info/" not in name} == expected.keys()
        assert all(archive.read(name) == path.read_bytes() for name, path in expected.items())


def test_an_installation_takes_nothing_from_the_sources(installation: Installation) -> None:
    say = (
        "import acebridge.cli, acebridge.v1.tasks_pb2, acestep_runtime as r; print(acebridge.cli.__file__, r.__file__)"
    )
    done = run([installation.python, "-c", say], cwd=installation.scripts)
    assert done.returncode == 0, done.stderr
    root = installation.scripts.parent.resolve()
    assert all(Path(place).resolve().is_relative_to(root) for place in done.stdout.split())


def test_commands_work_beside_python_daemon_and_after_it_is_removed(
    session: Session, installation: Installation, tmp_path: Path
) -> None:
    assert not installation.has("daemon")
    installation.install_python_daemon(tmp_path)
    assert installation.has("daemon")
    check_work(session)
    removed = installation.pip("uninstall", "--yes", "python-daemon")
    assert removed.returncode == 0, removed.stderr
    assert not installation.has("daemon")
    check_help(session)
    check_work(session)


@pytest.fixture
def trap_folder(session: Session) -> Iterator[Session]:
    """Commands start where files would be imported in place of packages; none of them may be."""
    log = session.home / "imported.txt"
    for name in TRAPS:
        trap = session.folder / name
        trap.parent.mkdir(exist_ok=True)
        trap.write_text(f"open({str(log)!r}, 'a').write({name!r} + '\\n')\nraise RuntimeError({name!r})\n", "utf-8")
    yield session
    assert not log.exists(), log.read_text("utf-8")


def test_help_ignores_the_folder_where_it_is_asked_for(trap_folder: Session) -> None:
    check_help(trap_folder)


def test_commands_ignore_the_folder_where_they_are_started(trap_folder: Session) -> None:
    check_work(trap_folder)
