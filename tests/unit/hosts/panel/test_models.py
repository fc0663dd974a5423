"""Models for the panel: what is in a folder, what can be fetched; and a pull that goes on, is joined, stopped, or fails."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acebridge.errors import Conflict
from acebridge.hosts.panel.models import Pulls, describe_models
from acestep_runtime.errors import EngineFailure
from acestep_runtime.weights.catalogue import RELEASES
from acestep_runtime.weights.hub import PullProgress
from acestep_runtime.weights.wheels import WHEELS
from tests.support.daemon import PATIENCE_S, until

Report = Callable[[PullProgress], None]


class Fetching:
    """A fetch that takes each step when it is let."""

    def __init__(self, *steps: PullProgress, failure: Exception | None = None) -> None:
        self.steps, self.failure = steps, failure
        self.go = threading.Semaphore(0)
        self.calls: list[tuple[str, Path]] = []

    def __call__(self, name: str, folder: Path, report: Report) -> None:
        self.calls.append((name, folder))
        for step in self.steps:
            assert self.go.acquire(timeout=PATIENCE_S)
            report(step)
        if self.failure is not None:
            raise self.failure


def changes(pulls: Pulls) -> list[Any]:
    return [step for step in pulls.watch() if step is not None]


def test_an_empty_folder_has_all_releases_to_fetch_and_its_disk(tmp_path: Path) -> None:
    described: Any = describe_models(tmp_path / "models")
    rows = {row["name"]: row for row in described["models"]}
    assert set(rows) == {*RELEASES, *WHEELS}
    assert not any(row["there"] for row in rows.values())
    assert all(row["can_pull"] and row["size_bytes"] > 0 for row in rows.values())
    assert described["disk"]["total_bytes"] == shutil.disk_usage(tmp_path).total
    assert described["memory"]["free_bytes"] <= described["memory"]["total_bytes"]
    assert described["adapters"] == []


def test_a_pull_reports_each_step(tmp_path: Path) -> None:
    fetch = Fetching(PullProgress("fetching", 3, 10), PullProgress("checking", 10, 10))
    pulls = Pulls(fetch)
    assert pulls.state() is None
    pulls.start("vae", tmp_path)
    watched = pulls.watch()
    assert next(watched) == {"name": "vae", "stage": "asking", "done_bytes": 0, "total_bytes": 0}
    fetch.go.release()
    step = until(lambda: next(watched))
    assert step == pulls.state() == {"name": "vae", "stage": "fetching", "done_bytes": 3, "total_bytes": 10}
    fetch.go.release()
    last = {"name": "vae", "stage": "checking", "done_bytes": 10, "total_bytes": 10}
    assert [step for step in watched if step] == [last]
    assert pulls.state() is None
    assert fetch.calls == [("vae", tmp_path)]


def test_a_pull_is_joined_and_another_one_waits(tmp_path: Path) -> None:
    fetch = Fetching(PullProgress("fetching", 1, 2))
    pulls = Pulls(fetch)
    pulls.start("vae", tmp_path)
    pulls.start("vae", tmp_path)
    with pytest.raises(Conflict, match="vae is being fetched"):
        pulls.start("other", tmp_path)
    fetch.go.release()
    changes(pulls)
    assert len(fetch.calls) == 1


def test_a_pull_that_is_stopped_ends_at_its_next_step_and_can_begin_again(tmp_path: Path) -> None:
    fetch = Fetching(PullProgress("fetching", 1, 2), PullProgress("fetching", 2, 2))
    pulls = Pulls(fetch)
    assert not pulls.stop()
    pulls.start("vae", tmp_path)
    assert pulls.stop()
    fetch.go.release()
    with pytest.raises(Conflict, match="was stopped"):
        changes(pulls)
    pulls.start("vae", tmp_path)
    fetch.go.release(2)
    assert changes(pulls)


def test_what_ends_a_pull_is_said_to_those_who_watch(tmp_path: Path) -> None:
    pulls = Pulls(Fetching(failure=EngineFailure("The Hub cannot be reached.", remedy="Connect.")))
    pulls.start("vae", tmp_path)
    with pytest.raises(EngineFailure, match="cannot be reached"):
        changes(pulls)
    assert pulls.state() is None
