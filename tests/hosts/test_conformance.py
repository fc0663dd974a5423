"""Hosts that use job folders get everything right that the protocol asks of them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.conformance import HostConformance
from tests.support.daemon import PATIENCE_S
from tests.support.paths import ROOT

_spec = importlib.util.spec_from_file_location("job_folder_host", ROOT / "examples" / "job_folder_host.py")
assert _spec is not None
assert _spec.loader is not None
example = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(example)


class ExampleHost:
    """The example, by its own functions."""

    def __init__(self) -> None:
        self.commands: list[subprocess.Popen[bytes]] = []

    def submit(self, folder: Path, request: dict[str, Any]) -> None:
        self.commands.append(example.submit(folder, request))

    def status(self, folder: Path) -> dict[str, Any]:
        return example.status(folder)

    def cancel(self, folder: Path) -> None:
        (folder / "cancel").touch()

    def result(self, folder: Path) -> dict[str, Any]:
        return json.loads((folder / "result.json").read_text("utf-8"))


class TestExampleHost(HostConformance):
    """The host in examples/."""

    @pytest.fixture
    def host(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExampleHost]:
        """The example, with the command of this environment on the path; every command has ended when its job has."""
        monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
        host = ExampleHost()
        yield host
        for command in host.commands:
            command.wait(PATIENCE_S)
