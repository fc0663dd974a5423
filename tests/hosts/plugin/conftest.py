"""The built plug-in; each process builds what another one has not built yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.plugin import Samples, build_plugin


@pytest.fixture(scope="session")
def binaries() -> Path:
    return build_plugin()


@pytest.fixture(scope="session")
def vst3(binaries: Path) -> str:
    return str(binaries / "AceBridge.vst3")


@pytest.fixture
def noise() -> Samples:
    """Two channels of 12,000 frames."""
    return np.random.default_rng(1).uniform(-1, 1, (2, 12_000)).astype(np.float32)
