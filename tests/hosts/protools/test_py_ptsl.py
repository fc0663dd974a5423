"""py-ptsl, which others script Pro Tools with, and the fake Pro Tools of the tests understand each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import daemon_at, song
from tests.support.fake_protools import FakeProTools
from tests.support.installation import Installation, run
from tests.support.ptsl_descriptor import DESCRIPTOR, NOTICE, descriptor_of
from tests.support.shell import Shell

pytestmark = pytest.mark.host

HERE = Path(__file__).parent
#: Without what it names but does not need to run, such as pytest.
PACKAGES = ("grpcio", "protobuf", "py-ptsl", "typing_extensions")
NAME = "Gitarre/Große 🎸"


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An environment that has py-ptsl."""
    made = Installation(tmp_path_factory.mktemp("py-ptsl") / "venv")
    installed = made.pip("install", "--no-deps", "-c", HERE / "constraints.txt", *PACKAGES)
    assert installed.returncode == 0, installed.stderr
    assert not made.has("acebridge")
    return made


def ask(installation: Installation, pro: FakeProTools, *words: str) -> Any:
    done = run([installation.python, HERE / "with_py_ptsl.py", str(pro.port), *words])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_py_ptsl_selects_and_reads_back_what_the_command_placed(installation: Installation, tmp_path: Path) -> None:
    with FakeProTools(tmp_path / "Sitzung Ä", 96_000) as pro, daemon_at(tmp_path / "home") as daemon:
        pro.put(pro.add_track(NAME), 0, song(3.0, rate_hz=96_000))
        assert ask(installation, pro, "select", NAME, "96001", "192002") == {"selection": ["96001", "192002"]}
        with Shell(tmp_path, daemon.environment) as shell:
            arguments = ("--context", "0.25", "--mark", "-e", "fake", "--port", str(pro.port))
            shell.run("protools", "run", "lego", "-t", "drums", *arguments)
        found = ask(installation, pro, "read")
    guitar, drums = found.pop("tracks")
    assert found.pop("descriptor") in NOTICE.read_text("utf-8")
    assert found.pop("locations")[0][0] == "AceBridge lego"
    assert found == {"name": "Lied", "path": str(pro.file), "rate": 96_000, "selection": ["96001", "192002"]}
    assert guitar == {"name": NAME, "stereo": True, "selected": True, "colour": "", "clips": [["0", "288000"]]}
    assert drums == {
        "name": "Drums", "stereo": True, "selected": False, "colour": "#ffef4444", "clips": [["96001", "192002"]],
    }  # fmt: skip


def test_the_descriptor_is_that_of_py_ptsl(installation: Installation) -> None:
    (module,) = installation.scripts.parent.glob("lib/python*/site-packages/ptsl/PTSL_pb2.py")
    assert descriptor_of(module.read_text("utf-8")) == DESCRIPTOR.read_bytes()
