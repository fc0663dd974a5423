"""What the settings say of models reaches the process that computes with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the neural engine needs torch")

from acestep_runtime.audio import decode
from tests.support.daemon import Daemon
from tests.support.shell import Shell
from tests.support.tiny_models import tiny_checkpoint

pytestmark = pytest.mark.slow


def test_weights_are_in_int8_where_the_settings_say_so(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "models")
    made = {}
    for setting in ("false", "true"):
        overridden = {"false": "true", "true": "false"}[setting]
        config = f"models_dir = '{tmp_path / 'models'}'\nint8_weights = {overridden}\n"
        daemon = Daemon(tmp_path / setting, config=config)
        # What the daemon is started with counts, not the file.
        daemon.environment["ACEBRIDGE_INT8_WEIGHTS"] = setting
        daemon.start()
        try:
            shell = Shell(tmp_path, daemon.environment)
            shell.run("generate", "--duration", "1", "--steps", "2", "-s", "3", "-e", "neural", "-o", f"{setting}.wav")
        finally:
            assert daemon.stop() == 0
        made[setting] = decode.read(tmp_path / f"{setting}.wav")
    off = np.linalg.norm(made["true"] - made["false"]) / np.linalg.norm(made["false"])
    assert 0 < off < 0.05
