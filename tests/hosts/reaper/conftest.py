"""A studio for each test, and a real daemon with the draft engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support import lua_modules, schemas
from tests.support.daemon import Daemon, daemon_at, until
from tests.support.fake_reaper import Reaper
from tests.support.fake_reaper.api import VERSIONS
from tests.support.reaper_install import NAMES, Workshop, uv_archive, workshop_at
from tests.support.reaper_panel import Panel, open_panel
from tests.support.reaper_scene import Scene, open_scene
from tests.support.reaper_studio import COMMAND, ITEM_AT_S, RATE_HZ, Studio, media
from tests.support.signals import song

#: What runs in both Luas: the leaf modules without REAPER, and the actions. Everything else runs in that of REAPER 7.
IN_BOTH_LUAS = {
    "test_actions", "test_analyse", "test_command", "test_files", "test_installer", "test_job", "test_json", "test_lua_form",
    "test_lua_wav", "test_panel_at_work", "test_panel_fields", "test_panel_store", "test_settings", "test_version",
    "test_ui_text_field", "test_ui_text_lines", "test_ui_numbers", "test_ui_widgets", "test_ui_keyboard", "test_ui_gfx",
    "test_ui_fields", "test_ui_imgui",
}  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give these modules their tests once for each Lua."""
    if metafunc.module.__name__.rpartition(".")[2] in IN_BOTH_LUAS:
        metafunc.parametrize(
            "lua", lua_modules.LUAS, indirect=True, ids=[f"lua{version}" for version in lua_modules.LUAS]
        )


@pytest.fixture
def lua(request: pytest.FixtureRequest) -> Iterator[str]:
    """The Lua that scripts run in, as REAPER 6 and REAPER 7 have it."""
    version = getattr(request, "param", lua_modules.LUAS[-1])
    lua_modules.use_lua(version)
    yield version
    lua_modules.use_lua(lua_modules.LUAS[-1])


@pytest.fixture(autouse=True)
def _choose_lua(lua: str) -> None:
    """Have every test run in its Lua, also one that does not ask which it is."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that the tests of a module share."""
    with daemon_at(tmp_path_factory.mktemp("daemon")) as daemon:
        yield daemon


@pytest.fixture
def ways() -> dict[str, Any] | None:
    """How the simulated REAPER does what nobody documents: as usual, unless a test says otherwise."""
    return None


@pytest.fixture
def reaper(
    tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, lua: str, ways: dict[str, Any] | None
) -> Iterator[Reaper]:
    monkeypatch.setenv("ACEBRIDGE_HOME", str(daemon.home))
    folder = tmp_path / "리퍼 'n' \"ünï\" 🎸"
    folder.mkdir()
    with Reaper(folder, rate=RATE_HZ, lua=lua, ways=ways) as reaper:
        reaper.ext[("AceBridge", "command")] = COMMAND
        reaper.ext[("AceBridge", "engine")] = "draft"
        reaper.ext[("AceBridge", "window")] = "no"  # it stays open until a person closes it
        reaper.ext[("AceBridge", "cleaned")] = str(int(time.time()))  # not while a test looks at the folders
        yield reaper


@pytest.fixture
def studio(reaper: Reaper, tmp_path: Path) -> Iterator[Studio]:
    """A studio; every request that the scripts sent in it is as the protocol says."""
    project = reaper.project
    band = project.add_track('기타 "lead"')
    pad = project.add_track("Päd, très doux")
    path = media(tmp_path / "밴드 'take' 1.wav", song(bpm=100, bars=6, rate_hz=RATE_HZ))
    item = band.add_item(path, position=ITEM_AT_S, length=12.0, offset=0.5)
    pad.add_item(
        media(tmp_path / "pad.wav", 0.2 * song(bpm=100, bars=2, rate_hz=RATE_HZ, seed=3)), position=2.0, length=4.0
    )
    project.tempo(0, 100, 4, 4)
    project.tempo(6, 90)
    project.settle()
    studio = Studio(reaper, project, band, item, pad, path, tmp_path)
    yield studio
    for file in (folder / "request.json" for folder in studio.jobs()):
        if file.exists():
            schemas.check("request", json.loads(file.read_text("utf-8")))


@pytest.fixture
def r(tmp_path: Path) -> Iterator[Reaper]:
    with Reaper(tmp_path, rate=RATE_HZ, resource="리소스 'x'") as reaper:
        yield reaper


@pytest.fixture
def wave(tmp_path: Path) -> tuple[Path, np.ndarray]:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (3 * RATE_HZ, 2)).astype(np.float32)
    path = tmp_path / "소리 '1'.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    return path, samples


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of uv, as it is downloaded."""
    return uv_archive(tmp_path_factory.mktemp("uv"))


@pytest.fixture
def workshop(tmp_path: Path, archive: Path, lua: str) -> Iterator[Workshop]:
    """A REAPER without the command, and a release of it."""
    with workshop_at(tmp_path, archive, lua=lua, resource=NAMES) as workshop:
        yield workshop
        until(lambda: not any(process.running for process in workshop.reaper.processes), "the runner to end")


@pytest.fixture
def version() -> str:
    """The version of the simulated REAPER, and with it its Lua; a test may name others."""
    return VERSIONS[-1]


@pytest.fixture
def scene(tmp_path: Path, version: str) -> Iterator[Scene]:
    """A project whose jobs the test answers."""
    with open_scene(tmp_path, version) as scene:
        yield scene


@pytest.fixture
def panel(scene: Scene) -> Panel:
    """The panel of a scene whose time selection is made."""
    scene.select()
    return open_panel(scene)
