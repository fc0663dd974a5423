"""The built plug-in; each process builds what another one has not built yet, and loads a copy of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.plugin import Samples, copy_plugin


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="session")
def vst3(binaries: Path) -> str:
    return str(binaries / "AceBridge.vst3")


@pytest.fixture(autouse=True)
def _no_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep plug-ins out of the data folder of whoever runs the tests: there is none unless a test makes one."""
    monkeypatch.setenv("ACEBRIDGE_HOME", str(tmp_path / "no-data"))


@pytest.fixture
def noise() -> Samples:
    """Two channels of 12,000 frames."""
    return np.random.default_rng(1).uniform(-1, 1, (2, 12_000)).astype(np.float32)
