"""The programs of docs/clients.md run as written, in an environment that does not have AceBridge."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import PATIENCE_S, Daemon, daemon_at
from tests.support.paths import ROOT

pytestmark = pytest.mark.host
PAGE = (ROOT / "docs/clients.md").read_text("utf-8")
BIN = "Scripts" if os.name == "nt" else "bin"


def blocks(section: str, language: str) -> list[str]:
    """Return the code blocks of a section of the page."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


class Workplace:
    """A folder with an environment of its own and the .proto files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)
        self.environment = {**os.environ, "PATH": f"{folder / 'venv' / BIN}{os.pathsep}{os.environ['PATH']}"}
        requirements = Path(__file__).with_name("requirements.txt")
        self.run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements))
        shutil.copytree(ROOT / "protos", folder / "protos", ignore=shutil.ignore_patterns("*.py*", "__pycache__"))

    def run(self, *command: str, **variables: str) -> str:
        done = subprocess.run(
            [shutil.which(command[0], path=self.environment["PATH"]) or command[0], *command[1:]],
            cwd=self.folder, env={**self.environment, **variables}, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon_at(tmp_path_factory.mktemp("home")) as daemon:
        yield daemon


def test_the_environment_does_not_have_acebridge(workplace: Workplace) -> None:
    assert "acebridge" not in workplace.run("python", "-m", "pip", "list", "--disable-pip-version-check")
    assert str(workplace.folder) in workplace.run("python", "-c", "import sys; print(sys.prefix)")
    assert sys.prefix not in workplace.run("python", "-c", "import sys; print(sys.path)")


def test_reflection_is_enough(workplace: Workplace, daemon: Daemon) -> None:
    (program,) = blocks("Python with reflection", "python")
    lines = workplace.run("python", "-c", program, ACEBRIDGE_HOME=str(daemon.home)).splitlines()
    assert "done" in lines or len(lines) > 3
    assert re.fullmatch(r"[\d.]+ [0-9a-f]{64}", lines[-2])
    assert lines[-1] == "JOB_STATE_SUCCEEDED"


def test_typed_messages_resume_a_job(workplace: Workplace, daemon: Daemon) -> None:
    (command,) = blocks("Python with asyncio", "sh")
    (workplace.folder / "generated").mkdir()
    workplace.run("sh", "-c", command)
    (program,) = blocks("Python with asyncio", "python")
    (line,) = workplace.run("python", "-c", program, ACEBRIDGE_HOME=str(daemon.home)).splitlines()
    assert re.fullmatch(r"completed [\d.]+", line)
