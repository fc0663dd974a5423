"""What the daemon does in the background: it collects garbage, whatever happens, and stops when its folder is gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acebridge.background import Supervisor
from acebridge.errors import DiskFull
from acebridge.server import housekeeping
from tests.support.daemon import PATIENCE_S, Daemon, assert_gone, create_tone_job, until, until_started


async def turn(_: float) -> None:
    """Stand for the pause between two rounds."""


@pytest.mark.parametrize(
    "error",
    [DiskFull(), sqlite3.OperationalError("database is locked"), FileNotFoundError(2, "No such file"), KeyError("?")],
)
def test_one_error_does_not_end_the_collection_of_garbage(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    rounds: list[bool] = []
    context: Any = SimpleNamespace(scheduler=SimpleNamespace(on_end=None))

    async def run_gc(_: Any) -> None:
        rounds.append(True)
        context.scheduler.on_end()  # as if a job had ended meanwhile
        if rounds == [True]:
            raise error
        if sum(rounds) == 3:
            raise asyncio.CancelledError

    async def pause(seconds: float) -> None:
        if seconds == 1.0:  # else it is the time after which it counts as well again
            rounds.append(False)

    async def trial() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await Supervisor(sleep=pause).run("collecting garbage", lambda: housekeeping.gc_loop(context, sleep=turn))

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(housekeeping, "run_gc", run_gc)
        asyncio.run(trial())
    assert sum(rounds) == 3
    (record,) = caplog.records
    is_unknown = isinstance(error, KeyError)
    assert rounds == ([True, False, True, True] if is_unknown else [True] * 3)
    assert record.getMessage() == (
        "collecting garbage failed; starting it again" if is_unknown else "could not collect garbage"
    )
    assert (record.exc_info is not None) == is_unknown


@pytest.mark.parametrize("turns", range(8))
def test_the_collection_ends_at_a_stop_just_after_a_job_has_ended(turns: int) -> None:
    """Whichever turn of the event loop the stop comes in. A collection that misses it would hold up the daemon's end."""
    context: Any = SimpleNamespace(scheduler=SimpleNamespace(on_end=None))

    async def run_gc(_: Any) -> None:
        await asyncio.sleep(0)

    async def trial() -> None:
        collecting = asyncio.create_task(housekeeping.gc_loop(context, sleep=turn))
        for _ in range(5):  # now it waits
            await asyncio.sleep(0)
        context.scheduler.on_end()
        for _ in range(turns):
            await asyncio.sleep(0)
        collecting.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert collecting.done()  # else it ends an hour later

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(housekeeping, "run_gc", run_gc)
        asyncio.run(trial())


def remove_folder(home: Path) -> None:
    """Remove a folder that a daemon works in, however often it writes into it meanwhile."""

    def is_removed() -> bool:
        shutil.rmtree(home, ignore_errors=True)
        return not home.exists()

    until(is_removed, "the removal of the folder")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lose", "gone"),
    [
        (shutil.rmtree, "daemon.json"),
        (lambda home: (home / "daemon.json").write_text("{}"), "daemon.json"),
        (lambda home: (home / "token").unlink(), "token"),
    ],
)
def test_a_daemon_that_no_client_can_use_stops(tmp_path: Path, lose: Callable[[Path], Any], gone: str) -> None:
    daemon = Daemon(tmp_path / "home", step_ms=5)
    client = daemon.start()
    assert daemon.process is not None
    daemon.hold(1)
    until_started(client, create_tone_job(client, 5.0))  # from here on it makes no files
    workers = daemon.children()
    console = (daemon.home / "console.txt").open()
    lose(daemon.home)
    assert daemon.process.wait(PATIENCE_S) == 0
    with console:
        said = console.read()
    assert f"stopping, for {gone} is gone or another daemon's" in said
    assert_gone(workers)
    left = daemon.home / "daemon.json"
    assert not left.exists() or left.read_text() == "{}"
