"""installer.lua: the command is downloaded, installed and removed, with the real uv, curl and shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reaper_install import Workshop, uv_archive, workshop_at


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of uv, as it is downloaded."""
    return uv_archive(tmp_path_factory.mktemp("uv"))


@pytest.fixture
def workshop(tmp_path: Path, archive: Path, lua: str) -> Iterator[Workshop]:
    with workshop_at(tmp_path, archive, lua=lua, resource="리소스 'x' & ünï = $HOME") as workshop:
        yield workshop

def test_smoke(workshop: Workshop) -> None:
    workshop.reaper.answer(1)
    workshop.run("AceBridge_Doctor.lua")
    print("\n\n".join(workshop.reaper.messages), workshop.reaper.commands, [t.text for t in workshop.texts])
    import subprocess
    print(subprocess.run(["find", str(workshop.root)  , "-maxdepth","3"],capture_output=True,text=True).stdout)
    print(subprocess.run("ls -la bin; cat install/*.txt", shell=True,cwd=workshop.root, capture_output=True,text=True).stdout)
    assert 0
