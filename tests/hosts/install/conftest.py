"""One wheel and one environment that it is installed in, for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import Installation, Session


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("installed") / "venv")


@pytest.fixture(scope="session")
def wheel(environment: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment.build_wheel(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def installation(environment: Installation, wheel: Path) -> Installation:
    environment.install(wheel)
    environment.borrow_dependencies()
    return environment


@pytest.fixture
def session(installation: Installation, tmp_path: Path) -> Iterator[Session]:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Session(installation.command, folder, tmp_path / "data") as session:
        yield session
