"""The host for Live gets everything right that the job folder protocol asks of a host."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import AceBridgeError
from acebridge.hosts.jobfolder.json_files import write_json
from acebridge.hosts.jobfolder.status import read_status
from acebridge.hosts.live.job import run_job, write_request
from acestep_runtime.errors import AceStepError
from tests.support.conformance import HostConformance


class LiveHost:
    """Jobs as the actions in Live run them, each followed in a thread."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.cancelled: set[Path] = set()

    def submit(self, folder: Path, request: dict[str, Any]) -> None:
        folder.mkdir(parents=True)
        write_request(
            folder, action="repaint", title="", parts=request["parts"], place=None, engine=request["engine"], live="1.0.0"
        )  # fmt: skip
        own = json.loads((folder / "request.json").read_text("utf-8"))
        write_json(folder / "request.json", {**own, **request})  # the checks have their own media folder
        self.threads.append(threading.Thread(target=self._run, args=(folder,)))
        self.threads[-1].start()

    def _run(self, folder: Path) -> None:
        with suppress(AceBridgeError, AceStepError):  # the status says so
            run_job(folder, tell=lambda *_: None, is_cancelled=lambda: folder in self.cancelled)

    def status(self, folder: Path) -> dict[str, Any]:
        return read_status(folder) or {"state": "starting", "stage": "", "fraction": 0.0}

    def cancel(self, folder: Path) -> None:
        self.cancelled.add(folder)

    def result(self, folder: Path) -> dict[str, Any]:
        return json.loads((folder / "result.json").read_text("utf-8"))


class TestLiveHost(HostConformance):
    """The host for Live."""

    @pytest.fixture
    def host(self) -> Iterator[LiveHost]:
        """Every job has ended when its test has."""
        host = LiveHost()
        yield host
        for thread in host.threads:
            thread.join()
